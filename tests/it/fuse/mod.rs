//! Real mounts. They need root and /dev/fuse.

mod cache;
mod data;
mod hostile;
mod linux;
mod names;
mod process;
mod tree;
mod windows;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cimsnap::cim::ea::EaBuilder;
use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{CaseRule, Image, Metadata, Writer, WriterOptions};
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{MountError, MountOptions, Mounter, Unmount, ViewKind};
use tempfile::TempDir;

use crate::support::{image_name, path};

/// A containing directory with one image, and a place to mount it.
struct Scene {
    root: TempDir,
}

impl Scene {
    /// Writes an image.
    fn new(fill: impl FnOnce(&mut Writer)) -> Self {
        Self::with_case(CaseRule::Fold, fill)
    }

    fn with_case(case: CaseRule, fill: impl FnOnce(&mut Writer)) -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["cim", "mnt"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let scene = Self { root };
        let options = WriterOptions { case, sync: false, ..WriterOptions::DEFAULT };
        let mut writer = Writer::create(scene.directory(), &image_name("a.cim"), options).unwrap();
        fill(&mut writer);
        writer.commit().unwrap();
        scene
    }

    fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(DiskDirectory::new(self.root.path().join("cim")))
    }

    fn image_path(&self) -> PathBuf {
        self.root.path().join("cim/a.cim")
    }

    fn image(&self) -> Image {
        Image::open(&self.image_path()).unwrap()
    }

    fn at(&self) -> PathBuf {
        self.root.path().join("mnt")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.path().join("log")).unwrap()
    }

    fn mount(&self) -> Mount<'_> {
        self.mount_as(ViewKind::Auto)
    }

    fn mount_as(&self, view: ViewKind) -> Mount<'_> {
        let log = Some(self.root.path().join("log"));
        let options = MountOptions { view, log, ..MountOptions::default() };
        mounter().mount(&self.image_path(), &self.at(), &options).unwrap();
        Mount { scene: self }
    }
}

/// A live mount; taken away when dropped.
struct Mount<'s> {
    scene: &'s Scene,
}

impl Mount<'_> {
    fn path(&self, below: &str) -> PathBuf {
        self.scene.at().join(below)
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        // A test may have done so already.
        drop(mounter().unmount(&self.scene.at(), Unmount::Detach));
    }
}

/// The mounter of the real program.
pub(crate) fn mounter() -> FuseMounter {
    let uid = rustix::process::geteuid();
    assert!(uid.is_root(), "the tests of mounts need root, and run as {uid:?}");
    assert!(Path::new("/dev/fuse").exists(), "the tests of mounts need /dev/fuse, which is not there");
    FuseMounter::new(env!("CARGO_BIN_EXE_cimsnap"))
}

/// Returns the servers of a mount: there should be one, or none after its end.
pub(crate) fn servers(at: &Path) -> Vec<u32> {
    let at = at.canonicalize().unwrap_or_else(|_| at.to_owned());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = words.split(|&byte| byte == 0).collect();
        if words.contains(&&b"fuse-serve"[..]) && words.contains(&at.as_os_str().as_bytes()) {
            found.push(pid);
        }
    }
    found
}

/// Waits until something holds, for a few seconds at most.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Takes a mount away that nobody uses. A process that another test is starting holds for a moment what was open here.
fn unmount_when_idle(at: &Path) {
    eventually("an idle mount", || match mounter().unmount(at, Unmount::WhenIdle) {
        Ok(()) => true,
        Err(MountError::Busy(_)) => false,
        Err(error) => panic!("{error}"),
    });
}

/// Makes a list of EAs.
fn eas(list: &[(&str, &[u8])]) -> Vec<u8> {
    let mut eas = EaBuilder::new();
    list.iter().for_each(|(name, value)| eas.push(0, name.as_bytes(), value).unwrap());
    eas.in_order()
}

/// Makes the EAs of a file from Linux.
fn owner(uid: u32, gid: u32, mode: u32) -> Vec<u8> {
    eas(&[("$LXUID", &uid.to_le_bytes()), ("$LXGID", &gid.to_le_bytes()), ("$LXMOD", &mode.to_le_bytes())])
}

/// Makes a reparse buffer.
fn reparse(tag: u32, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap();
    [&tag.to_le_bytes()[..], &len.to_le_bytes(), &[0, 0], data].concat()
}

fn put_with(writer: &mut Writer, at: &str, metadata: &Metadata<'_>, data: &[u8]) {
    let size = u64::try_from(data.len()).unwrap();
    let mut stream = writer.create_file(&path(at), metadata, size).unwrap();
    stream.append(data).unwrap();
    stream.finish().unwrap();
}
