//! Verbs that get in each other's way.

use std::path::Path;
use std::sync::{Arc, Barrier, OnceLock, Weak};
use std::thread;

use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{MountEntry, MountError, MountOptions, Mounter, Unmount};
use cimsnap::snapshot::{Code, SnapshotOptions, Snapshots};
use cimsnap::store::Store;

use super::root::{Root, open, whole};
use super::{code, files, fill, image, layer, layer_count, new, row, target, to};

/// Runs all of this at once.
fn at_once(all: &Snapshots, work: &[&(dyn Fn(&Snapshots) + Sync)]) {
    let barrier = Barrier::new(work.len());
    thread::scope(|scope| {
        for work in work {
            scope.spawn(|| {
                barrier.wait();
                work(all);
            });
        }
    });
}

#[test]
fn one_layer_comes_for_many_snapshots_at_once() {
    let root = Root::new();
    let all = open(root.path());
    for round in 0..20 {
        let keys: Vec<String> = (0..6).map(|number| format!("extract-{number} {round}")).collect();
        let tar = layer(&"x".repeat(5000 + round));
        let barrier = Barrier::new(keys.len());
        thread::scope(|scope| {
            let (all, barrier, tar) = (&all, &barrier, &tar);
            for key in &keys {
                all.prepare(new(key, "")).unwrap();
                scope.spawn(move || {
                    barrier.wait();
                    fill(all, &target(all, key), tar).unwrap();
                });
            }
        });
        assert_eq!(layer_count(&all), round + 1);
    }
}

#[test]
fn equal_containers_are_committed_at_once() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    let keys: Vec<String> = (0..8).map(|number| format!("container {number}")).collect();
    thread::scope(|scope| {
        let all = &all;
        for key in &keys {
            all.prepare(new(key, "base")).unwrap();
            scope.spawn(move || all.commit(&to(key, &format!("{key} image"))).unwrap());
        }
    });
    drop(all);
    whole(root.path());
}

#[test]
fn a_layer_for_a_snapshot_that_is_gone_leaves_nothing() {
    let root = Root::new();
    let all = open(root.path());
    let key = "extract-1 gone";
    all.prepare(new(key, "")).unwrap();
    let gone = target(&all, key);
    all.remove(key).unwrap();
    assert_eq!(code(fill(&all, &gone, &layer("lost"))), Some(Code::NotFound));
    assert_eq!(files(&all), Vec::<String>::new());

    all.prepare(new(key, "")).unwrap();
    assert_eq!(code(fill(&all, &gone, &layer("lost"))), Some(Code::NotFound));
    assert_eq!(row(&all, key).unwrap().layer, None, "another snapshot has the key now");
    fill(&all, &target(&all, key), &layer("kept")).unwrap();
    all.commit(&to(key, "moved")).unwrap();
    all.prepare(new("extract-1 next", "moved")).unwrap();
    fill(&all, &target(&all, "extract-1 next"), &layer("next")).unwrap();
    all.commit(&to("extract-1 next", key)).unwrap();
    let committed = row(&all, key);
    assert_eq!(code(fill(&all, &gone, &layer("lost"))), Some(Code::NotFound));
    assert_eq!(row(&all, key), committed, "an image never changes");
    drop(all);
    whole(root.path());
}

#[test]
fn ids_are_given_once() {
    let root = tempfile::tempdir().unwrap();
    let before = Store::open(root.path()).unwrap().new_id();
    let after = Store::open(root.path()).unwrap().new_id();
    assert!(after > before, "containerd may still name the directory of {before}");
}

#[test]
fn mounts_of_a_snapshot_that_is_being_removed_do_not_stay() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    for round in 0..60 {
        let key = format!("extract-1 {round}");
        all.prepare(new(&key, "base")).unwrap();
        // As after a restart: nothing is mounted yet for what is being filled.
        let mounts = |all: &Snapshots| {
            for _ in 0..3 {
                assert!(matches!(code(all.mounts(&key)), None | Some(Code::NotFound)));
            }
        };
        let clean = |all: &Snapshots| (0..20).for_each(|_| all.cleanup().unwrap());
        at_once(&all, &[&mounts, &mounts, &|all| all.remove(&key).unwrap(), &clean]);
        assert_eq!(below_snapshots(&all), []);
    }
    all.cleanup().unwrap();
}

fn below_snapshots(all: &Snapshots) -> Vec<MountEntry> {
    let directory = all.store().root().snapshots();
    let mut mounts = FuseMounter::this_program().unwrap().list().unwrap();
    mounts.retain(|mount| mount.at.starts_with(&directory));
    mounts
}

