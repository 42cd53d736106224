//! Names of Linux files, from a layer through a mount and an export to another image.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cimsnap::layer::export::export;
use cimsnap::layer::import::LayerOs;
use tar::EntryType;

use super::mounted::Scene;
use super::tars::Tar;

/// Names that could collide: characters that Windows forbids and those that stand for them, alone and in pairs, twins that
/// differ in case, bytes that are not UTF-8, and the longest names.
fn names() -> BTreeSet<Vec<u8>> {
    let forbidden = (1..0x20).chain(*b"\"*:<>?\\|").map(|byte| vec![byte]);
    let private = (0xF000..=0xF0FFu32).filter_map(char::from_u32).map(|c| String::from(c).into_bytes());
    let others = ["a", "A", "é", "É", "ǆ", "ǅ", "Ǆ", "名", "\u{1F600}", "\u{FFFD}", "...", " "]
        .map(|c| c.as_bytes().to_vec());
    let raw = (0x80..=0xFFu8).map(|byte| vec![byte]);
    let cut =
        [&b"\xEF\x80"[..], b"\xEF", b"\xED\xA0\x80", b"\xED\xB2\xBA", b"\xF0\x9F\x98"].map(<[u8]>::to_vec);
    let alone: Vec<_> = forbidden.chain(private).chain(others).chain(raw).chain(cut).collect();
    let few =
        [&b":"[..], "\u{F03A}".as_bytes(), b"\\", "\u{F05C}".as_bytes(), b"\x01", "\u{F001}".as_bytes()];
    let few: Vec<_> =
        few.into_iter().chain([&b"a"[..], b"A", b"\xEF", b"\xEF\x80", b"\xBA", b"\x80\xBA"]).collect();
    let pairs = few.iter().flat_map(|first| few.iter().map(|second| [*first, second].concat()));
    let long = ["x", ":", "\u{F03A}", "é"].map(|c| c.repeat(255 / c.len()).into_bytes());
    alone.iter().cloned().chain(pairs).chain(long).chain([vec![0xFF; 255]]).collect()
}

fn layer() -> Vec<u8> {
    let entry = |tar: Tar, name: &Vec<u8>| {
        tar.raw(EntryType::Regular, &[b"d/", &name[..]].concat(), b"", name, |_| {})
    };
    names().iter().fold(Tar::new().dir("d"), entry).bytes()
}

/// Returns what a listing has, with what the look-up of each name leads to.
fn found(at: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let names = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| (name.as_bytes().to_vec(), fs::read(at.join(&name)).unwrap())).collect()
}

#[test]
fn every_name_is_a_file_of_its_own() {
    let expected: BTreeMap<_, _> = names().into_iter().map(|name| (name.clone(), name)).collect();
    let mut scene = Scene::new();
    scene.import(layer()).unwrap();
    let mounted = scene.mount("mounted");
    let overlay = scene.overlay("overlay", &mounted, "");
    for at in [mounted.join("d"), overlay.join("d")] {
        let found = found(&at);
        assert_eq!(found.len(), expected.len());
        assert_eq!(found, expected);
    }
    // A name that is not listed is not found.
    for absent in ["b", "\u{F03A}\u{F03A}\u{F03A}", ":::", "É:"] {
        assert!(!mounted.join("d").join(absent).exists(), "{absent}");
    }
    assert!(!mounted.join("d").join(OsStr::from_bytes(b"\xEF\x80\xFE")).exists());

    let mut again = Scene::new();
    let mut tar = Vec::new();
    export(None, &scene.image(), LayerOs::Linux, &mut tar).unwrap();
    again.import(tar).unwrap();
    assert_eq!(found(&again.mount("mounted").join("d")), expected);
}

#[test]
fn a_whiteout_hides_the_one_name_that_it_names() {
    let mut scene = Scene::new();
    scene.import(layer()).unwrap();
    let gone: BTreeSet<_> = ["\u{F03A}", "\\", "\u{F001}:", "É"].map(|name| name.as_bytes().to_vec()).into();
    let whiteout = |tar: Tar, name: &Vec<u8>| {
        tar.raw(EntryType::Regular, &[b"d/.wh.", &name[..]].concat(), b"", b"", |_| {})
    };
    scene.import(gone.iter().fold(Tar::new(), whiteout).bytes()).unwrap();
    let left: BTreeSet<_> = found(&scene.mount("mounted").join("d")).into_keys().collect();
    let mut expected = names();
    expected.insert("\u{F001}:".as_bytes().to_vec());
    assert_eq!(left, &expected - &gone);
}

#[test]
fn links_lead_through_names_that_are_escaped() {
    let mut scene = Scene::new();
    let tar = Tar::new()
        .dir("\u{F03A}")
        .dir(":")
        .symlink("to", "\u{F03A}")
        .file("to/x", "private")
        .file(":/x", "colon");
    scene.import(tar.link("hard", "\u{F03A}/x").bytes()).unwrap();
    let at = scene.mount("mounted");
    for (path, data) in
        [("to/x", "private"), ("\u{F03A}/x", "private"), (":/x", "colon"), ("hard", "private")]
    {
        assert_eq!(fs::read_to_string(at.join(path)).unwrap(), data, "{path}");
    }
}
