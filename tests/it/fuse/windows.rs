//! Files from Windows: attributes, streams and descriptors as extended attributes, links.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cimsnap::cim::{Attributes, Metadata, Writer};
use rustix::io::Errno;

use super::{Scene, eas, put_with, reparse};
use crate::support::{file_metadata, mkdir, name, path, put};

const SYMLINK: u32 = 0xA000_000C;
const MOUNT_POINT: u32 = 0xA000_0003;

fn xattr(at: &Path, name: &str) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; 65_536];
    let len = rustix::fs::lgetxattr(at, name, &mut value)?;
    value.truncate(len);
    Ok(value)
}

/// Makes the reparse buffer of a link whose print name is its target.
fn link(tag: u32, target: &str, relative: bool) -> Vec<u8> {
    let target: Vec<u8> = target.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = u16::try_from(target.len()).unwrap();
    let mut data = Vec::new();
    for number in [0, len, len + 2, len] {
        data.extend(number.to_le_bytes());
    }
    if tag == SYMLINK {
        data.extend(u32::from(relative).to_le_bytes());
    }
    for _ in 0..2 {
        data.extend(&target);
        data.extend([0, 0]);
    }
    reparse(tag, &data)
}

fn put_link(writer: &mut Writer, at: &str, reparse: &[u8]) {
    put_with(writer, at, &Metadata { reparse, ..Metadata::default() }, b"");
}

#[test]
fn permissions_follow_the_read_only_attribute() {
    let scene = Scene::new(|writer| {
        put(writer, "file", b"x");
        let read_only = Attributes::READ_ONLY;
        put_with(writer, "locked", &Metadata { attributes: read_only, ..Metadata::default() }, b"x");
        let attributes = read_only | Attributes::DIRECTORY;
        writer.create_directory(&path("folder"), &Metadata { attributes, ..Metadata::default() }).unwrap();
    });
    let mount = scene.mount();
    let mode = |name: &str| fs::metadata(mount.path(name)).unwrap().mode();
    assert_eq!((mode("file"), mode("locked"), mode("folder")), (0o100_644, 0o100_444, 0o040_755));
}

#[test]
fn windows_metadata_is_there_for_who_asks() {
    // An owner and a group, no lists: a self-relative descriptor of the least kind.
    let descriptor = [&[1, 0, 0, 0x80][..], &[0; 16]].concat();
    let list = eas(&[("A", b"value")]);
    let point = reparse(0x9000_0017, b"opaque");
    let scene = Scene::new(|writer| {
        let metadata = Metadata { security: &descriptor, eas: &list, reparse: &point, ..file_metadata() };
        put_with(writer, "file", &metadata, b"x");
        put(writer, "plain", b"x");
    });
    let mount = scene.mount();
    let get = |name: &str| xattr(&mount.path("file"), &format!("system.ntfs_{name}"));
    assert_eq!(get("attrib").unwrap(), 0x420u32.to_le_bytes());
    let times: Vec<u8> = [1u64, 2, 4, 3].into_iter().flat_map(u64::to_le_bytes).collect();
    assert_eq!(get("times").unwrap(), times);
    assert_eq!(get("crtime").unwrap(), 1u64.to_le_bytes());
    assert_eq!(get("acl").unwrap(), descriptor);
    assert_eq!(get("ea").unwrap(), list);
    assert_eq!(get("reparse_data").unwrap(), point);
    assert_eq!(get("other"), Err(Errno::NODATA));
    for absent in ["acl", "ea", "reparse_data"] {
        assert_eq!(xattr(&mount.path("plain"), &format!("system.ntfs_{absent}")), Err(Errno::NODATA));
    }
    assert_eq!(rustix::fs::llistxattr(mount.path("file"), &mut [0u8; 64][..]), Ok(0));
}

