//! An image of two layers, mounted, beside the overlay that containerd would make of them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, makedev, mknodat};

use super::mounted::{Scene, run, tar};
use crate::support::tree::{self, Tree};

const OPAQUE: &[u8] = b".wh..wh..opq";
const WHITEOUT: &[u8] = b".wh.";

/// What the second layer changes: whiteouts are files, as in its tar.
fn change(root: &Path) {
    for directory in ["d/e/inner", "d/link", "to-directory", "名前", "added"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let files: [(&str, &[u8]); 11] = [
        ("file", b"changed"),
        ("d/.wh.big", b""),
        ("d/.wh.pipe", b""),
        ("d/.wh.never-there", b""),
        ("d/e/.wh..wh..opq", b""),
        ("d/e/script", b"again"),
        ("d/e/inner/new", b"new"),
        ("d/link/in-place-of-a-link", b"x"),
        ("名前/.wh.\u{1F600}", b""),
        ("added/one", b"twice"),
        (".wh.absolute", b""),
    ];
    for (name, data) in files {
        fs::write(root.join(name), data).unwrap();
    }
    fs::hard_link(root.join("added/one"), root.join("added/two")).unwrap();
    std::os::unix::fs::symlink("../file", root.join("added/link")).unwrap();
}

/// Makes of an unpacked layer what overlayfs takes for one; the times of directories stay.
fn to_upper(directory: &Path) {
    let modified: SystemTime = fs::metadata(directory).unwrap().modified().unwrap();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()).collect::<Vec<_>>() {
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            to_upper(&path);
        } else if name.as_bytes() == OPAQUE {
            fs::remove_file(&path).unwrap();
            lsetxattr(directory, "trusted.overlay.opaque", b"y", XattrFlags::empty()).unwrap();
        } else if let Some(hidden) = name.as_bytes().strip_prefix(WHITEOUT) {
            fs::remove_file(&path).unwrap();
            let whiteout = directory.join(OsStr::from_bytes(hidden));
            mknodat(CWD, whiteout, FileType::CharacterDevice, Mode::empty(), makedev(0, 0)).unwrap();
        }
    }
    File::open(directory).unwrap().set_modified(modified).unwrap();
}

#[test]
fn a_mounted_image_shows_what_an_overlay_shows() {
    let mut scene = Scene::new();
    let [lower, changed, upper] = ["lower", "change", "upper"].map(|name| scene.make(name));
    tree::make(&lower);
    // No tar has sockets. A file that is named as a whiteout is none in a layer.
    fs::remove_file(lower.join("d/socket")).unwrap();
    fs::remove_file(lower.join(".wh.file")).unwrap();
    change(&changed);
    for layer in [&lower, &changed] {
        scene.import(tar(layer)).unwrap();
    }
    run(Command::new("tar").args(["-xpf"]).arg(scene.at("change.tar")).arg("-C").arg(&upper));
    to_upper(&upper);
    let theirs = scene.merge("overlay", &upper, &lower);
    let mounted = scene.mount("mount");
    let (ours, theirs) = (Tree::read(&mounted), Tree::read(&theirs));
    assert!(theirs.0.len() > 25, "{}", theirs.0.len());
    assert_eq!(ours, theirs);
}
