//! Names: escapes and case, by where a directory came from.

use std::fs;

use cimsnap::cim::{CaseRule, Metadata};
use cimsnap::mount::ViewKind;

use super::{Scene, owner};
use crate::support::{mkdir, path, put};

fn names(at: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn forbidden_characters_come_back_below_linux_directories() {
    let scene = Scene::new(|writer| {
        let linux = owner(0, 0, 0o040_755);
        writer.create_directory(&path("linux"), &Metadata { eas: &linux, ..Metadata::directory() }).unwrap();
        mkdir(writer, "windows");
        for directory in ["linux", "windows"] {
            put(writer, &format!("{directory}/a\u{F03A}b\u{F05C}c"), b"x");
        }
    });
    let mount = scene.mount();
    assert_eq!(names(&mount.path("linux")), ["a:b\\c"]);
    assert_eq!(fs::read(mount.path("linux/a:b\\c")).unwrap(), b"x");
    assert_eq!(names(&mount.path("windows")), ["a\u{F03A}b\u{F05C}c"]);
    assert_eq!(fs::read(mount.path("windows/a\u{F03A}b\u{F05C}c")).unwrap(), b"x");
    assert!(!mount.path("windows/a:b\\c").exists());
    drop(mount);

    let mount = scene.mount_as(ViewKind::Linux);
    assert_eq!(names(&mount.path("windows")), ["a:b\\c"]);
}

#[test]
fn case_counts_below_linux_directories_only() {
    let scene = Scene::with_case(CaseRule::Distinguish, |writer| {
        let linux = owner(0, 0, 0o040_755);
        writer.create_directory(&path("linux"), &Metadata { eas: &linux, ..Metadata::directory() }).unwrap();
        mkdir(writer, "windows");
        for name in ["linux/Name", "linux/name", "windows/Name", "windows/name", "windows/Other"] {
            put(writer, name, name.as_bytes());
        }
    });
    let mount = scene.mount();
    for name in ["linux/Name", "linux/name", "windows/Name", "windows/name"] {
        assert_eq!(fs::read(mount.path(name)).unwrap(), name.as_bytes());
    }
    assert!(!mount.path("linux/NAME").exists());
    assert_eq!(fs::read(mount.path("windows/oTHER")).unwrap(), b"windows/Other");
    assert_eq!(fs::read(mount.path("WINDOWS/OTHER")).unwrap(), b"windows/Other");
    assert_eq!(names(&mount.path("")), ["linux", "windows"]);
}

#[test]
fn absent_names_stay_absent_whatever_they_look_like() {
    let scene = Scene::new(|writer| put(writer, "file", b"x"));
    let mount = scene.mount();
    let absent = ["no", "file/no", "a:b", "file:stream", "a|b", "\u{F03A}", &"x".repeat(255)];
    for name in absent.into_iter().chain(absent) {
        assert!(fs::symlink_metadata(mount.path(name)).is_err(), "{name}");
    }
    let bytes = std::os::unix::ffi::OsStrExt::from_bytes(b"\xFF\xFE");
    let bytes: &std::ffi::OsStr = bytes;
    assert_eq!(fs::metadata(mount.path("").join(bytes)).unwrap_err().kind(), std::io::ErrorKind::NotFound);
}