#[test]
fn alternate_streams_are_user_xattrs() {
    let scene = Scene::new(|writer| {
        put(writer, "file", b"data");
        mkdir(writer, "directory");
        let mut add = |at: &str, stream: &str, data: &[u8]| {
            let size = u64::try_from(data.len()).unwrap();
            let mut writer = writer.create_stream(&path(at), &name(stream), size).unwrap();
            writer.append(data).unwrap();
            writer.finish().unwrap();
        };
        add("file", "Zone.Identifier", b"[ZoneTransfer]");
        add("file", "empty", b"");
        add("file", "full", &vec![7; 65_536]);
        add("file", "over", &vec![7; 65_537]);
        add("file", &"名".repeat(100), b"no name on Linux is so long");
        add("directory", "note", b"on a directory");
    });
    let mount = scene.mount();
    let file = mount.path("file");
    assert_eq!(xattr(&file, "user.Zone.Identifier").unwrap(), b"[ZoneTransfer]");
    assert_eq!(xattr(&file, "user.empty").unwrap(), b"");
    assert_eq!(xattr(&file, "user.full").unwrap().len(), 65_536);
    assert_eq!(xattr(&file, "user.over"), Err(Errno::TOOBIG));
    assert_eq!(xattr(&mount.path("directory"), "user.note").unwrap(), b"on a directory");
    let mut list = vec![0; 1000];
    let len = rustix::fs::llistxattr(&file, &mut list).unwrap();
    assert_eq!(list[..len], *b"user.empty\0user.full\0user.over\0user.Zone.Identifier\0");
}

#[test]
fn links_stay_within_the_mount() {
    let scene = Scene::new(|writer| {
        for directory in ["Files", "Files/Users", "Files/Users/me", "Hives"] {
            mkdir(writer, directory);
        }
        put(writer, "Files/target", b"found");
        put(writer, "Files/Users/target", b"near");
        let links = [
            ("up", SYMLINK, "..\\target", true),
            ("rooted", SYMLINK, "\\target", true),
            ("drive", SYMLINK, "\\??\\C:\\target", false),
            ("case", SYMLINK, "\\??\\c:\\TARGET", false),
            ("escape", SYMLINK, "\\??\\C:\\..\\..\\.\\..\\target", false),
            ("top", SYMLINK, "\\??\\C:\\", false),
            ("junction", MOUNT_POINT, "\\??\\C:\\Users\\", false),
            ("other", SYMLINK, "\\??\\D:\\x", false),
            ("share", SYMLINK, "\\??\\UNC\\server\\share", false),
            ("volume", MOUNT_POINT, "\\??\\Volume{1}\\", false),
        ];
        for (at, tag, target, relative) in links {
            put_link(writer, &format!("Files/Users/me/{at}"), &link(tag, target, relative));
        }
    });
    let mount = scene.mount();
    let target = |at: &str| {
        let at = mount.path("Files/Users/me").join(at);
        let target = fs::read_link(&at).unwrap().into_os_string().into_string().unwrap();
        assert_eq!(fs::symlink_metadata(&at).unwrap().len(), u64::try_from(target.len()).unwrap());
        target
    };
    assert_eq!(target("up"), "../target");
    assert_eq!(target("rooted"), "../../../Files/target");
    assert_eq!(target("drive"), "../../../Files/target");
    assert_eq!(target("case"), "../../../Files/TARGET");
    assert_eq!(target("escape"), "../../../Files/target");
    assert_eq!(target("top"), "../../../Files");
    assert_eq!(target("junction"), "../../../Files/Users");
    assert_eq!(target("other"), "\\??\\D:\\x");
    assert_eq!(target("share"), "\\??\\UNC\\server\\share");
    assert_eq!(target("volume"), "\\??\\Volume{1}\\");
    assert_eq!(fs::read(mount.path("Files/Users/me/case")).unwrap(), b"found");
    assert_eq!(fs::read(mount.path("Files/Users/me/up")).unwrap(), b"near");
    assert!(mount.path("Files/Users/me/junction").is_dir());
}

#[test]
fn without_files_the_root_is_the_drive() {
    let scene = Scene::new(|writer| {
        mkdir(writer, "d");
        put_link(writer, "d/deep", &link(SYMLINK, "\\??\\C:\\x", false));
        put_link(writer, "top", &link(SYMLINK, "\\??\\C:\\", false));
        put_link(writer, "flat", &link(SYMLINK, "\\??\\C:\\d\\x", false));
    });
    let mount = scene.mount();
    let target = |at: &str| fs::read_link(mount.path(at)).unwrap().into_os_string().into_string().unwrap();
    assert_eq!(
        (target("d/deep").as_str(), target("top").as_str(), target("flat").as_str()),
        ("../x", ".", "d/x")
    );
}
