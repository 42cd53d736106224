//! An image of two layers, mounted, beside the overlay that containerd would make of them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{Guid, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::layer::import::{ImportOptions, LayerOs, import};
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{MountOptions, Mounter, Unmount};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, makedev, mknodat};

use crate::support::image_name;
use crate::support::tree::{self, Tree};

const OPAQUE: &[u8] = b".wh..wh..opq";
const WHITEOUT: &[u8] = b".wh.";

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

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

/// Takes a mount away when it is dropped.
struct Overlay(PathBuf);

impl Overlay {
    fn mount(root: &Path) -> Self {
        let at = root.join("overlay");
        for name in ["overlay", "work"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let options = ["lowerdir=lower", "upperdir=upper", "workdir=work"].join(",");
        run(Command::new("mount")
            .current_dir(root)
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(&at));
        Self(at)
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

struct Mounted(FuseMounter, PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(self.0.unmount(&self.1, Unmount::Detach));
    }
}

#[test]
fn a_mounted_image_shows_what_an_overlay_shows() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for name in ["lower", "change", "upper", "cim", "mount"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    tree::make(&root.join("lower"));
    // No tar has sockets. A file that is named as a whiteout is none in a layer.
    fs::remove_file(root.join("lower/d/socket")).unwrap();
    fs::remove_file(root.join("lower/.wh.file")).unwrap();
    change(&root.join("change"));

    let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(root.join("cim")));
    let mut parent = None;
    for (number, layer) in [(1, "lower"), (2, "change")] {
        let tar = root.join(layer).with_extension("tar");
        run(Command::new("tar")
            .args(["--create", "--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--file"])
            .arg(&tar)
            .arg("-C")
            .args([&root.join(layer), Path::new(".")]));
        let guid = Guid::from_content([number; 16]);
        let stream = LayerStream::open(File::open(&tar).unwrap(), StreamOptions::default()).unwrap();
        let engine = Portable::new(directory.clone(), guid, false);
        import(stream, engine, &ImportOptions { os: Some(LayerOs::Linux), ..ImportOptions::default() })
            .unwrap();
        let name = image_name(&format!("{number}.cim"));
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        LayerSet::open(directory.clone(), guid).unwrap().commit(parent.as_ref(), &name, options).unwrap();
        parent = Some(name);
    }
    run(Command::new("tar").args(["-xpf"]).arg(root.join("change.tar")).arg("-C").arg(root.join("upper")));
    to_upper(&root.join("upper"));
    let overlay = Overlay::mount(root);

    let mounted = Mounted(FuseMounter::new(env!("CARGO_BIN_EXE_cimsnap")), root.join("mount"));
    mounted.0.mount(&root.join("cim/2.cim"), &mounted.1, &MountOptions::default()).unwrap();
    let (ours, theirs) = (Tree::read(&mounted.1), Tree::read(&overlay.0));
    assert!(theirs.0.len() > 25, "{}", theirs.0.len());
    assert_eq!(ours, theirs);
}
