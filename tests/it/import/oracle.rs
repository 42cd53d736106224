//! What an image shows of a tar is what GNU tar makes of it on a disk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use cimsnap::cim::FileId;
use cimsnap::cim::wsl::FileType;
use cimsnap::mount::view::View;
use rustix::fs::{CWD, FileType as NodeType, Mode, XattrFlags, lgetxattr, lsetxattr, makedev, mknodat};
use tempfile::TempDir;

use super::tars::Tar;
use super::{LayerOs, Stack, contents};

/// What a tree holds: for each path all that a program can see.
pub(crate) type Tree = BTreeMap<Vec<u8>, String>;

const XATTR: &str = "user.test";

pub(crate) fn tar(arguments: &[&str], root: &Path) -> Vec<u8> {
    let output = Command::new("tar").args(arguments).arg("-C").arg(root).args(["-c", "."]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(crate) fn unpacked(tars: &[Vec<u8>]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for bytes in tars {
        let mut child = Command::new("tar")
            .args(["--xattrs", "--xattrs-include=*", "--same-owner", "-p", "-x", "-C"])
            .arg(root.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
        assert!(child.wait().unwrap().success());
    }
    root
}

pub(crate) fn on_disk(root: &Path) -> Tree {
    let mut tree = Tree::new();
    walk_disk(root, root, &mut tree);
    tree
}

fn walk_disk(root: &Path, path: &Path, tree: &mut Tree) {
    let it = path.symlink_metadata().unwrap();
    let kind = it.file_type();
    let content = match kind {
        _ if kind.is_file() => digest(&fs::read(path).unwrap()),
        _ if kind.is_symlink() => digest(fs::read_link(path).unwrap().as_os_str().as_bytes()),
        _ if kind.is_char_device() || kind.is_block_device() => {
            format!("{}:{}", rustix::fs::major(it.rdev()), rustix::fs::minor(it.rdev()))
        }
        _ => String::new(),
    };
    let kind = match kind {
        _ if kind.is_dir() => FileType::Directory,
        _ if kind.is_symlink() => FileType::Symlink,
        _ if kind.is_fifo() => FileType::Fifo,
        _ if kind.is_char_device() => FileType::CharDevice,
        _ if kind.is_block_device() => FileType::BlockDevice,
        _ => FileType::Regular,
    };
    let links = if kind == FileType::Directory { 1 } else { it.nlink() };
    let mut value = [0; 100];
    let xattr = lgetxattr(path, XATTR, &mut value[..]).map_or(String::new(), |len| digest(&value[..len]));
    let time = i128::from(it.mtime()) * 1_000_000_000 + i128::from(it.mtime_nsec());
    let all = (kind, it.mode() & 0o7777, it.uid(), it.gid(), links, time / 100, content, xattr);
    let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
    tree.insert(name, format!("{all:?}"));
    if kind == FileType::Directory {
        fs::read_dir(path).unwrap().for_each(|entry| walk_disk(root, &entry.unwrap().path(), tree));
    }
}

pub(crate) fn in_image(view: &View) -> Tree {
    let mut tree = Tree::new();
    walk_image(view, view.image().root(), Vec::new(), &mut tree);
    tree
}

fn walk_image(view: &View, id: FileId, path: Vec<u8>, tree: &mut Tree) {
    let it = view.attributes(id).unwrap();
    let content = match it.file_type {
        FileType::Regular => digest(&contents(view, id)),
        FileType::Symlink => digest(&view.target(id).unwrap()),
        FileType::CharDevice | FileType::BlockDevice => format!("{}:{}", it.device.major, it.device.minor),
        _ => String::new(),
    };
    let xattr = view.xattr(id, XATTR.as_bytes()).map_or(String::new(), |value| digest(&value));
    let (links, time) = (u64::from(it.links), it.modified.unix_nanos());
    let all = (it.file_type, it.permissions, it.uid, it.gid, links, time / 100, content, xattr);
    tree.insert(path.clone(), format!("{all:?}"));
    if it.file_type != FileType::Directory {
        return;
    }
    let mut children = Vec::new();
    view.list(id, 0, |entry| {
        children.push((entry.name.to_vec(), entry.id));
        true
    })
    .unwrap();
    for (name, id) in children.into_iter().filter(|(name, _)| name != b"." && name != b"..") {
        let separator: &[u8] = if path.is_empty() { b"" } else { b"/" };
        walk_image(view, id, [&path, separator, &name].concat(), tree);
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("{} {}", bytes.len(), cimsnap::layer::digest::Digest::of(bytes).hex())
}

pub(crate) fn assert_same(image: &Tree, disk: &Tree) {
    let difference = disk.iter().find(|(path, what)| image.get(*path) != Some(what));
    if let Some((path, what)) = difference {
        panic!("{}: {what}, but {:?}", String::from_utf8_lossy(path), image.get(path));
    }
    assert_eq!(image.len(), disk.len());
}

fn compare(tars: &[Vec<u8>]) {
    let stack = Stack::of(LayerOs::Linux, tars.iter().cloned().map(Tar::raw_bytes));
    assert_same(&in_image(&stack.view()), &on_disk(unpacked(tars).path()));
}

/// Fills a directory with one of everything.
pub(crate) fn fill(root: &Path) {
    let at = |name: &str| root.join(name);
    fs::create_dir_all(at("dir/sub")).unwrap();
    fs::write(at("dir/file"), "data").unwrap();
    fs::write(at("dir/odd: name\\ |?"), "").unwrap();
    fs::write(at(&format!("dir/{}", "long".repeat(50))), vec![b'x'; 70_000]).unwrap();
    fs::hard_link(at("dir/file"), at("another")).unwrap();
    fs::hard_link(at("dir/file"), at("dir/sub/third")).unwrap();
    symlink("../dir/./file", at("dir/link")).unwrap();
    symlink("t".repeat(300), at("long-link")).unwrap();
    let far = fs::File::create(at("sparse")).unwrap();
    for offset in [1 << 16, 1 << 20] {
        std::os::unix::fs::FileExt::write_at(&far, b"island", offset).unwrap();
    }
    far.set_len(3 << 20).unwrap();
    fs::set_permissions(at("dir/file"), fs::Permissions::from_mode(0o4711)).unwrap();
    fs::set_permissions(at("dir/sub"), fs::Permissions::from_mode(0o1777)).unwrap();
    chown(at("dir"), Some(3_000_000), Some(70_000)).unwrap();
    mknodat(CWD, at("null"), NodeType::CharacterDevice, Mode::from(0o666), makedev(1, 3)).unwrap();
    mknodat(CWD, at("disk"), NodeType::BlockDevice, Mode::from(0o660), makedev(259, 70_000)).unwrap();
    mknodat(CWD, at("pipe"), NodeType::Fifo, Mode::from(0o600), 0).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"latin-1 \xE9\xFF")), "").unwrap();
    fs::write(at("Case"), "upper").unwrap();
    fs::write(at("case"), "lower").unwrap();
    // Not every file system has them; the comparison holds either way.
    let _ = lsetxattr(at("dir/file"), XATTR, b"line\nfeed\0", XattrFlags::empty());
}

#[test]
fn all_kinds_of_tars_of_a_tree_are_read() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    for format in [
        &["--format=posix", "--xattrs"][..],
        &["--format=gnu"],
        &["--format=gnu", "--sparse"],
        &["--format=posix", "--sparse", "--sparse-version=0.0"],
        &["--format=posix", "--sparse", "--sparse-version=0.1"],
        &["--format=posix", "--sparse", "--sparse-version=1.0"],
    ] {
        compare(&[tar(format, root.path())]);
    }
}

#[test]
fn layers_lie_over_each_other() {
    let (lower, upper) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(lower.path());
    fs::create_dir(upper.path().join("dir")).unwrap();
    fs::write(upper.path().join("dir/file"), "other data").unwrap();
    fs::write(upper.path().join("dir/new"), "").unwrap();
    symlink("elsewhere", upper.path().join("case")).unwrap();
    compare(&[tar(&["--format=posix"], lower.path()), tar(&["--format=posix"], upper.path())]);
}

#[test]
fn a_real_tree_arrives() {
    let real = ["/etc", "/usr/share/doc"].map(Path::new).into_iter().find(|path| path.is_dir());
    let Some(real) = real else { return };
    let exclude = "--exclude=*.sock";
    compare(&[tar(&["--format=posix", "--xattrs", exclude], real)]);
}
