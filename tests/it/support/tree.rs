//! A directory with everything that can be known of its files, to be compared with another one.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CString, OsStr};
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// What there is to know of every path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tree(pub(crate) BTreeMap<Vec<u8>, String>);

impl Tree {
    pub(crate) fn read(root: &Path) -> Self {
        let mut tree = BTreeMap::new();
        let mut first_names = HashMap::new();
        visit(root, b"", &mut tree, &mut first_names);
        Self(tree)
    }
}

type Names = HashMap<(u64, u64), Vec<u8>>;

fn visit(path: &Path, inside: &[u8], tree: &mut BTreeMap<Vec<u8>, String>, names: &mut Names) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let file_type = metadata.file_type();
    let mut says = format!("{:o} {}:{}", metadata.mode(), metadata.uid(), metadata.gid());
    // To 100 ns, as an image keeps it.
    write!(says, " {}.{:07}", metadata.mtime(), metadata.mtime_nsec() / 100).unwrap();
    if file_type.is_char_device() || file_type.is_block_device() {
        write!(says, " device {}", metadata.rdev()).unwrap();
    }
    if file_type.is_symlink() {
        write!(says, " -> {:?}", fs::read_link(path).unwrap()).unwrap();
    }
    if file_type.is_file() {
        write!(says, " {} {}", metadata.len(), blake3::hash(&fs::read(path).unwrap())).unwrap();
    }
    if !file_type.is_dir() {
        let first = names.entry((metadata.dev(), metadata.ino())).or_insert_with(|| inside.to_vec());
        write!(says, " as {}", String::from_utf8_lossy(first)).unwrap();
    }
    for (name, value) in xattrs(path) {
        write!(says, " {name}={value:?}").unwrap();
    }
    tree.insert(inside.to_vec(), says);
    if file_type.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        entries.sort();
        for name in entries {
            let inside = [inside, b"/", name.as_bytes()].concat();
            visit(&path.join(&name), &inside, tree, names);
        }
    }
}

fn xattrs(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut list = vec![0; 65_536];
    let len = rustix::fs::llistxattr(path, &mut list).unwrap_or(0);
    let names = list[..len].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let mut xattrs: Vec<_> = names
        .map(|name| {
            let mut value = vec![0; 65_536];
            let len = rustix::fs::lgetxattr(path, name, &mut value).unwrap();
            (String::from_utf8(name.to_vec()).unwrap(), value[..len].to_vec())
        })
        .collect();
    xattrs.sort();
    xattrs
}

/// Makes a directory with files of all kinds that this user and file system can make.
pub(crate) fn make(root: &Path) {
    for directory in ["", "d", "d/e", "d/e/empty", "名前", "ディレクトリ/ἀρχή/каталог"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let files: [(&[u8], &[u8]); 12] = [
        (b"file", b"data"),
        (b"empty", b""),
        (b"d/twin", b"data"),
        (b"E", b"upper"),
        (b"e", b"lower"),
        (b"a:b\\c*?\"<>|\x01", b"forbidden"),
        (b"not \xFF UTF-8 \xC3", b"raw"),
        (b"trailing. ", b"x"),
        ("名前/\u{1F600}".as_bytes(), b"emoji"),
        (b".wh.file", b"no whiteout"),
        (b"d/e/script", b"#!/bin/sh\n"),
        (b"d/old", b"before 1970"),
    ];
    for (name, data) in files {
        fs::write(root.join(OsStr::from_bytes(name)), data).unwrap();
    }
    let big: Vec<u8> =
        (0..3_000_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(root.join("d/big"), big).unwrap();
    fs::File::create(root.join("d/hole")).unwrap().set_len(10 << 20).unwrap();
    fs::hard_link(root.join("file"), root.join("d/e/linked")).unwrap();
    fs::hard_link(root.join("file"), root.join("Z")).unwrap();
    symlink("../file", root.join("d/link")).unwrap();
    symlink("/nowhere/名", root.join("absolute")).unwrap();
    symlink("d", root.join("to-directory")).unwrap();
    for (name, mode) in [("d/e/script", 0o4755), ("d/e", 0o1777), ("empty", 0o000), ("d/big", 0o640)] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    for (name, value) in [("user.one", &b"1"[..]), ("user.empty", b""), ("user.binary", &[0, 255, 10])] {
        match rustix::fs::lsetxattr(root.join("file"), name, value, rustix::fs::XattrFlags::empty()) {
            Err(rustix::io::Errno::NOTSUP) => {}
            set => set.unwrap(),
        }
    }
    special(root);
    let at = UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_700);
    fs::File::options().write(true).open(root.join("E")).unwrap().set_modified(at).unwrap();
    let before = UNIX_EPOCH - Duration::new(1000, 500);
    fs::File::options().write(true).open(root.join("d/old")).unwrap().set_modified(before).unwrap();
}

fn special(root: &Path) {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

    let make =
        |name: &str, kind, device| mknodat(CWD, root.join(name), kind, Mode::from_raw_mode(0o640), device);
    make("d/pipe", FileType::Fifo, 0).unwrap();
    make("d/socket", FileType::Socket, 0).unwrap();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    make("d/null", FileType::CharacterDevice, makedev(1, 3)).unwrap();
    make("d/loop", FileType::BlockDevice, makedev(7, 1000)).unwrap();
    std::os::unix::fs::chown(root.join("d/e/script"), Some(1000), Some(2000)).unwrap();
    std::os::unix::fs::lchown(root.join("d/link"), Some(1000), Some(2000)).unwrap();
    // Changing the owner takes it away.
    fs::set_permissions(root.join("d/e/script"), fs::Permissions::from_mode(0o4755)).unwrap();
    // cap_net_bind_service+ep
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let name = CString::new("security.capability").unwrap();
    match rustix::fs::lsetxattr(root.join("d/twin"), name, &capability, rustix::fs::XattrFlags::empty()) {
        Err(error) if io::Error::from(error).kind() == io::ErrorKind::Unsupported => {}
        set => set.unwrap(),
    }
}
