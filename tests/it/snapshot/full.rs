//! Disks that are full.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use cimsnap::snapshot::{Code, Labels, Snapshots};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use super::root::{open, whole};
use super::{files, fill, image, new, row, shown, target, to};
use crate::import::tars::Tar;

/// A small disk.
pub(super) struct Disk(TempDir);

impl Disk {
    pub(super) fn new(size: &str) -> Self {
        let at = tempfile::tempdir().unwrap();
        let options = std::ffi::CString::new(format!("size={size}")).unwrap();
        mount("tmpfs", at.path(), "tmpfs", MountFlags::empty(), options.as_c_str()).unwrap();
        Self(at)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.path()).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    /// Writes a file that takes all that is left.
    pub(super) fn fill_up(&self) -> std::path::PathBuf {
        let path = self.path().join("filler");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(self.path(), UnmountFlags::DETACH).unwrap();
    }
}

/// Makes a layer with a file of so many bytes that do not repeat.
fn large(bytes: u64) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let noise: String = (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b' ' + u8::try_from(state % 90).unwrap())
        })
        .collect();
    Tar::new().dir("./").file("./file", &noise).bytes()
}

#[test]
fn a_layer_that_does_not_fit_leaves_room_for_one_that_does() {
    let disk = Disk::new("24m");
    let all = open(disk.path());
    image(&all, "base", "", "data");
    let (before, free) = (files(&all), disk.free());
    all.prepare(new("extract-1 large", "base")).unwrap();
    let error = fill(&all, &target(&all, "extract-1 large"), &large(30 << 20)).unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    let text = super::hostile::chain(&error);
    assert!(text.contains("region_") && text.contains("No space left on device"), "{text}");
    assert_eq!(files(&all), before);
    assert!(disk.free() + (1 << 20) > free, "{} bytes of {free} came back", disk.free());

    all.remove("extract-1 large").unwrap();
    all.cleanup().unwrap();
    all.prepare(new("extract-1 small", "base")).unwrap();
    fill(&all, &target(&all, "extract-1 small"), &large(1 << 20)).unwrap();
    all.commit(&to("extract-1 small", "small")).unwrap();
    all.view(new("view", "base")).unwrap();
    assert_eq!(shown(&all, "view"), "data");
    all.remove("view").unwrap();
    drop(all);
    whole(disk.path());
}

#[test]
fn a_full_disk_does_not_break_the_database() {
    let disk = Disk::new("16m");
    let all = open(disk.path());
    image(&all, "base", "", "data");
    all.prepare(new("container", "base")).unwrap();
    let filler = disk.fill_up();
    assert_eq!(disk.free(), 0);
    // A process that is started while the file is open has it too, for a while.
    let spare = File::open(disk.path().join("cimsnap.spare")).unwrap();
    work_without_room(&all);
    drop(spare);
    fs::remove_file(filler).unwrap();
    image(&all, "next", "base", "more");
    all.view(new("view", "next")).unwrap();
    assert_eq!(shown(&all, "view"), "more");
    all.remove("view").unwrap();
    drop(all);
    whole(disk.path());
}

/// What makes room works; what needs some says so.
fn work_without_room(all: &Snapshots) {
    for number in 0..50 {
        let labels = Labels::from([("containerd.io/snapshot/x".to_owned(), "y".repeat(number))]);
        all.update("base", &labels, &[]).unwrap();
    }
    for number in 0..50 {
        let key = format!("extract-1 {number}");
        match all.prepare(new(&key, "base")) {
            Ok(_) => all.remove(&key).unwrap(),
            Err(error) => assert_eq!(error.code(), Code::ResourceExhausted, "{error}"),
        }
    }
    all.remove("container").unwrap();
    all.cleanup().unwrap();
    assert_eq!(row(all, "container"), None);
}
