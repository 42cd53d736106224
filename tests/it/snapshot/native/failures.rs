//! Libraries that fail half-way.

use std::path::Path;

use cimsnap::engine::native::Cimfs;
use cimsnap::layer::import::LayerOs;
use cimsnap::snapshot::{Code, SnapshotOptions};

use super::super::root::{Root, open_with};
use super::{fsck, native, native_files, open, row, try_pull};
use crate::import::registry::base;
use crate::import::tars::Tar;
use crate::native::stub::{compile, failing, leaving};
use crate::native::{our_library, said};

/// Has a library fail to make an image, which then is made by a better one; returns what was said.
fn refused(library: Cimfs, layers: &[Tar]) -> (Code, String) {
    let root = Root::new();
    let all = open(&root);
    let mut parent = String::new();
    let (layer, below) = layers.split_last().unwrap();
    for (number, lower) in below.iter().enumerate() {
        try_pull(&all, &number.to_string(), &parent, &lower.clone().bytes(), Some(LayerOs::Windows)).unwrap();
        parent = number.to_string();
    }
    let before = native_files(&all);
    let all = all.written_by(native(library));
    let blob = layer.clone().bytes();
    let error = try_pull(&all, "new", &parent, &blob, Some(LayerOs::Windows)).unwrap_err();
    assert_eq!(native_files(&all), before, "something is left");
    let report = fsck(&all, false, &[]);
    assert!(report.findings.is_empty(), "{report:?}");

    let all = all.written_by(native(our_library()));
    all.remove("extract-1 new").unwrap();
    try_pull(&all, "new", &parent, &blob, Some(LayerOs::Windows)).unwrap();
    assert!(row(&all, "new").is_native() && native_files(&all).len() > before.len());
    (error.code(), said(error))
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn layer() -> Tar {
    base().file("Files/a", "data").file("Files/a:side", "stream").link("Files/b", "Files/a")
}

#[test]
fn each_call_that_fails_is_named_and_nothing_is_left() {
    for (function, says) in [
        ("CimCreateImage", "cannot begin image"),
        ("CimCreateFile", "cannot make /Files"),
        ("CimWriteStream", "cannot write /Files/Windows/System32/config/SYSTEM"),
        ("CimCreateAlternateStream", "cannot make stream side of /Files/a"),
        ("CimCreateHardLink", "cannot link /Files/b to /Files/a"),
        ("CimCommitImage", "cannot commit image"),
    ] {
        let place = place();
        let (code, error) = refused(failing(place.path(), function, 0x8007_0005), &[layer()]);
        let cause = format!("{function}: access is denied (HRESULT 0x80070005)");
        assert!(code == Code::Internal && error.starts_with(says) && error.ends_with(&cause), "{error}");
    }
}

#[test]
fn deletions_that_fail_are_named_too() {
    let place = place();
    let library = failing(place.path(), "CimDeletePath", 0x8007_0005);
    let (_, error) = refused(library, &[layer(), Tar::new().whiteout("Files/.wh.a")]);
    assert_eq!(error, "cannot delete /Files/a: CimDeletePath: access is denied (HRESULT 0x80070005)");
}

#[test]
fn what_a_library_leaves_is_removed() {
    let place = place();
    refused(leaving(place.path(), "CimCommitImage", 0x8000_4005), &[layer()]);
}

#[test]
fn a_full_disk_is_told_as_one() {
    let place = place();
    let (code, error) = refused(failing(place.path(), "CimCommitImage", 0x8007_0070), &[layer()]);
    assert_eq!(code, Code::ResourceExhausted, "{error}");
}

#[test]
fn a_library_that_lacks_a_function_is_named_with_it() {
    let place = place();
    let library = lacking(place.path());
    let (_, error) = refused(library, &[layer()]);
    assert!(error.contains("stub.so has no CimCloseImage, "), "{error}");
}

fn lacking(place: &Path) -> Cimfs {
    let source =
        "#include \"cimfs.h\"\nHRESULT CimDeletePath(CIMFS_IMAGE_HANDLE a, PCWSTR b) { return 0; }\n";
    Cimfs::open(&compile(place, source)).unwrap()
}

#[test]
fn without_waiting_for_the_disk_it_works_too() {
    let root = Root::new();
    let hasty = SnapshotOptions { sync: false, ..SnapshotOptions::default() };
    let all = open_with(root.path(), hasty).written_by(native(our_library()));
    try_pull(&all, "new", "", &layer().bytes(), Some(LayerOs::Windows)).unwrap();
    assert!(row(&all, "new").is_native());
}
