//! Layers that are there, and that the caller leaves out.

use std::time::Duration;

use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::LayerOs;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::snapshot::{CommitRequest, Labels, NewSnapshot, Snapshots};

use crate::import::tars::Tar;

use super::root::{Root, open};
use super::{code, files, fill, image, layer, new, row, shown, target, to};

const DIFF_ID: &str = "containerd.io/snapshot/diff-id";
const CHAIN: &str = "containerd.io/snapshot.ref";
const BELOW: &str = "containerd.io/snapshot/parent-chain-id";

/// What containerd prepares for one layer over another, when it unpacks both side by side.
fn apart(key: &str, tar: &[u8], below: Option<&Digest>) -> NewSnapshot {
    let diff_id = Digest::of(tar);
    let labels = [(DIFF_ID, Some(diff_id)), (CHAIN, Some(diff_id.over(below))), (BELOW, below.copied())];
    let labels: Labels = labels
        .into_iter()
        .filter_map(|(label, digest)| Some((label.to_owned(), digest?.to_string())))
        .collect();
    NewSnapshot { key: key.to_owned(), labels, leaves_out: true, ..NewSnapshot::default() }
}

fn is_read_only(all: &Snapshots, key: &str) -> bool {
    all.mounts(key).unwrap().last().unwrap().options.iter().any(|option| option == "ro")
}

fn rebase(all: &Snapshots, key: &str, name: &str, parent: &str) {
    all.commit(&CommitRequest { parent: parent.to_owned(), ..to(key, name) }).unwrap();
}

#[test]
fn a_layer_that_is_there_is_left_out_and_becomes_the_same_image() {
    let root = Root::new();
    let all = open(root.path());
    let below = Digest::of(&layer("lower"));
    image(&all, "lower", "", "lower");
    image(&all, "upper", "lower", "upper");
    let before = files(&all);

    let mounts = all.prepare(apart("extract-2 a", &layer("lower"), None)).unwrap();
    assert_eq!(all.mounts("extract-2 a").unwrap(), mounts);
    all.prepare(apart("extract-2 b", &layer("upper"), Some(&below))).unwrap();
    assert!(is_read_only(&all, "extract-2 a") && is_read_only(&all, "extract-2 b"));
    all.fork_ahead("extract-2 a").unwrap();
    all.fork_ahead("extract-2 b").unwrap();
    rebase(&all, "extract-2 a", "other/lower", "");
    rebase(&all, "extract-2 b", "other/upper", "other/lower");

    assert_eq!(files(&all), before);
    assert_eq!(row(&all, "other/upper").unwrap().image, row(&all, "upper").unwrap().image);
    all.view(new("view", "other/upper")).unwrap();
    assert_eq!(shown(&all, "view"), "upper");
}

#[test]
fn a_layer_that_waits_for_its_image_is_not_collected() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "lower", "", "lower");
    all.prepare(apart("extract-2 a", &layer("lower"), None)).unwrap();
    all.remove("lower").unwrap();
    all.cleanup().unwrap();
    rebase(&all, "extract-2 a", "again", "");
    all.view(new("view", "again")).unwrap();
    assert_eq!(shown(&all, "view"), "lower");
    all.remove("view").unwrap();
    all.remove("again").unwrap();
    all.cleanup().unwrap();
    assert_eq!(files(&all), [""; 0]);
}

#[test]
fn only_who_leaves_layers_out_is_told_that_they_are_there() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "lower", "", "lower");
    all.prepare(apart("extract-2 unknown", &layer("never seen"), None)).unwrap();
    all.prepare(NewSnapshot { leaves_out: false, ..apart("extract-2 old", &layer("lower"), None) }).unwrap();
    let mut strange = apart("extract-2 strange", &layer("lower"), None);
    strange.labels.insert(DIFF_ID.to_owned(), "sha256:nonsense".to_owned());
    all.prepare(strange).unwrap();
    for key in ["extract-2 unknown", "extract-2 old", "extract-2 strange"] {
        assert!(!is_read_only(&all, key), "{key}");
    }
    // Who applies it nevertheless gets what it is.
    all.prepare(apart("extract-2 told", &layer("lower"), None)).unwrap();
    fill(&all, &target(&all, "extract-2 told"), &layer("lower")).unwrap();
    rebase(&all, "extract-2 told", "told", "");
    assert_eq!(row(&all, "told").unwrap().image, row(&all, "lower").unwrap().image);
}

#[test]
fn a_layer_of_two_systems_is_applied() {
    let root = Root::new();
    let all = open(root.path());
    // A Windows layer and a Linux layer of the same bytes: what they mean differs.
    let tar = Tar::new().dir("Files").file("Files/both", "both").bytes();
    for (number, os) in LayerOs::ALL.into_iter().enumerate() {
        let key = format!("extract-{number} both");
        all.prepare(new(&key, "")).unwrap();
        let stream = LayerStream::open(std::io::Cursor::new(tar.clone()), StreamOptions::default()).unwrap();
        all.fill(&target(&all, &key), stream, Some(os), Duration::ZERO).unwrap();
    }
    all.prepare(apart("extract-2 which", &tar, None)).unwrap();
    assert!(!is_read_only(&all, "extract-2 which"));
    assert_eq!(code(all.mounts("extract-2 which")), None);
}
