//! Images that lie fail where they lie, and nowhere else.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use cimsnap::cim::format::{Stream, StreamKind};
use cimsnap::cim::{Metadata, RegionOffset, StreamLen};

use super::Scene;
use super::data::{patch, patch_stream};
use crate::support::{mkdir, path, put};

/// EIO, as std says it.
const IO: Option<i32> = Some(5);

#[test]
fn data_that_lies_elsewhere_is_an_io_error_and_logged() {
    let scene = Scene::new(|writer| {
        put(writer, "broken", &[7; 10_000]);
        put(writer, "sound", b"sound");
    });
    patch_stream(&scene.image(), "broken", |stream| Stream {
        len: StreamLen::new(1 << 40).unwrap(),
        ..stream
    });
    let mount = scene.mount();
    let broken = fs::File::open(mount.path("broken")).unwrap();
    assert_eq!(broken.read_at(&mut [0; 10], 0).unwrap_err().raw_os_error(), IO);
    assert_eq!(fs::read(mount.path("sound")).unwrap(), b"sound");
    assert!(scene.log().contains("cannot read inode"), "{}", scene.log());
    assert!(scene.log().contains("region_"), "{}", scene.log());
}

#[test]
fn a_broken_record_does_not_hide_its_neighbours() {
    let scene = Scene::new(|writer| {
        for name in ["a", "b", "c"] {
            put(writer, name, b"x");
        }
    });
    let image = scene.image();
    let record = image.record(image.find(&path("b")).unwrap().unwrap().id).unwrap().place;
    let at = RegionOffset::new(record.region(), record.byte() + 88).unwrap();
    patch(&image, at, &[0; 4]);
    let mount = scene.mount();
    let names =
        || fs::read_dir(mount.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names(), ["a", "b", "c"]);
    assert_eq!(names(), ["a", "b", "c"]);
    assert_eq!(fs::metadata(mount.path("b")).unwrap_err().raw_os_error(), IO);
    assert_eq!(fs::read(mount.path("c")).unwrap(), b"x");
}

#[test]
fn a_directory_in_itself_ends_a_walk() {
    let scene = Scene::new(|writer| {
        for directory in ["a", "a/b", "a/b/c"] {
            mkdir(writer, directory);
        }
        put(writer, "a/b/c/file", b"x");
    });
    let image = scene.image();
    // c gets the names of a: b, and so on without an end.
    let names = image.find(&path("a")).unwrap().unwrap().data;
    patch_stream(&image, "a/b/c", |_| names);
    let mount = scene.mount();
    let find = std::process::Command::new("find").arg(mount.path("")).output().unwrap();
    assert!(!find.status.success(), "a cycle is not a tree");
    assert!(mount.path("a/b").is_dir());
    let deep = "a/b/c/".repeat(300);
    drop(fs::metadata(mount.path(&deep)));
}

#[test]
fn names_that_linux_cannot_have_end_a_listing_with_an_error() {
    let scene = Scene::new(|writer| {
        mkdir(writer, "d");
        for name in ["d/aaaa", "d/bbbb", "d/cccc"] {
            put(writer, name, b"x");
        }
    });
    let image = scene.image();
    let directory = image.find(&path("d")).unwrap().unwrap();
    let table = image.regions().object("names", directory.data.offset, directory.data.len.get()).unwrap();
    let wanted: Vec<u8> = "bbbb".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = table.windows(8).position(|window| window == wanted).unwrap();
    let offset = directory.data.offset;
    let at = RegionOffset::new(offset.region(), offset.byte() + u64::try_from(found).unwrap() + 2).unwrap();
    patch(&image, at, b"/\0");
    let mount = scene.mount();
    let mut entries = fs::read_dir(mount.path("d")).unwrap();
    assert_eq!(entries.next().unwrap().unwrap().file_name(), "aaaa");
    assert_eq!(entries.next().unwrap().unwrap_err().raw_os_error(), IO);
    assert_eq!(fs::read(mount.path("d/cccc")).unwrap(), b"x");
}

#[test]
fn broken_eas_and_links_fail_alone() {
    let scene = Scene::new(|writer| {
        put(writer, "sound", b"x");
        let eas = super::owner(0, 0, 0o644);
        super::put_with(writer, "eas", &Metadata { eas: &eas, ..Metadata::default() }, b"x");
        let link = super::reparse(0xA000_001D, b"\x02\0\0\0sound");
        super::put_with(writer, "link", &Metadata { reparse: &link, ..Metadata::default() }, b"");
    });
    let image = scene.image();
    let found = |name| image.find(&path(name)).unwrap().unwrap();
    // The first entry says that the next one begins within it.
    patch(&image, found("eas").eas, &[3]);
    let reparse = found("link").reparse;
    // Behind the length of the object, tag, length and padding of the buffer lies the version of the link.
    patch(&image, RegionOffset::new(reparse.region(), reparse.byte() + 10).unwrap(), &[9]);
    let mount = scene.mount();
    assert_eq!(fs::metadata(mount.path("eas")).unwrap_err().raw_os_error(), IO);
    assert_eq!(fs::read_link(mount.path("link")).unwrap_err().raw_os_error(), IO);
    assert!(fs::symlink_metadata(mount.path("link")).unwrap().is_symlink());
    assert_eq!(fs::read(mount.path("sound")).unwrap(), b"x");
}

#[test]
fn a_table_of_names_outside_its_region_is_an_io_error() {
    let scene = Scene::new(|writer| mkdir(writer, "d"));
    patch_stream(&scene.image(), "d", |_| Stream {
        offset: RegionOffset::new(60_000, 64).unwrap(),
        len: StreamLen::new(100).unwrap(),
        kind: StreamKind::LinkTable,
    });
    let mount = scene.mount();
    let failed = fs::read_dir(mount.path("d")).and_then(|mut entries| entries.next().unwrap());
    assert_eq!(failed.unwrap_err().raw_os_error(), IO);
    assert_eq!(fs::metadata(mount.path("d/x")).unwrap_err().raw_os_error(), IO);
    assert_eq!(fs::metadata(mount.path("x")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_link_below_a_directory_that_is_its_own_parent_leads_nowhere() {
    let target: Vec<u8> = "\\??\\C:\\x".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = u16::try_from(target.len()).unwrap();
    let mut data: Vec<u8> = [0, len, 0, 0].into_iter().flat_map(u16::to_le_bytes).collect();
    data.extend(target);
    let junction = super::reparse(0xA000_0003, &data);
    let scene = Scene::new(|writer| {
        mkdir(writer, "d");
        super::put_with(writer, "d/link", &Metadata { reparse: &junction, ..Metadata::default() }, b"");
    });
    let image = scene.image();
    let id = image.find(&path("d")).unwrap().unwrap().id;
    let record = image.record(id).unwrap().place;
    let at = RegionOffset::new(record.region(), record.byte() + 88).unwrap();
    patch(&image, at, &id.raw().to_le_bytes());
    let mount = scene.mount();
    assert_eq!(fs::read_link(mount.path("d/link")).unwrap_err().raw_os_error(), IO);
    assert!(scene.log().contains("lies too deep"), "{}", scene.log());
}
