//! What is kept of images of the native engine: over restarts, until nobody needs it, and when it is damaged.

use std::fs;
use std::path::Path;

use cimsnap::layer::import::LayerOs;
use cimsnap::snapshot::SnapshotOptions;
use cimsnap::snapshot::fsck::{Fault, Subject};

use super::super::root::{Root, open as open_portable, open_with};
use super::{fsck, listing, native, native_files, open, pull, row, try_pull};
use crate::import::registry::{base, delta};
use crate::import::tars::Tar;
use crate::native::our_library;

fn layers() -> Vec<Vec<u8>> {
    let lower = base().dir("Files/d").file("Files/d/a", &"a".repeat(9000)).file("Files/f", "f");
    let second = delta("SAM", "one", "1").link("Files/g", "Files/f").whiteout("Files/d/.wh.a");
    let last = Tar::new().file("Files/h", "h");
    [lower, second, last].map(Tar::bytes).to_vec()
}

#[test]
fn images_are_there_after_a_restart_and_take_more_layers() {
    let (root, layers) = (Root::new(), layers());
    let all = open(&root);
    pull(&all, &layers[..2]);
    let before = (native_files(&all), listing(&all, "1"));
    drop(all);
    let all = open(&root);
    assert_eq!((native_files(&all), listing(&all, "1")), before);
    try_pull(&all, "2", "1", &layers[2], Some(LayerOs::Windows)).unwrap();
    all.take_digests().unwrap();
    let report = fsck(&all, false, &[]);
    assert!(report.findings.is_empty() && report.unverified == 0, "{report:?}");
    assert_eq!((report.images, report.layers), (3, 3));
}

#[test]
fn an_image_that_nobody_needs_goes_with_all_its_files() {
    let root = Root::new();
    let all = open(&root);
    pull(&all, &layers());
    let before = native_files(&all).len();
    all.remove("2").unwrap();
    let own = row(&all, "1").files.len() + row(&all, "0").files.len();
    let promised = all.garbage().unwrap();
    let garbage = all.collect().unwrap();
    assert_eq!((promised.bytes, garbage.images.len(), garbage.layers.len()), (garbage.bytes, 1, 1));
    assert!(native_files(&all).len() == own && own < before);
    all.remove("1").unwrap();
    all.remove("0").unwrap();
    all.cleanup().unwrap();
    assert_eq!(native_files(&all), [""; 0]);
    let left = fs::read_dir(all.store().root().images()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| name == "native" || name.starts_with('.')), "{left:?}");
}

#[test]
fn files_that_no_image_has_are_found_and_go() {
    let root = Root::new();
    let all = open(&root);
    pull(&all, &layers()[..1]);
    let whole = native_files(&all);
    let stray = |name: &str| root.path().join("cim/native").join(name);
    for name in ["half.cim", "region_of_some_kind"] {
        fs::write(stray(name), "left").unwrap();
    }
    let report = fsck(&all, false, &[]);
    assert_eq!(report.findings.len(), 2, "{report:?}");
    for finding in &report.findings {
        assert_eq!(finding.fault, Fault::NoRow { bytes: 4 });
        assert!(matches!(&finding.subject, Subject::Stray(path) if path.starts_with(stray(""))));
    }
    assert!(fsck(&all, true, &[]).findings.iter().all(|finding| finding.repaired));
    assert_eq!(native_files(&all), whole);

    fs::write(stray("left.by.a.crash"), "left").unwrap();
    drop(all);
    assert_eq!(native_files(&open(&root)), whole);
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[test]
fn damaged_images_are_made_again_with_those_above_them() {
    let (root, layers) = (Root::new(), layers());
    let all = open(&root);
    pull(&all, &layers);
    let sound = listing(&all, "2");
    for (name, damage) in [
        ("0", flip as fn(&Path)),
        ("1", |path| fs::remove_file(path).unwrap()),
        ("2", |path| fs::write(path, "short").unwrap()),
    ] {
        // The one that makes it an image, and another.
        for number in [0, 1] {
            all.take_digests().unwrap();
            let file = &row(&all, name).file_names()[number];
            damage(&all.store().root().images().join(file));
            let report = fsck(&all, false, &layers);
            let subject = Subject::Image(all.details(name).unwrap().image.unwrap().0);
            assert!(report.findings.iter().any(|finding| finding.subject == subject), "{file}: {report:?}");
            let report = fsck(&all, true, &layers);
            assert!(report.is_sound(), "{file}: {report:?}");
            all.take_digests().unwrap();
            let report = fsck(&all, false, &layers);
            assert!(report.findings.is_empty() && report.unverified == 0, "{file}: {report:?}");
            assert!(listing(&all, "2") == sound && row(&all, "2").is_native());
        }
    }
}

#[test]
fn an_image_whose_engine_is_gone_is_left_as_it_is() {
    let (root, layers) = (Root::new(), layers());
    let all = open(&root);
    pull(&all, &layers[..1]);
    all.take_digests().unwrap();
    let before = native_files(&all);
    drop(all);
    let all = open_portable(root.path());
    let path = all.store().root().images().join(&row(&all, "0").file_names()[0]);
    flip(&path);
    let report = fsck(&all, true, &layers);
    assert!(!report.is_sound(), "{report:?}");
    assert_eq!(native_files(&all), before);
    assert!(fsck(&all.written_by(native(our_library())), true, &layers).is_sound());
}

#[test]
fn what_a_power_loss_took_comes_again() {
    let hasty = SnapshotOptions { sync: false, ..SnapshotOptions::default() };
    let (root, layers) = (Root::new(), layers());
    let all = open_with(root.path(), hasty).written_by(native(our_library()));
    pull(&all, &layers[..2]);
    let lost = all.store().root().images().join(&row(&all, "0").file_names()[1]);
    let sound = listing(&all, "1");
    drop(all);
    fs::remove_file(lost).unwrap();
    let all = open(&root);
    assert_eq!(native_files(&all), [""; 0]);
    try_pull(&all, "0 again", "", &layers[0], Some(LayerOs::Windows)).unwrap();
    try_pull(&all, "1 again", "0 again", &layers[1], Some(LayerOs::Windows)).unwrap();
    assert!(listing(&all, "1 again") == sound);
}
