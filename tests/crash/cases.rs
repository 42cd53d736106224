//! What is killed. Every work may be done again, whether it was done before or not.

use std::fs;
use std::io::Cursor;
use std::time::Duration;

use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::LayerOs;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::snapshot::{Code, CommitRequest, Extraction, Labels, NewSnapshot, SnapshotError, Snapshots};
use cimsnap::store::Look;

/// One verb.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What happens before, and is not disturbed.
    pub(crate) prepare: fn(&Snapshots),
    pub(crate) work: fn(&Snapshots),
    /// Whether what was told lasts: all but a snapshot that is yet to be committed.
    pub(crate) kept: bool,
}

pub(crate) const CASES: &[Case] = &[
    Case { name: "opening", prepare: base, work: |_| {}, kept: true },
    Case { name: "opening the first time", prepare: |_| {}, work: |_| {}, kept: true },
    Case { name: "preparing a container", prepare: base, work: prepare_container, kept: true },
    Case { name: "preparing a layer", prepare: base, work: prepare_layer, kept: false },
    Case { name: "viewing", prepare: base, work: view, kept: true },
    Case { name: "filling", prepare: waiting, work: fill, kept: false },
    Case { name: "filling with something large", prepare: waiting, work: fill_large, kept: false },
    Case { name: "filling with what is known", prepare: waiting_for_known, work: reuse, kept: false },
    Case {
        name: "making images ahead",
        prepare: early,
        work: |all| all.fork_ahead(LAYER).unwrap(),
        kept: true,
    },
    Case {
        name: "making images ahead of each other",
        prepare: stacked,
        work: |all| all.fork_ahead(LAYER).unwrap(),
        kept: true,
    },
    Case { name: "committing a layer", prepare: early, work: rebase, kept: true },
    Case { name: "committing a layer ahead", prepare: filled, work: commit_layer, kept: true },
    Case { name: "committing a large layer", prepare: large, work: commit_layer, kept: true },
    Case { name: "committing over a parent that comes last", prepare: fatherless, work: rebase, kept: true },
    Case { name: "committing a directory", prepare: container, work: commit_container, kept: true },
    Case {
        name: "waiting for what is kept",
        prepare: filled,
        work: |all| {
            all.settle().unwrap();
        },
        kept: true,
    },
    Case { name: "labelling", prepare: base, work: label, kept: true },
    Case { name: "removing", prepare: committed, work: remove, kept: true },
    Case { name: "cleaning up", prepare: removed, work: |all| all.cleanup().unwrap(), kept: true },
];

const LAYER: &str = "ns/2/extract-1 layer";
const TOP: &str = "ns/4/extract-2 top";
const CONTAINER: &str = "ns/3/container";

fn base(all: &Snapshots) {
    done(all.prepare(new("ns/1/extract-0 base", "")));
    fill_with(all, "ns/1/extract-0 base", &lowest());
    done(all.commit(&to("ns/1/extract-0 base", "base", "")));
}

fn waiting(all: &Snapshots) {
    base(all);
    prepare_layer(all);
    // Takes what is loose along to the disk.
    label(all);
}

fn waiting_for_known(all: &Snapshots) {
    filled(all);
    done(all.prepare(new("ns/9/extract-9 other", "base")));
    label(all);
}

fn filled(all: &Snapshots) {
    waiting(all);
    fill_with(all, LAYER, &upper());
    label(all);
}

/// A layer comes before its parent, so that its image is not made with it.
fn early(all: &Snapshots) {
    fill_for(all, LAYER, &[lowest(), upper()]);
    base(all);
}

fn fatherless(all: &Snapshots) {
    early(all);
    all.fork_ahead(LAYER).unwrap();
    label(all);
}

fn stacked(all: &Snapshots) {
    fill_for(all, TOP, &[lowest(), upper(), top()]);
    early(all);
}

/// Fills a snapshot that says no more of its parent than which chain it is to become, with the last of its layers.
fn fill_for(all: &Snapshots, key: &str, layers: &[Vec<u8>]) {
    let chain =
        layers.iter().fold(None, |below: Option<Digest>, layer| Some(Digest::of(layer).over(below.as_ref())));
    let chain = chain.unwrap().to_string();
    let labels = Labels::from([("containerd.io/snapshot.ref".to_owned(), chain)]);
    done(all.prepare(NewSnapshot { key: key.to_owned(), labels, ..NewSnapshot::default() }));
    fill_with(all, key, layers.last().unwrap());
}

