//! Files from Linux: owner, mode, type, extended attributes, links.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use cimsnap::cim::{Metadata, Writer};
use cimsnap::mount::ViewKind;

use super::{Scene, eas, owner, put_with, reparse};
use crate::support::{mkdir, path, put};

const LX_SYMLINK: u32 = 0xA000_001D;
const AF_UNIX: u32 = 0x8000_0023;
const LX_FIFO: u32 = 0x8000_0024;
const LX_CHR: u32 = 0x8000_0025;
const LX_BLK: u32 = 0x8000_0026;

fn put_special(writer: &mut Writer, at: &str, tag: u32, data: &[u8], eas: &[u8]) {
    let reparse = reparse(tag, data);
    put_with(writer, at, &Metadata { eas, reparse: &reparse, ..Metadata::default() }, b"");
}

fn xattr(at: &std::path::Path, name: &str) -> Result<Vec<u8>, rustix::io::Errno> {
    let mut value = vec![0; 65_536];
    let len = rustix::fs::lgetxattr(at, name, &mut value)?;
    value.truncate(len);
    Ok(value)
}

fn xattr_names(at: &std::path::Path) -> Vec<String> {
    let mut list = vec![0; 65_536];
    let len = rustix::fs::llistxattr(at, &mut list).unwrap();
    list[..len]
        .split_terminator(|&byte| byte == 0)
        .map(|name| String::from_utf8(name.to_vec()).unwrap())
        .collect()
}

trait SplitTerminator {
    fn split_terminator(&self, end: fn(&u8) -> bool) -> impl Iterator<Item = &[u8]>;
}

impl SplitTerminator for [u8] {
    fn split_terminator(&self, end: fn(&u8) -> bool) -> impl Iterator<Item = &[u8]> {
        self.split_inclusive(end).map(|part| part.strip_suffix(&[0]).unwrap_or(part))
    }
}

#[test]
fn owner_and_mode_come_from_the_eas() {
    let scene = Scene::new(|writer| {
        let file = owner(1000, 100, 0o104_755);
        put_with(writer, "file", &Metadata { eas: &file, ..Metadata::default() }, b"x");
        let directory = owner(7, 8, 0o041_777);
        let metadata = Metadata { eas: &directory, ..Metadata::directory() };
        writer.create_directory(&path("directory"), &metadata).unwrap();
        // Says that it is a directory, so its permissions are not believed.
        let odd = owner(5, u32::MAX, 0o040_700);
        put_with(writer, "odd", &Metadata { eas: &odd, ..Metadata::default() }, b"x");
    });
    let mount = scene.mount();
    let stat = |name: &str| {
        let stat = fs::symlink_metadata(mount.path(name)).unwrap();
        (stat.uid(), stat.gid(), stat.mode())
    };
    assert_eq!(stat("file"), (1000, 100, 0o104_755));
    assert_eq!(stat("directory"), (7, 8, 0o041_777));
    assert_eq!(stat("odd"), (5, 0, 0o100_644));
    drop(mount);

    let mount = scene.mount_as(ViewKind::Windows);
    let stat = fs::symlink_metadata(mount.path("file")).unwrap();
    assert_eq!((stat.uid(), stat.gid(), stat.mode()), (0, 0, 0o100_644));
}

#[test]
fn special_files_have_their_type_and_device() {
    let scene = Scene::new(|writer| {
        let device = |mode: u32| {
            let number = [[1, 0, 0, 0], [3, 0, 0, 0]].concat();
            eas(&[("$LXMOD", &mode.to_le_bytes()), ("$LXDEV", &number)])
        };
        put_special(writer, "fifo", LX_FIFO, b"", &owner(0, 0, 0o010_600));
        put_special(writer, "socket", AF_UNIX, b"", &owner(0, 0, 0o140_777));
        put_special(writer, "char", LX_CHR, b"", &device(0o020_666));
        put_special(writer, "block", LX_BLK, b"", &device(0o060_660));
    });
    let mount = scene.mount();
    let stat = |name: &str| fs::symlink_metadata(mount.path(name)).unwrap();
    assert!(stat("fifo").file_type().is_fifo());
    assert!(stat("socket").file_type().is_socket());
    assert!(stat("char").file_type().is_char_device());
    assert!(stat("block").file_type().is_block_device());
    assert_eq!((stat("char").rdev(), stat("char").mode()), (0x103, 0o020_666));
    assert_eq!(stat("fifo").mode(), 0o010_600);
    assert!(fs::File::open(mount.path("char")).is_err(), "devices are not to be opened by default");
}

