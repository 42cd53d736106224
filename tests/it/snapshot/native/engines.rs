//! Which engine writes what, and that both make the same.

use std::io::Cursor;
use std::time::Duration;

use cimsnap::engine::{EngineKind, Engines};
use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::LayerOs;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::snapshot::{Code, Labels, NewSnapshot, Snapshots};
use cimsnap::store::{Look, Promise};

use super::super::root::{Root, open as open_portable};
use super::super::{code, target};
use super::{fsck, generated, listing, native, native_files, of_repository, open, over, pull, row, try_pull};
use crate::import::registry::{base, delta};
use crate::import::tars::Tar;
use crate::native::our_library;

fn assert_same(layers: &[Vec<u8>]) {
    let roots = [Root::new(), Root::new()];
    let (native, portable) = (open(&roots[0]), open_portable(roots[1].path()));
    pull(&native, layers);
    pull(&portable, layers);
    for name in (0..layers.len()).map(|number| number.to_string()) {
        assert!(row(&native, &name).is_native() && !row(&portable, &name).is_native());
        assert!(listing(&native, &name) == listing(&portable, &name), "layer {name}");
        assert!(native.details(&name).unwrap().usage.bytes > 0);
    }
    assert!(native_files(&portable).is_empty());
    native.take_digests().unwrap();
    let report = fsck(&native, false, &[]);
    assert!(report.findings.is_empty() && report.unverified == 0 && report.unread == 0, "{report:?}");
}

#[test]
fn layers_of_the_repository_become_the_same() {
    assert_same(&of_repository());
}

#[test]
fn generated_layers_become_the_same() {
    assert_same(&generated());
}

/// What containerd prepares for a layer that it unpacks beside others.
fn apart(key: &str, chain: Digest) -> NewSnapshot {
    let labels = Labels::from([("containerd.io/snapshot.ref".to_owned(), chain.to_string())]);
    NewSnapshot { key: key.to_owned(), labels, ..NewSnapshot::default() }
}

fn fill(all: &Snapshots, key: &str, blob: &[u8]) {
    let stream = LayerStream::open(Cursor::new(blob.to_vec()), StreamOptions::default()).unwrap();
    all.fill(&target(all, key), stream, Some(LayerOs::Windows), Duration::ZERO).unwrap();
    all.fork_ahead(key).unwrap();
}

/// A base, hives that change twice, and names that come and go.
fn stack() -> Vec<Vec<u8>> {
    let lower = base().dir("Files/d").file("Files/d/a", "a").file("Files/d/a:side", "stream");
    let second = delta("System", "one", "1").link("Files/d/b", "Files/d/a").symlink("Files/to-d", "d");
    let third = delta("SYSTEM", "two", "2").file("Files/d/c", "c").whiteout("Files/.wh.d");
    let last = Tar::new().dir("Files/d").whiteout("Files/d/.wh..wh..opq").file("Files/d/e", "e");
    [lower, second, third, last].map(Tar::bytes).to_vec()
}

#[test]
fn layers_may_come_side_by_side_and_in_any_order() {
    let (layers, other) = (stack(), Root::new());
    let expected = open_portable(other.path());
    pull(&expected, &layers);
    for order in [[3, 2, 1, 0], [1, 0, 3, 2], [0, 3, 2, 1]] {
        let root = Root::new();
        let all = open(&root);
        let mut chain = None;
        for (number, blob) in layers.iter().enumerate() {
            chain = Some(Digest::of(blob).over(chain.as_ref()));
            all.prepare(apart(&format!("extract-1 {number}"), chain.unwrap())).unwrap();
        }
        std::thread::scope(|scope| {
            let first = scope.spawn(|| fill(&all, &format!("extract-1 {}", order[0]), &layers[order[0]]));
            fill(&all, &format!("extract-1 {}", order[1]), &layers[order[1]]);
            first.join().unwrap();
        });
        order[2..].iter().for_each(|&number| fill(&all, &format!("extract-1 {number}"), &layers[number]));
        for number in 0..layers.len() {
            let parent = number.checked_sub(1).map_or_else(String::new, |number| number.to_string());
            all.commit(&over(&number.to_string(), &format!("extract-1 {number}"), &parent)).unwrap();
        }
        assert!(listing(&all, "3") == listing(&expected, "3") && row(&all, "3").is_native(), "{order:?}");
    }
}

