//! Directories of snapshots after the commit, when the image has what they hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cimsnap::snapshot::Snapshots;
use cimsnap::store::Usage;
use tempfile::TempDir;

use super::root::{Root, open, whole};
use super::{image, new, row, to};

/// More than rounding, less than twice.
const DATA: usize = 3 << 20;

/// A snapshot that is mounted as a container mounts it, until this is dropped.
struct Mounted(TempDir);

impl Mounted {
    fn new(all: &Snapshots, key: &str) -> Self {
        let mount = all.prepare(new(key, "base")).unwrap().remove(0);
        let at = tempfile::tempdir().unwrap();
        run(Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &mount.options.join(",")])
            .arg(at.path()));
        fs::write(at.path().join("written"), vec![7; DATA]).unwrap();
        Self(at)
    }

    fn written(&self) -> Vec<u8> {
        fs::read(self.0.path().join("written")).unwrap()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.0.path()));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn directory(all: &Snapshots, key: &str) -> PathBuf {
    all.store().root().snapshot(row(all, key).unwrap().id)
}

/// Bytes that a file or what lies below a directory takes.
fn on_disk(path: &Path) -> u64 {
    let text =
        String::from_utf8(Command::new("du").args(["-s", "-B1"]).arg(path).output().unwrap().stdout).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_committed_snapshot_stores_its_data_once() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    assert!(!directory(&all, "base").exists());
    let before = on_disk(all.store().root().path());
    drop(Mounted::new(&all, "container"));
    all.commit(&to("container", "committed")).unwrap();
    assert!(!directory(&all, "committed").exists());
    let Usage { bytes, .. } = all.usage("committed").unwrap();
    assert!((DATA as u64..2 * DATA as u64).contains(&bytes), "{bytes}");
    let grown = on_disk(all.store().root().path()) - before;
    assert!((DATA as u64..2 * DATA as u64).contains(&grown), "{grown}");
    drop(all);
    whole(root.path());
}

#[test]
fn a_container_outlives_the_commit_of_its_snapshot() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    let mounted = Mounted::new(&all, "container");
    all.commit(&to("container", "committed")).unwrap();
    let spent = directory(&all, "committed");
    let Usage { bytes, .. } = all.usage("committed").unwrap();
    assert!(bytes >= 2 * DATA as u64, "{bytes}: both copies count while they are there");
    assert_eq!(all.garbage().unwrap().directories, [] as [PathBuf; 0]);
    all.collect().unwrap();
    drop(all);
    let all = open(root.path());
    assert_eq!(mounted.written(), vec![7; DATA]);
    assert!(spent.exists());

    drop(mounted);
    assert_eq!(all.garbage().unwrap().directories, std::slice::from_ref(&spent));
    assert_eq!(all.collect().unwrap().directories, std::slice::from_ref(&spent));
    assert!(!spent.exists());
    assert!(all.usage("committed").unwrap().bytes < 2 * DATA as u64);
    drop(all);
    whole(root.path());
}

#[test]
fn what_a_commit_left_is_removed_at_the_next_start() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    let spent = directory(&all, "base");
    fs::create_dir_all(spent.join("fs/left")).unwrap();
    drop(all);
    drop(open(root.path()));
    assert!(!spent.exists());
    whole(root.path());
}