#[test]
fn xattrs_come_from_their_eas() {
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let scene = Scene::new(|writer| {
        let with_magic = |value: &[u8]| [b"aexl", value].concat();
        let list = eas(&[
            ("$LXMOD", &0o100_755u32.to_le_bytes()),
            ("LX.SECURITY.CAPABILITY", &with_magic(&capability)),
            ("LX.USER.EMPTY", b"aexl"),
            ("OTHER", b"value"),
        ]);
        put_with(writer, "file", &Metadata { eas: &list, ..Metadata::default() }, b"x");
    });
    let mount = scene.mount();
    let file = mount.path("file");
    assert_eq!(xattr_names(&file), ["security.capability", "user.empty"]);
    assert_eq!(xattr(&file, "security.capability").unwrap(), capability);
    assert_eq!(xattr(&file, "user.empty").unwrap(), b"");
    assert_eq!(xattr(&file, "user.none"), Err(rustix::io::Errno::NODATA));
    assert_eq!(xattr(&file, "user.EMPTY"), Err(rustix::io::Errno::NODATA));
    let mut short = [0; 4];
    let range = rustix::fs::lgetxattr(&file, "security.capability", &mut short);
    assert_eq!(range, Err(rustix::io::Errno::RANGE));
}

#[test]
fn links_lead_where_they_say() {
    let scene = Scene::new(|writer| {
        mkdir(writer, "directory");
        put(writer, "directory/file", b"found");
        put_special(writer, "link", LX_SYMLINK, b"\x02\0\0\0directory/file", &owner(0, 0, 0o120_777));
        put_special(writer, "absolute", LX_SYMLINK, b"\x02\0\0\0/etc/x:y", &owner(0, 0, 0o120_777));
        let long = [b"\x02\0\0\0".to_vec(), vec![b'a'; 4095]].concat();
        put_special(writer, "long", LX_SYMLINK, &long, &[]);
        // The older form keeps its target in the data.
        let old = reparse(LX_SYMLINK, b"\x01\0\0\0");
        put_with(writer, "old", &Metadata { reparse: &old, ..Metadata::default() }, b"directory/file");
    });
    let mount = scene.mount();
    for name in ["link", "old"] {
        let link = mount.path(name);
        assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("directory/file"));
        assert_eq!(fs::symlink_metadata(&link).unwrap().len(), 14);
        assert_eq!(fs::read(&link).unwrap(), b"found");
    }
    assert_eq!(fs::read_link(mount.path("absolute")).unwrap().to_str(), Some("/etc/x:y"));
    assert_eq!(fs::read_link(mount.path("long")).unwrap().as_os_str().len(), 4095);
    assert_eq!(fs::symlink_metadata(mount.path("link")).unwrap().mode(), 0o120_777);
}

#[test]
fn hard_links_are_one_file() {
    let scene = Scene::new(|writer| {
        mkdir(writer, "d");
        put(writer, "file", b"shared");
        writer.link(&path("d/other"), &path("file")).unwrap();
        writer.link(&path("third"), &path("file")).unwrap();
        put(writer, "alone", b"shared");
    });
    let mount = scene.mount();
    let stat = |name: &str| fs::metadata(mount.path(name)).unwrap();
    for name in ["file", "d/other", "third"] {
        assert_eq!((stat(name).ino(), stat(name).nlink()), (stat("file").ino(), 3), "{name}");
    }
    assert_ne!(stat("alone").ino(), stat("file").ino());
    assert_eq!((stat("alone").nlink(), stat("d").nlink()), (1, 1));
}