#[test]
fn images_are_shared_by_whoever_pulls_them() {
    let (root, layers) = (Root::new(), stack());
    let all = open(&root);
    pull(&all, &layers);
    let before = native_files(&all);
    try_pull(&all, "again", "", &layers[0], Some(LayerOs::Windows)).unwrap();
    try_pull(&all, "again over it", "again", &layers[1], Some(LayerOs::Windows)).unwrap();
    assert_eq!(native_files(&all), before);
    assert_eq!(row(&all, "again over it"), row(&all, "1"));
}

#[test]
fn layers_of_linux_become_images_of_the_portable_engine() {
    let root = Root::new();
    let all = open(&root);
    let lower = Tar::new().dir("./").file("./name", "one").file("./Name", "two").bytes();
    try_pull(&all, "linux", "", &lower, Some(LayerOs::Linux)).unwrap();
    let upper = Tar::new().file("./NAME", "three").bytes();
    try_pull(&all, "upper", "linux", &upper, None).unwrap();
    assert!(!row(&all, "linux").is_native() && !row(&all, "upper").is_native());
    assert!(native_files(&all).is_empty());
    let stack = stack();
    pull(&all, &stack[..1]);
    let mixed = try_pull(&all, "mixed", "0", &upper, Some(LayerOs::Linux));
    assert_eq!(code(mixed), Some(Code::FailedPrecondition));
}

#[test]
fn a_layer_without_entries_fits_an_image_of_the_native_engine() {
    let root = Root::new();
    let all = open(&root);
    pull(&all, &stack()[..1]);
    // Which system it was converted for nobody can tell any more when it comes again.
    let empty = Tar::new().bytes();
    try_pull(&all, "of linux", "", &empty, Some(LayerOs::Linux)).unwrap();
    let key = "extract-2 empty";
    all.prepare(super::super::new(key, "0")).unwrap();
    all.reuse(&target(&all, key), &Digest::of(&empty)).unwrap().unwrap();
    all.commit(&super::super::to(key, "empty")).unwrap();
    assert!(row(&all, "empty").is_native());
    assert!(listing(&all, "empty") == listing(&all, "0"));
}

#[test]
fn an_image_is_written_by_the_engine_of_what_it_lies_over() {
    let (root, stack) = (Root::new(), stack());
    let all = open_portable(root.path());
    try_pull(&all, "portable", "", &stack[0], Some(LayerOs::Windows)).unwrap();
    let all = all.written_by(native(our_library()));
    try_pull(&all, "over it", "portable", &stack[1], Some(LayerOs::Windows)).unwrap();
    assert!(!row(&all, "over it").is_native());

    let (other, upper) = (base().file("Files/other", "").bytes(), delta("SAM", "one", "1").bytes());
    try_pull(&all, "native", "", &other, Some(LayerOs::Windows)).unwrap();
    let all = all.written_by(Engines { lowest: EngineKind::Portable, library: Some(our_library()) });
    try_pull(&all, "over that", "native", &upper, Some(LayerOs::Windows)).unwrap();
    assert!(row(&all, "native").is_native() && row(&all, "over that").is_native());

    let all = all.written_by(Engines::PORTABLE);
    let refused = try_pull(&all, "nobody's", "native", &stack[2], Some(LayerOs::Windows)).unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.to_string().ends_with("and pull them again"), "{refused}");
    let report = fsck(&all, false, &[]);
    assert!(report.findings.is_empty(), "{report:?}");
}

#[test]
fn nothing_is_written_over_an_image_of_which_nothing_is_known() {
    for engines in [native(our_library()), Engines::PORTABLE] {
        let (root, stack) = (Root::new(), stack());
        let all = open_portable(root.path()).written_by(engines);
        pull(&all, &stack[..1]);
        let key = "extract-1 1";
        all.prepare(super::super::new(key, "0")).unwrap();
        let stream = LayerStream::open(Cursor::new(stack[1].clone()), StreamOptions::default()).unwrap();
        let chain = all.details("0").unwrap().image.unwrap().0;
        all.store().write(Promise::Kept, |writer| writer.remove_image(&chain)).unwrap();
        let filled = all.fill(&target(&all, key), stream, Some(LayerOs::Windows), Duration::ZERO);
        let refused = filled.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{refused}");
        let images: Vec<_> = all.store().read(|reader| reader.images()).unwrap();
        assert!(images.is_empty(), "{images:?}");
    }
}