fn container(all: &Snapshots) {
    base(all);
    prepare_container(all);
    let row = all.store().read(|reader| reader.snapshot(CONTAINER)).unwrap().unwrap();
    fs::write(all.store().root().upper(row.id).join("written"), [7; 5000]).unwrap();
}

fn committed(all: &Snapshots) {
    filled(all);
    commit_layer(all);
}

fn removed(all: &Snapshots) {
    committed(all);
    prepare_container(all);
    remove(all);
    done(all.remove(CONTAINER));
}

fn prepare_container(all: &Snapshots) {
    done(all.prepare(new(CONTAINER, "base")));
}

fn prepare_layer(all: &Snapshots) {
    done(all.prepare(new(LAYER, "base")));
}

fn view(all: &Snapshots) {
    done(all.view(new(CONTAINER, "base")));
}

fn fill(all: &Snapshots) {
    fill_with(all, LAYER, &upper());
}

fn fill_large(all: &Snapshots) {
    fill_with(all, LAYER, &large_layer());
}

fn large(all: &Snapshots) {
    waiting(all);
    fill_large(all);
    label(all);
}

fn reuse(all: &Snapshots) {
    let target = target(all, "ns/9/extract-9 other");
    all.reuse(&target, &Digest::of(&upper())).unwrap().unwrap();
}

fn commit_layer(all: &Snapshots) {
    done(all.commit(&to(LAYER, "layer", "")));
}

fn rebase(all: &Snapshots) {
    done(all.commit(&to(LAYER, "layer", "base")));
}

fn commit_container(all: &Snapshots) {
    done(all.commit(&to(CONTAINER, "committed", "")));
}

fn label(all: &Snapshots) {
    all.update("base", &Labels::from([("containerd.io/snapshot/x".to_owned(), "y".to_owned())]), &[])
        .unwrap();
}

fn remove(all: &Snapshots) {
    done(all.remove("layer"));
}

/// Takes an answer that says that all is done, now or before.
fn done<T>(answer: Result<T, SnapshotError>) {
    if let Err(error) = answer {
        assert!(matches!(error.code(), Code::AlreadyExists | Code::NotFound), "{error}");
    }
}

fn new(key: &str, parent: &str) -> NewSnapshot {
    NewSnapshot { key: key.to_owned(), parent: parent.to_owned(), ..NewSnapshot::default() }
}

fn to(key: &str, name: &str, parent: &str) -> CommitRequest {
    let labels = Labels::from([("containerd.io/snapshot/kept".to_owned(), name.to_owned())]);
    CommitRequest { key: key.to_owned(), name: name.to_owned(), parent: parent.to_owned(), labels }
}

fn fill_with(all: &Snapshots, key: &str, tar: &[u8]) {
    let stream = LayerStream::open(Cursor::new(tar.to_vec()), StreamOptions::default()).unwrap();
    all.fill(&target(all, key), stream, Some(LayerOs::Linux), Duration::ZERO).unwrap();
}

fn target(all: &Snapshots, key: &str) -> Extraction {
    let row = all.store().read(|reader| reader.snapshot(key)).unwrap().unwrap();
    Extraction { key: key.to_owned(), row, namespace: None }
}

fn lowest() -> Vec<u8> {
    tar(&[("./bin/tool", &[1; 9000]), ("./etc/name", b"base")])
}

fn upper() -> Vec<u8> {
    tar(&[("./etc/name", b"upper"), ("./data/big", &[3; 70_000]), ("./bin/.wh.tool", b"")])
}

/// A layer of more bytes than are kept.
fn large_layer() -> Vec<u8> {
    let numbers: Vec<u8> = (0..1 << 18).flat_map(|number: u32| number.to_le_bytes()).collect();
    tar(&[("./etc/name", b"large"), ("./data/big", &numbers)])
}

fn top() -> Vec<u8> {
    tar(&[("./etc/name", b"top")])
}

/// Makes a layer.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, data) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(data.len().try_into().unwrap());
        tar.append_data(&mut header, path, *data).unwrap();
    }
    tar.into_inner().unwrap()
}
