//! Layers that are there, and that the caller leaves out.

use std::path::Path;
use std::time::Duration;

use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::LayerOs;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::snapshot::{CommitRequest, Extraction, Labels, NewSnapshot, SnapshotOptions, Snapshots};
use cimsnap::store::{Look, Promise, SnapshotRow, StoreError, Writer};

use crate::import::tars::Tar;

use super::root::{Root, open_with};
use super::{code, files, fill, image, layer, new, row, shown, target, to};

const DIFF_ID: &str = "containerd.io/snapshot/diff-id";
const CHAIN: &str = "containerd.io/snapshot.ref";
const BELOW: &str = "containerd.io/snapshot/parent-chain-id";

/// Opens a root whose layers are there for every namespace.
fn open(root: &Path) -> Snapshots {
    open_with(root, SnapshotOptions { share: true, ..SnapshotOptions::default() })
}

/// Opens a root as it is by default: a namespace has to bring the blob of each layer itself.
fn open_unshared(root: &Path) -> Snapshots {
    open_with(root, SnapshotOptions::default())
}

/// Makes a committed snapshot of a layer whose blob a namespace applies.
fn applied_by(all: &Snapshots, namespace: &str, name: &str, data: &str) {
    let key = format!("extract-1 {name}");
    all.prepare(new(&key, "")).unwrap();
    fill(all, &in_namespace(all, namespace, &key), &layer(data)).unwrap();
    all.commit(&to(&key, name)).unwrap();
}

fn in_namespace(all: &Snapshots, namespace: &str, key: &str) -> Extraction {
    Extraction { namespace: Some(namespace.to_owned()), ..target(all, key) }
}

/// Prepares a snapshot for a layer and returns whether the layer is there, so that its blob need not be fetched.
fn is_staged(all: &Snapshots, namespace: Option<&str>, key: &str, data: &str) -> bool {
    let key = format!("extract-9 {key}");
    let namespace = namespace.map(str::to_owned);
    all.prepare(NewSnapshot { namespace, ..apart(&key, &layer(data), None) }).unwrap();
    assert_eq!(is_read_only(all, &key), row(all, &key).unwrap().layer.is_some());
    is_read_only(all, &key)
}

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

#[test]
fn a_layer_is_staged_only_for_namespaces_that_applied_its_blob() {
    let root = Root::new();
    let all = open_unshared(root.path());
    applied_by(&all, "one", "one/lower", "lower");
    assert!(is_staged(&all, Some("one"), "same", "lower"));
    assert!(!is_staged(&all, Some("two"), "other", "lower"));
    assert!(!is_staged(&all, None, "unnamed", "lower"));
    // The label of a chain that another namespace has finds no snapshot either: `prepare` would fail.
    let chained = NewSnapshot { leaves_out: false, ..apart("extract-9 chain", &layer("lower"), None) };
    all.prepare(chained).unwrap();

    // The blob is the proof, whoever converted it.
    let blob = Digest::of(&layer("lower"));
    all.reuse(&in_namespace(&all, "two", "extract-9 other"), &blob).unwrap().unwrap();
    assert!(is_staged(&all, Some("two"), "proved", "lower"));
    assert!(!is_staged(&all, Some("three"), "third", "lower"));

    // A snapshot of the layer that was staged counts as much as the one that was filled.
    rebase(&all, "extract-9 proved", "two/lower", "");
    all.remove("extract-9 other").unwrap();
    assert!(is_staged(&all, Some("two"), "again", "lower"));
    // A namespace without any snapshot of the layer has to bring the blob again.
    ["extract-9 again", "two/lower"].iter().for_each(|key| all.remove(key).unwrap());
    assert!(!is_staged(&all, Some("two"), "later", "lower"));
}

#[test]
fn layers_that_were_shared_are_not_proved() {
    let root = Root::new();
    let all = open(root.path());
    applied_by(&all, "one", "one/lower", "lower");
    assert!(is_staged(&all, Some("two"), "shared", "lower"));
    rebase(&all, "extract-9 shared", "two/lower", "");
    drop(all);
    let all = open_unshared(root.path());
    assert!(!is_staged(&all, Some("two"), "unshared", "lower"));
    assert!(is_staged(&all, Some("one"), "own", "lower"));
}

#[test]
fn rows_of_earlier_versions_prove_nothing() {
    let root = Root::new();
    let all = open_unshared(root.path());
    applied_by(&all, "one", "one/lower", "lower");
    let forget = |writer: &mut Writer| {
        let row = writer.snapshot("one/lower")?.unwrap();
        writer.put_snapshot("one/lower", &SnapshotRow { applied_by: None, ..row })
    };
    all.store().write::<_, StoreError>(Promise::Kept, forget).unwrap();
    assert!(!is_staged(&all, Some("one"), "old", "lower"));
}

#[test]
fn bytes_that_were_not_applied_are_no_proof() {
    let root = Root::new();
    let all = open_unshared(root.path());
    // What a container wrote and committed came from no blob.
    all.prepare(NewSnapshot { namespace: Some("one".to_owned()), ..new("container", "") }).unwrap();
    all.commit(&to("container", "one/committed")).unwrap();
    let set = row(&all, "one/committed").unwrap().image.and_then(|chain| {
        all.store()
            .read(|reader| Ok::<_, StoreError>(reader.image(&chain)?.map(|image| image.layer)))
            .unwrap()
    });
    let proved = all.store().read(|reader| reader.has_applied("one", set.unwrap())).unwrap();
    assert!(!proved);
    // A blob that is not known is not reused, and one that fails leaves no proof.
    applied_by(&all, "one", "one/lower", "lower");
    assert!(!is_staged(&all, Some("two"), "hostile", "lower"));
    let target = in_namespace(&all, "two", "extract-9 hostile");
    assert_eq!(all.reuse(&target, &Digest::of(b"garbage")).unwrap(), None);
    let broken = [&layer("lower")[..1000], &[0x55; 4096]].concat();
    assert!(fill(&all, &target, &broken).is_err());
    assert!(!is_staged(&all, Some("two"), "after", "lower"));
}
