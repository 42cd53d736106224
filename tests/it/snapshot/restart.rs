//! Roots that are opened again, by whoever and after whatever.

use std::fs;

use cimsnap::mount::Mounter;
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::snapshot::{Code, SnapshotError, SnapshotOptions, Snapshots};
use cimsnap::store::StoreError;

use super::root::{Root, open, open_with, whole};
use super::{code, files, fill, image, layer, new, row, shown, target, to};
use crate::fuse::{eventually, mounter, servers};

#[test]
fn all_snapshots_and_mounts_are_there_after_a_restart() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    all.prepare(new("container", "base")).unwrap();
    all.prepare(new("empty", "")).unwrap();
    all.prepare(new("extract-1 next", "base")).unwrap();
    all.view(new("view", "base")).unwrap();
    let before = all.list(&[]).unwrap();
    let mounts = |all: &Snapshots| {
        ["container", "empty", "extract-1 next", "view"].map(|key| all.mounts(key).unwrap())
    };
    let shows = mounts(&all);
    let at = all.store().root().mount(&row(&all, "base").unwrap().image.unwrap());
    let served = servers(&at);
    drop(all);

    let all = open(root.path());
    assert_eq!(all.list(&[]).unwrap(), before);
    assert_eq!(servers(&at), served, "a mount that a container has is left alone");
    assert_eq!(mounts(&all), shows);
    for key in ["container", "view", "extract-1 next"] {
        assert_eq!(shown(&all, key), "data");
    }
    drop(all);
    whole(root.path());
}

#[test]
fn a_mount_whose_server_was_killed_is_made_anew() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    all.view(new("view", "base")).unwrap();
    let at = all.store().root().mount(&row(&all, "base").unwrap().image.unwrap());
    let server = rustix::process::Pid::from_raw(servers(&at)[0].try_into().unwrap()).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
    eventually("the death of the mount", || fs::read_dir(&at).is_err());
    assert_eq!(shown(&all, "view"), "data");
}

#[test]
fn a_root_that_is_in_use_is_refused_and_left_alone() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    all.view(new("view", "base")).unwrap();
    all.prepare(new("extract-1 next", "base")).unwrap();
    let second = Snapshots::open(root.path(), std::sync::Arc::new(mounter()), SnapshotOptions::default());
    let error = second.unwrap_err();
    assert!(matches!(error, SnapshotError::Store(StoreError::InUse(_))), "{error}");
    assert!(error.to_string().ends_with("is in use by another cimsnap"));
    assert_eq!((shown(&all, "view"), shown(&all, "extract-1 next")), ("data".to_owned(), "data".to_owned()));
    fill(&all, &target(&all, "extract-1 next"), &layer("next")).unwrap();
    all.commit(&to("extract-1 next", "next")).unwrap();
    drop(all);
    whole(root.path());
}

#[test]
fn directories_that_a_power_loss_took_are_made_anew() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    let keys = [("container", "base"), ("alone", "")];
    keys.iter().for_each(|(key, parent)| drop(all.prepare(new(key, parent)).unwrap()));
    let lost = all.store().root().snapshots();
    drop(all);
    fs::read_dir(&lost).unwrap().for_each(|entry| fs::remove_dir_all(entry.unwrap().path()).unwrap());
    let all = open(root.path());
    for (key, _) in keys {
        let id = row(&all, key).unwrap().id;
        assert!(all.store().root().upper(id).is_dir() && all.store().root().work(id).is_dir());
        all.mounts(key).unwrap();
    }
}

#[test]
fn what_a_crash_has_emptied_does_not_become_an_image_without_its_layer() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    for key in ["extract-1 lost", "extract-2 written", "container"] {
        all.prepare(new(key, "base")).unwrap();
    }
    drop(all);
    // As if a layer had been given, which needs no more than that nobody has told the disk.
    let all = open(root.path());
    let written = all.store().root().upper(row(&all, "extract-2 written").unwrap().id);
    fs::write(written.join("more"), "more").unwrap();
    assert_eq!(code(all.commit(&to("extract-1 lost", "lost"))), Some(Code::FailedPrecondition));
    all.commit(&to("extract-2 written", "written")).unwrap();
    all.commit(&to("container", "unchanged")).unwrap();
    fill(&all, &target(&all, "extract-1 lost"), &layer("next")).unwrap();
    all.commit(&to("extract-1 lost", "next")).unwrap();
    drop(all);
    whole(root.path());
}

#[test]
fn what_nobody_waited_for_comes_again_after_a_power_loss() {
    let hasty = SnapshotOptions { sync: false, ..SnapshotOptions::default() };
    for (lose, then) in [("region_", hasty), ("journal_", hasty), (".cim", SnapshotOptions::default())] {
        for truncate in [false, true] {
            let root = Root::new();
            let all = open_with(root.path(), hasty);
            image(&all, "base", "", "data");
            image(&all, "top", "base", "more");
            let directory = all.store().root().images();
            let lost: Vec<String> = files(&all).into_iter().filter(|name| name.contains(lose)).collect();
            drop(all);
            for name in &lost {
                let path = directory.join(name);
                if truncate { fs::write(path, []).unwrap() } else { fs::remove_file(path).unwrap() }
            }
            let all = open_with(root.path(), then);
            for (name, parent, data) in [("base again", "", "data"), ("top again", "base again", "more")] {
                image(&all, name, parent, data);
                all.view(new(&format!("{name} view"), name)).unwrap();
                assert_eq!(shown(&all, &format!("{name} view")), data, "without {lose}");
            }
            drop(all);
            whole(root.path());
        }
    }
}

#[test]
fn directories_of_mounts_that_are_gone_do_not_stay() {
    let root = Root::new();
    let all = open(root.path());
    let stale = all.store().root().mounts().join("ab".repeat(32));
    fs::create_dir(&stale).unwrap();
    all.cleanup().unwrap();
    assert!(!stale.exists());
    image(&all, "base", "", "data");
    all.view(new("view", "base")).unwrap();
    all.cleanup().unwrap();
    assert_eq!(shown(&all, "view"), "data");
    all.remove("view").unwrap();
    all.cleanup().unwrap();
    assert_eq!(fs::read_dir(all.store().root().mounts()).unwrap().count(), 0);
    let below = FuseMounter::this_program().unwrap().list().unwrap();
    assert!(below.iter().all(|mount| !mount.at.starts_with(all.store().root().path())));
    assert_eq!(code(all.mounts("view")), Some(Code::NotFound));
}
