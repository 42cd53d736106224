//! Images of a version that only the library itself can read.

use std::fs;

use cimsnap::layer::export::ChangesetOptions;
use cimsnap::layer::import::LayerOs;
use cimsnap::snapshot::fsck::Fault;
use cimsnap::snapshot::{Code, Shown, SnapshotOptions, Snapshots};

use super::super::root::{Root, open as open_portable, open_with};
use super::{fsck, image_path, native, native_files, pull, row, try_pull};
use crate::import::registry::{base, delta};
use crate::import::tars::Tar;
use crate::native::newer::{newer, older};
use crate::support::image_name;

/// As on Windows, where nobody looks into an image to show it.
fn open(root: &Root, sync: bool) -> Snapshots {
    let options = SnapshotOptions { sync, shown: Shown::CimFs, ..SnapshotOptions::default() };
    open_with(root.path(), options)
}

fn layers() -> Vec<Vec<u8>> {
    let lower = base().dir("Files/d").file("Files/d/a", "a").file("Files/d/b", "b");
    let second =
        Tar::new().dir("Files/d").file("Files/d/c", "c").whiteout("Files/.wh.d").link("Files/e", "Files/d/c");
    let third = Tar::new().file("Files/d/x", "x").dir("Files/d").whiteout("Files/d/.wh..wh..opq");
    [lower, second, third, delta("SAM", "one", "1")].map(Tar::bytes).to_vec()
}

#[test]
fn they_are_kept_and_compared_without_being_read() {
    let (root, place, layers) = (Root::new(), tempfile::tempdir().unwrap(), layers());
    let library = newer(place.path(), "");
    let all = open(&root, true).written_by(native(library.clone()));
    pull(&all, &layers);
    all.take_digests().unwrap();
    let report = fsck(&all, false, &layers);
    assert!(report.findings.is_empty() && report.unread == 4 && report.unverified == 0, "{report:?}");
    let files = native_files(&all);
    drop(all);

    // Also where a power loss may have taken something, an image that cannot be read is not taken for lost.
    drop(open(&root, false));
    let all = open(&root, true).written_by(native(library));
    assert_eq!(native_files(&all), files);
    let path = all.store().root().images().join(row(&all, "2").file_names().pop().unwrap());
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = fsck(&all, false, &layers);
    let faults: Vec<&Fault> = report.findings.iter().map(|finding| &finding.fault).collect();
    assert_eq!(faults, [&Fault::Changed(path)]);
    assert!(fsck(&all, true, &layers).is_sound());
    for name in ["3", "2", "1", "0"] {
        all.remove(name).unwrap();
    }
    all.cleanup().unwrap();
    assert_eq!(native_files(&all), [""; 0]);
}

#[test]
fn they_hold_what_the_portable_engine_makes() {
    let (root, other, place) = (Root::new(), Root::new(), tempfile::tempdir().unwrap());
    let (all, portable) =
        (open(&root, true).written_by(native(newer(place.path(), ""))), open_portable(other.path()));
    pull(&all, &layers());
    pull(&portable, &layers());
    let path = image_path(&all, "3");
    let image = older(path.parent().unwrap(), &image_name(path.file_name().unwrap().to_str().unwrap()));
    assert_eq!(crate::native::listing(&image), super::listing(&portable, "3"));
}

#[test]
fn who_wants_to_look_into_one_is_told_why_not() {
    let (root, place, layers) = (Root::new(), tempfile::tempdir().unwrap(), layers());
    let all = open(&root, true).written_by(native(newer(place.path(), "")));
    pull(&all, &layers[..2]);
    let view = |key: &str, parent: &str| super::super::new(key, parent);
    let mounts = ["0", "1"].map(|name| {
        fs::write(root.path().join("sandbox.vhdx"), "a disk").unwrap();
        all.view(view(&format!("view {name}"), name)).unwrap()
    });
    let at = format!(
        "parentCimPaths=[\"{}\",\"{}\"]",
        image_path(&all, "1").display(),
        image_path(&all, "0").display()
    );
    assert!(mounts[1][0].options.contains(&at), "{mounts:?}");
    let difference = all.difference(&mounts[0], &mounts[1]).unwrap().unwrap();
    let error = all.write_difference(&difference, ChangesetOptions::default(), Vec::new()).unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.to_string().contains("has format version 4.0"), "{error}");
    drop(all);
    let all = open_portable(root.path());
    let error = all.view(view("shown", "0")).and_then(|_| all.mounts("shown")).unwrap_err();
    assert!(crate::native::said(error).contains("has format version 4.0"));
}

#[test]
fn what_takes_a_listing_of_the_parent_is_refused_and_leaves_nothing() {
    let (root, place) = (Root::new(), tempfile::tempdir().unwrap());
    let all = open(&root, true).written_by(native(newer(place.path(), "")));
    pull(&all, &layers()[..1]);
    let before = native_files(&all);
    let opaque = Tar::new().whiteout("Files/d/.wh..wh..opq").bytes();
    let error = try_pull(&all, "opaque", "0", &opaque, Some(LayerOs::Windows)).unwrap_err();
    assert!(error.to_string().contains("what the layer deletes in /Files/d cannot be told"), "{error}");
    assert_eq!(native_files(&all), before);
}
