//! A tree in a mount is the tree that was written.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use cimsnap::cim::{FileTime, Metadata};

use super::{Scene, put_with};
use crate::support::{mkdir, path, put};

type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// Reads everything below a directory: files with their data, directories without.
fn read_tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let at = entry.path();
            let name = at.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if entry.file_type().unwrap().is_dir() {
                tree.insert(name, None);
                open.push(at);
            } else {
                tree.insert(name, Some(fs::read(&at).unwrap()));
            }
        }
    }
    tree
}

#[test]
fn everything_that_was_written_is_there() {
    let mut expected = Tree::new();
    let scene = Scene::new(|writer| {
        for directory in ["a", "a/b", "a/b/c", "empty", "名"] {
            mkdir(writer, directory);
            expected.insert(directory.to_owned(), None);
        }
        for (number, size) in [0usize, 1, 4095, 4096, 4097, 131_072, 3_000_001].into_iter().enumerate() {
            for directory in ["", "a/", "a/b/c/", "名/"] {
                let name = format!("{directory}file {number} \u{1F600}.dat");
                let data: Vec<u8> =
                    (0..size).map(|at| u8::try_from((at * 7 + number) % 251).unwrap()).collect();
                put(writer, &name, &data);
                expected.insert(name, Some(data));
            }
        }
    });
    let mount = scene.mount();
    let found = read_tree(&mount.path(""));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, data) in &expected {
        assert!(found[name] == *data, "{name} differs");
    }
    assert!(read_tree(&mount.path("")) == expected, "the second walk sees something else");
}

#[test]
fn stat_says_what_the_record_says() {
    let nanos = 1_700_000_000_123_456_700;
    let time = |step: i128| FileTime::from_unix_nanos(nanos + step * 1_000_000_100);
    let scene = Scene::new(|writer| {
        let metadata = Metadata {
            creation_time: time(0),
            last_write_time: time(1),
            change_time: time(2),
            last_access_time: time(3),
            ..Metadata::default()
        };
        put_with(writer, "file", &metadata, &[7; 5000]);
        put_with(writer, "old", &Metadata::default().with_time(FileTime::from_raw(0)), b"");
    });
    let mount = scene.mount();
    let file = fs::metadata(mount.path("file")).unwrap();
    assert_eq!((file.len(), file.blocks(), file.nlink()), (5000, 10, 1));
    let start = UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanos).unwrap());
    assert_eq!(file.modified().unwrap(), start + Duration::from_nanos(1_000_000_100));
    assert_eq!(file.accessed().unwrap(), start + Duration::from_nanos(3_000_000_300));
    assert_eq!((file.ctime(), file.ctime_nsec()), (1_700_000_002, 123_456_900));
    let id = scene.image().find(&path("file")).unwrap().unwrap().id;
    assert_eq!(file.ino(), u64::from(id.raw()));
    assert_eq!(fs::metadata(mount.path("old")).unwrap().mtime(), -11_644_473_600);
    assert_eq!(fs::metadata(mount.path("")).unwrap().ino(), 1);
}

#[test]
fn statfs_counts_regions_and_records() {
    let scene = Scene::new(|writer| put(writer, "file", &[7; 1_000_000]));
    let mount = scene.mount();
    let totals = rustix::fs::statfs(mount.path("file")).unwrap();
    let bytes = totals.f_blocks * u64::try_from(totals.f_bsize).unwrap();
    assert!((1_000_000..2_000_000).contains(&bytes), "{bytes}");
    assert_eq!((totals.f_bfree, totals.f_bavail, totals.f_ffree), (0, 0, 0));
    assert_eq!(totals.f_files, 2);
}

#[test]
fn nothing_can_be_changed() {
    let scene = Scene::new(|writer| put(writer, "file", b"data"));
    let mount = scene.mount();
    let refused = |result: std::io::Result<()>| result.unwrap_err().kind();
    let read_only = std::io::ErrorKind::ReadOnlyFilesystem;
    assert_eq!(refused(fs::write(mount.path("file"), b"x")), read_only);
    assert_eq!(refused(fs::create_dir(mount.path("new"))), read_only);
    assert_eq!(refused(fs::remove_file(mount.path("file"))), read_only);
    assert_eq!(refused(fs::rename(mount.path("file"), mount.path("other"))), read_only);
    assert_eq!(fs::read(mount.path("file")).unwrap(), b"data");
}

#[test]
fn a_large_directory_lists_whole_and_goes_on_anywhere() {
    const FILES: usize = 20_000;
    let scene = Scene::new(|writer| {
        mkdir(writer, "large");
        for number in 0..FILES {
            put(writer, &format!("large/file-with-a-longer-name-{number:06}"), b"");
        }
    });
    let mount = scene.mount();
    let names = |at: &Path| -> Vec<String> {
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let first = names(&mount.path("large"));
    assert_eq!(first.len(), FILES);
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), FILES);
    assert_eq!(names(&mount.path("large")), first);

    // Goes back to a place in the middle, as seekdir does.
    let directory = fs::File::open(mount.path("large")).unwrap();
    let mut buffer = Vec::with_capacity(4096);
    let mut entries = rustix::fs::RawDir::new(&directory, buffer.spare_capacity_mut());
    let mut place = 0;
    let mut behind = Vec::new();
    for number in 0..1002 {
        let entry = entries.next().unwrap().unwrap();
        match number {
            1000 => place = entry.next_entry_cookie(),
            1001 => behind = entry.file_name().to_bytes().to_vec(),
            _ => {}
        }
    }
    rustix::fs::seek(&directory, rustix::fs::SeekFrom::Start(place)).unwrap();
    let mut buffer = Vec::with_capacity(4096);
    let mut entries = rustix::fs::RawDir::new(&directory, buffer.spare_capacity_mut());
    assert_eq!(entries.next().unwrap().unwrap().file_name().to_bytes(), behind);
}

#[test]
fn dots_lead_to_the_directory_and_up() {
    let scene = Scene::new(|writer| {
        mkdir(writer, "a");
        mkdir(writer, "a/b");
    });
    let mount = scene.mount();
    let ino = |below: &str| fs::metadata(mount.path(below)).unwrap().ino();
    let directory = fs::File::open(mount.path("a/b")).unwrap();
    let mut found = Vec::new();
    for entry in rustix::fs::Dir::read_from(&directory).unwrap() {
        let entry = entry.unwrap();
        found.push((entry.file_name().to_str().unwrap().to_owned(), entry.ino()));
    }
    assert_eq!(found, [(".".to_owned(), ino("a/b")), ("..".to_owned(), ino("a"))]);
    assert!(directory.read_at(&mut [0], 0).is_err());
}
