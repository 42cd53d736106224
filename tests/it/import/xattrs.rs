//! Extended attributes, from a layer through a mount and an export to another image.

use std::collections::BTreeMap;
use std::fs;

use cimsnap::layer::export::export;
use cimsnap::layer::import::LayerOs;
use rustix::fs::{XattrFlags, lsetxattr};

use super::mounted::{Scene, tar, xattrs};
use super::tars::Tar;

type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

fn exported(scene: &Scene) -> Vec<u8> {
    let mut tar = Vec::new();
    export(None, &scene.image(), LayerOs::Linux, &mut tar).unwrap();
    tar
}

/// Imports a layer, and imports what is exported of it; returns what both mounts show of a file.
fn twice(layer: Vec<u8>, file: &str) -> [Xattrs; 2] {
    let mut scene = Scene::new();
    scene.import(layer).unwrap();
    let mut again = Scene::new();
    again.import(exported(&scene)).unwrap();
    [&mut scene, &mut again].map(|scene| xattrs(&scene.mount("mounted").join(file)))
}

#[test]
fn names_keep_their_case_and_length() {
    let scene = Scene::new();
    let source = scene.make("source");
    let file = source.join("file");
    fs::write(&file, "data").unwrap();
    let long = [252, 253, 254, 255].map(|len| "user.".to_owned() + &"n".repeat(len - 5));
    let names = [
        "user.foo",
        "user.Foo",
        "user.FOO",
        "user.lxattr.0",
        "user.Ünïcode",
        "security.SMACK64",
        "security.smack64",
    ];
    for (number, name) in names.into_iter().chain(long.iter().map(String::as_str)).enumerate() {
        lsetxattr(&file, name, number.to_string().as_bytes(), XattrFlags::empty()).unwrap();
    }
    lsetxattr(&file, "user.EMPTY", b"", XattrFlags::empty()).unwrap();
    let expected = xattrs(&file);
    assert_eq!(expected.len(), 12);
    assert_eq!(twice(tar(&source), "file"), [expected.clone(), expected]);
}

#[test]
fn names_of_any_bytes_lead_back() {
    let names: [&[u8]; 6] = [b"user.\xFF", b"user.A=B", b"user.a=b", b"user.%41", b"user.\nA", b"user.x y"];
    let encode = |name: &[u8]| {
        let digits = name.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
        format!("LIBARCHIVE.xattr.{digits}").into_bytes()
    };
    let keys: Vec<_> = names.iter().map(|name| encode(name)).collect();
    let records: Vec<_> = keys.iter().map(|key| (key.as_slice(), &b"Zg"[..])).collect();
    let expected: Xattrs = names.into_iter().map(|name| (name.to_vec(), b"f".to_vec())).collect();
    let layer = Tar::new().records(&records).file("file", "").bytes();
    assert_eq!(twice(layer, "file"), [expected.clone(), expected]);
}

#[test]
fn attributes_of_the_administrator_are_dropped_with_a_remark() {
    let records: [(&[u8], &[u8]); 5] = [
        (b"SCHILY.xattr.trusted.overlay.opaque", b"y"),
        (b"SCHILY.xattr.trusted.overlay.overlay.opaque", b"y"),
        (b"LIBARCHIVE.xattr.trusted.other", b"Zg"),
        (b"SCHILY.xattr.unknown.kind", b"x"),
        (b"SCHILY.xattr.user.kept", b"x"),
    ];
    let layer = Tar::new().records(&records).dir("d").records(&records).file("file", "").bytes();
    let mut scene = Scene::new();
    let report = scene.import(layer).unwrap();
    assert_eq!(report.counts.remarks, 8);
    let (path, remark) = &report.remarks[0];
    assert_eq!((path.as_str(), remark.to_string().contains("trusted.")), ("d", true), "{remark}");
    let tar = String::from_utf8_lossy(&exported(&scene)).into_owned();
    assert!(!tar.contains("trusted.") && tar.contains("SCHILY.xattr.user.kept"));
    let mounted = scene.mount("mounted");
    for name in ["d", "file"] {
        assert_eq!(xattrs(&mounted.join(name)).into_keys().collect::<Vec<_>>(), [b"user.kept"]);
    }
}
