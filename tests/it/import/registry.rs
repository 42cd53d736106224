//! The registry of Windows images.

use cimsnap::cim::{ErrorKind, FileTime, Image};
use cimsnap::layer::commit::CommitError;
use cimsnap::layer::hive::{Hive, HiveErrorKind, HiveInfo, HiveView, Key, write};

use super::tars::Tar;
use super::{LayerOs, Stack};
use crate::support::{cat, path};

const CONFIG: &str = "Files/Windows/System32/config";
pub(crate) const HIVES: [(&str, &str); 5] = [
    ("SYSTEM", "SYSTEM"),
    ("SOFTWARE", "SOFTWARE"),
    ("SAM", "SAM"),
    ("SECURITY", "SECURITY"),
    ("DEFAULT", "DEFAULTUSER"),
];

/// A hive that has one key with a value.
fn hive(info: HiveInfo, key: &str, value: &str) -> Vec<u8> {
    hive_of(info, key, |key| key.set_bytes("value", 1, value.as_bytes().to_vec()).unwrap())
}

fn hive_of(info: HiveInfo, key: &str, change: impl FnOnce(&mut Key<'static>)) -> Vec<u8> {
    let mut hive = Hive::new(info);
    let key = hive.ensure(key).unwrap();
    change(hive.key_mut(key));
    let mut bytes = Vec::new();
    write(&&hive, &mut bytes).unwrap();
    bytes
}

fn put(tar: Tar, at: &str, bytes: &[u8]) -> Tar {
    tar.entry(tar::EntryType::Regular, at, "", bytes)
}

pub(crate) fn base() -> Tar {
    let all = HIVES.iter();
    all.fold(Tar::new().dir("Files"), |tar, (live, _)| {
        put(tar, &format!("{CONFIG}/{live}"), &hive(HiveInfo::PLAIN, "base", live))
    })
}

pub(crate) fn delta(stem: &str, key: &str, value: &str) -> Tar {
    put(Tar::new().dir("Hives"), &format!("Hives/{stem}_Delta"), &hive(HiveInfo::DELTA, key, value))
}

/// A layer whose delta has one key.
pub(crate) fn delta_of(stem: &str, key: &str, change: impl FnOnce(&mut Key<'static>)) -> Tar {
    put(Tar::new().dir("Hives"), &format!("Hives/{stem}_Delta"), &hive_of(HiveInfo::DELTA, key, change))
}

pub(crate) fn stack(layers: impl IntoIterator<Item = Tar>) -> Stack {
    let mut stack = Stack::new(LayerOs::Windows);
    for layer in layers {
        stack.import(layer).unwrap();
        stack.commit_whole().unwrap();
    }
    stack
}

/// Returns the keys of a hive, each with its value.
fn keys(image: &Image, at: &str) -> Vec<(String, String)> {
    let bytes = cat(image, at).unwrap();
    let all = HiveView::open(&bytes).unwrap();
    let all = Hive::collect(&all).unwrap();
    let keys = all.key(all.root_id()).subkeys().iter().map(|&id| all.key(id));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    keys.map(|key| (key.name().to_string(), text(key.values()[0].data.to_vec()))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_base_layer_gets_links_and_a_layout() {
    let image = stack([base()]).image();
    for (live, stem) in HIVES {
        let id = |at: String| image.find(&path(&at)).unwrap().unwrap().id;
        assert_eq!(id(format!("{CONFIG}/{live}")), id(format!("Hives/{stem}_BASE")));
    }
    assert_eq!(cat(&image, "layout").unwrap(), b"vhd-with-hives\n");
    let layout = image.find(&path("layout")).unwrap().unwrap();
    assert_eq!((layout.attributes().bits(), layout.creation_time), (0x80, FileTime::from_raw(0)));
    // What a base layer brings in the way is no obstacle.
    stack([base().dir("Hives").file("Hives/SAM_BASE", "x")]);
}

#[test]
fn deltas_are_merged_over_the_parent_whatever_lies_between() {
    let mut stack = stack([base(), Tar::new().dir("Files"), delta("System", "one", "1")]);
    let merged = pairs(&[("base", "SYSTEM"), ("one", "1")]);
    assert_eq!(keys(&stack.image(), "Hives/SYSTEM_BASE"), merged);
    assert_eq!(keys(&stack.image(), &format!("{CONFIG}/SYSTEM")), pairs(&[("base", "SYSTEM")]));
    assert!(stack.image().find(&path("Hives/System_Delta")).unwrap().is_some());
    let before = stack.image().find(&path("Hives/SYSTEM_BASE")).unwrap().unwrap().data;
    stack.import(Tar::new().file("Files/x", "")).unwrap();
    stack.commit_whole().unwrap();
    let behind = stack.image().find(&path("Hives/SYSTEM_BASE")).unwrap().unwrap().data;
    assert_eq!(before, behind, "the parent's delta is merged already");
    stack.import(delta("SYSTEM", "one", "2")).unwrap();
    stack.commit_whole().unwrap();
    let merged = pairs(&[("base", "SYSTEM"), ("one", "2")]);
    assert_eq!(keys(&stack.image(), "Hives/SYSTEM_BASE"), merged);
    assert_eq!(keys(&stack.image(), "Hives/DEFAULTUSER_BASE"), pairs(&[("base", "DEFAULT")]));
}

#[test]
fn a_hive_of_no_bytes_is_an_empty_one() {
    let empty = put(base(), &format!("{CONFIG}/SAM"), b"");
    let stack = stack([empty, delta("Sam", "new", "1")]);
    assert_eq!(keys(&stack.image(), "Hives/SAM_BASE"), pairs(&[("new", "1")]));
}

#[test]
fn what_is_missing_or_wrong_is_named_and_leaves_nothing() {
    let refusal = |lower: Option<Tar>, layer: Tar| {
        let mut stack = stack(lower);
        stack.import(layer).unwrap();
        let before = stack.directory.list().unwrap();
        let error = stack.commit_whole().unwrap_err();
        assert_eq!(stack.directory.list().unwrap(), before);
        error
    };
    let error = refusal(None, Tar::new().dir("Files"));
    assert_eq!(
        error.to_string(),
        "the base layer has no registry hive /Files/Windows/System32/config/SYSTEM"
    );
    let mut dirty = hive(HiveInfo::PLAIN, "base", "x");
    dirty[4] ^= 1;
    let error = refusal(None, put(base(), &format!("{CONFIG}/SOFTWARE"), &dirty));
    assert!(
        matches!(&error, CommitError::Hive { source, .. } if source.kind() == HiveErrorKind::Dirty),
        "{error}"
    );
    let error = refusal(Some(base()), put(Tar::new(), "Hives/SAM_DELTA", b"no hive"));
    assert!(
        matches!(&error, CommitError::Hive { path, .. } if path.to_string() == "/Hives/SAM_DELTA"),
        "{error}"
    );
    let error = refusal(None, base().link("Files/a", "Files/b"));
    assert!(
        matches!(&error, CommitError::Image(error) if error.kind() == ErrorKind::PathNotFound),
        "{error}"
    );
}