#[test]
fn a_parent_is_removed_or_gets_a_child() {
    let root = Root::new();
    let all = open(root.path());
    for round in 0..40 {
        let (parent, child) = (format!("parent {round}"), format!("extract-1 child {round}"));
        image(&all, &parent, "", "data");
        let prepare = |all: &Snapshots| {
            assert!(matches!(code(all.prepare(new(&child, &parent))), None | Some(Code::NotFound)));
        };
        let remove = |all: &Snapshots| {
            assert!(matches!(code(all.remove(&parent)), None | Some(Code::FailedPrecondition)));
        };
        at_once(&all, &[&prepare, &remove, &|all| all.cleanup().unwrap()]);
        assert_eq!(row(&all, &parent).is_some(), row(&all, &child).is_some());
    }
    drop(all);
    whole(root.path());
}

#[test]
fn a_commit_races_everything() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    for round in 0..40 {
        let (key, name) = (format!("extract-1 {round}"), format!("image {round}"));
        all.prepare(new(&key, "base")).unwrap();
        let waiting = target(&all, &key);
        fill(&all, &waiting, &layer(&format!("data {round}"))).unwrap();
        let commit = |all: &Snapshots| {
            assert!(matches!(code(all.commit(&to(&key, &name))), None | Some(Code::NotFound)));
        };
        let remove = |all: &Snapshots| {
            assert!(matches!(code(all.remove(&key)), None | Some(Code::NotFound)));
        };
        let ahead = |all: &Snapshots| all.fork_ahead(&key).unwrap();
        let again = |all: &Snapshots| {
            let filled = fill(all, &waiting, &layer(&format!("data {round}")));
            assert!(matches!(code(filled), None | Some(Code::NotFound)));
        };
        let clean = |all: &Snapshots| all.cleanup().unwrap();
        match round % 2 {
            0 => at_once(&all, &[&commit, &remove, &ahead, &again, &clean]),
            _ => at_once(&all, &[&commit, &ahead, &again, &clean]),
        }
        assert_eq!(row(&all, &key), None);
        assert!(round % 2 == 0 || row(&all, &name).is_some());
    }
    drop(all);
    whole(root.path());
}

#[test]
fn a_commit_of_what_is_removed_with_its_parent_is_not_found() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    for round in 0..60 {
        let (parent, key) = (format!("parent {round}"), format!("container {round}"));
        image(&all, &parent, "base", &format!("below {round}"));
        all.prepare(new(&key, &parent)).unwrap();
        let commit = |all: &Snapshots| {
            let done = all.commit(&to(&key, &format!("image {round}")));
            assert!(matches!(code(done), None | Some(Code::NotFound)));
        };
        let remove = |all: &Snapshots| {
            // Later in each round, so that whatever a commit does is met.
            (0..round * 50).for_each(|_| thread::yield_now());
            let gone = all.remove(&key).and_then(|()| all.remove(&parent)).and_then(|()| all.cleanup());
            assert!(matches!(code(gone), None | Some(Code::NotFound)));
        };
        at_once(&all, &[&commit, &remove]);
    }
    drop(all);
    whole(root.path());
}

/// Mounts images of a snapshot that somebody removes right before, with all that it shows.
#[derive(Debug)]
struct TooLate {
    mounter: FuseMounter,
    all: OnceLock<Weak<Snapshots>>,
}

impl Mounter for TooLate {
    fn mount(&self, image: &Path, at: &Path, options: &MountOptions) -> Result<(), MountError> {
        let all = self.all.get().and_then(Weak::upgrade).unwrap();
        all.remove("view").unwrap();
        self.mounter.mount(&image.with_extension("gone"), at, options)
    }

    fn mount_briefly(
        &self,
        image: &Path,
        at: &Path,
        options: &MountOptions,
    ) -> Result<Box<dyn Send>, MountError> {
        self.mounter.mount_briefly(image, at, options)
    }

    fn unmount(&self, at: &Path, how: Unmount) -> Result<(), MountError> {
        self.mounter.unmount(at, how)
    }

    fn mounted(&self, at: &Path) -> Result<Option<MountEntry>, MountError> {
        self.mounter.mounted(at)
    }

    fn list(&self) -> Result<Vec<MountEntry>, MountError> {
        self.mounter.list()
    }
}

#[test]
fn a_snapshot_that_is_removed_while_it_is_mounted_is_not_found() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    all.view(new("view", "base")).unwrap();
    // Nothing is mounted any more when it is opened again.
    super::root::unmount_below(root.path());
    drop(all);
    let mounter = FuseMounter::new(env!("CARGO_BIN_EXE_cimsnap"));
    let mounter = Arc::new(TooLate { mounter, all: OnceLock::new() });
    let all = Arc::new(Snapshots::open(root.path(), mounter.clone(), SnapshotOptions::default()).unwrap());
    mounter.all.set(Arc::downgrade(&all)).unwrap();
    assert_eq!(code(all.mounts("view")), Some(Code::NotFound));
}
