//! `cimsnap fsck`: damage of every kind is named, and healed where it can be.

use std::error::Error;
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cimsnap::cim::dump::{DumpOptions, dump};
use cimsnap::cim::{Guid, Image, files};
use cimsnap::layer::digest::Digest;
use cimsnap::snapshot::NewSnapshot;
use cimsnap::snapshot::fsck::{Blobs, Fault, FsckOptions, Remedy, Report, Subject};
use cimsnap::store::{Look, Promise, StoreError};
use serde_json::json;

use super::bed::{Bed, base, names, top};

/// Blobs that are still there.
struct Kept(Vec<Vec<u8>>);

impl Blobs for Kept {
    fn open(&self, blob: &Digest) -> Result<Option<Box<dyn Read + Send>>, Box<dyn Error + Send + Sync>> {
        let found = self.0.iter().find(|bytes| Digest::of(bytes) == *blob);
        Ok(found.map(|bytes| Box::new(Cursor::new(bytes.clone())) as Box<dyn Read + Send>))
    }
}

const LOOK: FsckOptions = FsckOptions { deep: false, repair: false };
const READ: FsckOptions = FsckOptions { deep: true, repair: false };
const REPAIR: FsckOptions = FsckOptions { deep: true, repair: true };

fn verified() -> Bed {
    let bed = Bed::filled();
    bed.look().take_digests().unwrap();
    bed
}

fn fsck(bed: &Bed, options: FsckOptions) -> Report {
    bed.look().fsck(options, &Kept(vec![base(), top()])).unwrap()
}

/// Everything that is seen of the top image.
fn listing(bed: &Bed) -> String {
    let chain = bed.look().details("top").unwrap().image.unwrap().0;
    let image = Image::open(&bed.images().join(format!("sha256-{}.cim", chain.hex()))).unwrap();
    let mut text = Vec::new();
    dump(&image, &mut text, DumpOptions::default()).unwrap();
    String::from_utf8(text).unwrap()
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
}

fn delete(path: &Path) {
    fs::remove_file(path).unwrap();
}

/// The files that rows speak of.
fn kept(bed: &Bed) -> Vec<String> {
    let mut names = names(&bed.images());
    names.retain(|name| name.ends_with(files::IMAGE) || files::set_of(name).is_some());
    assert!(names.len() > 10, "{names:?}");
    names
}

#[test]
fn a_sound_store_is_found_to_be_so() {
    let bed = Bed::filled();
    let report = fsck(&bed, READ);
    assert!(report.findings.is_empty() && report.compared == 0, "{report:?}");
    let count = u64::try_from(kept(&bed).len()).unwrap();
    assert_eq!(report.unverified, count);

    let bytes = bed.look().take_digests().unwrap();
    let report = fsck(&bed, READ);
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!((report.unverified, report.compared), (0, bytes));
    assert_eq!((report.snapshots, report.images, report.layers), (2, 2, 2));
    assert_eq!(bed.look().take_digests().unwrap(), 0);
}

#[test]
fn damage_of_every_kind_to_every_file_is_named_and_healed() {
    let bed = verified();
    let sound = listing(&bed);
    for (kind, damage) in [("flip", flip as fn(&Path)), ("truncate", truncate), ("delete", delete)] {
        // The trees of images get new names when they are made again.
        for index in 0..kept(&bed).len() {
            let path = bed.images().join(&kept(&bed)[index]);
            damage(&path);
            let expected = |fault: &Fault| match fault {
                Fault::Changed(file) => kind == "flip" && *file == path,
                Fault::Size { file, .. } => kind == "truncate" && *file == path,
                Fault::Missing(file) => kind == "delete" && *file == path,
                _ => false,
            };
            let report = fsck(&bed, READ);
            assert!(!report.is_sound());
            let [finding] = &report.findings[..] else { panic!("{kind} {path:?}: {report:?}") };
            assert!(expected(&finding.fault), "{kind} {path:?}: {finding:?}");
            assert_eq!(fsck(&bed, LOOK).is_sound(), kind == "flip", "{kind} {path:?}");

            let report = fsck(&bed, REPAIR);
            assert!(report.is_sound() && report.findings.len() == 1, "{kind} {path:?}: {report:?}");
            bed.look().take_digests().unwrap();
            let report = fsck(&bed, READ);
            assert!(report.findings.is_empty(), "{kind} {path:?}: {report:?}");
            assert_eq!(listing(&bed), sound, "{kind} {path:?}");
        }
    }
}

#[test]
fn what_nobody_has_is_named_and_removed_unless_it_is_a_strangers() {
    let bed = verified();
    let set = Guid::from_content([9; 16]);
    let stray = [files::region(set, 0), files::journal(set), "old.cim".to_owned()];
    let mut paths: Vec<_> = stray.iter().map(|name| bed.images().join(name)).collect();
    paths.iter().for_each(|path| fs::write(path, "stray").unwrap());
    let stranger = bed.images().join("notes.txt");
    fs::write(&stranger, "not ours").unwrap();
    paths.push(bed.root().join("snapshots/999"));
    fs::create_dir(&paths[3]).unwrap();
    fs::write(paths[3].join("file"), "stray").unwrap();

    let report = fsck(&bed, LOOK);
    assert!(report.is_sound() && report.findings.len() == 5, "{report:?}");
    let found = |path: &Path| {
        report.findings.iter().find(|finding| finding.subject == Subject::Stray(path.to_owned())).unwrap()
    };
    assert!(paths.iter().all(|path| matches!(found(path).fault, Fault::NoRow { bytes: 1.. })));
    assert_eq!(found(&paths[0]).fault, Fault::NoRow { bytes: 5 });
    assert_eq!(found(&stranger).fault, Fault::NotOurs { bytes: 8 });
    assert!(paths.iter().all(|path| path.exists()));

    fsck(&bed, REPAIR);
    assert!(!paths.iter().any(|path| path.exists()) && stranger.exists());
    let report = fsck(&bed, READ);
    assert!(report.is_sound() && report.findings.len() == 1, "{report:?}");
}

#[test]
fn nothing_is_called_good_whose_blob_is_gone() {
    let bed = verified();
    let damaged = kept(&bed).into_iter().find(|name| files::is_journal(name)).unwrap();
    let path = bed.images().join(&damaged);
    flip(&path);
    let before = fs::read(&path).unwrap();
    let mut altered = top();
    altered[600] ^= 1;
    for blobs in [Kept(Vec::new()), Kept(vec![altered])] {
        let report = bed.look().fsck(REPAIR, &blobs).unwrap();
        let [finding] = &report.findings[..] else { panic!("{report:?}") };
        assert!(!finding.repaired && matches!(finding.remedy, Remedy::Pull(_)), "{report:?}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let output = bed.run("fsck --deep --repair");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text.contains("is damaged; remove the images that have it from containerd, and pull"), "{text}");
}

#[test]
fn another_pull_of_a_damaged_layer_does_not_hide_the_damage() {
    let bed = verified();
    let snapshots = bed.look();
    let set = snapshots.details("top").unwrap().layer.unwrap().0;
    let path = bed.images().join(files::region(set, 1));
    flip(&path);
    super::bed::pull(&snapshots, "again", "base", top());
    snapshots.take_digests().unwrap();
    drop(snapshots);
    let report = fsck(&bed, READ);
    let faults: Vec<&Fault> = report.findings.iter().map(|finding| &finding.fault).collect();
    assert_eq!(faults, [&Fault::Changed(path)]);
}

#[test]
fn a_blob_that_is_not_what_it_says_repairs_nothing() {
    struct Liar(Vec<u8>);
    impl Blobs for Liar {
        fn open(&self, _: &Digest) -> Result<Option<Box<dyn Read + Send>>, Box<dyn Error + Send + Sync>> {
            Ok(Some(Box::new(Cursor::new(self.0.clone()))))
        }
    }
    let bed = verified();
    let damaged = kept(&bed).into_iter().find(|name| files::is_journal(name)).unwrap();
    truncate(&bed.images().join(damaged));
    let other = crate::import::tars::Tar::new().file("other", "other").bytes();
    let report = bed.look().fsck(REPAIR, &Liar(other)).unwrap();
    assert!(!report.is_sound() && !report.findings[0].repaired, "{report:?}");
    assert!(!bed.root().join("repair").exists());
}

#[test]
fn rows_that_are_missed_are_named_and_made_again() {
    let bed = verified();
    let sound = listing(&bed);
    let chain = |name: &str| bed.look().details(name).unwrap().image.unwrap().0;
    let (lower, upper) = (chain("base"), chain("top"));
    for gone in [upper, lower] {
        forget(&bed, gone);
        let mut faults: Vec<Fault> =
            fsck(&bed, LOOK).findings.into_iter().map(|finding| finding.fault).collect();
        // Its files are nobody's now.
        faults.retain(|fault| !matches!(fault, Fault::NoRow { .. }));
        let expected = match gone == upper {
            true => vec![Fault::NoImage(upper)],
            false => vec![Fault::NoParent(lower), Fault::NoImage(lower)],
        };
        assert_eq!(faults, expected);
        let report = fsck(&bed, REPAIR);
        assert!(report.is_sound(), "{report:?}");
        let report = fsck(&bed, READ);
        assert!(report.findings.is_empty(), "{report:?}");
        assert_eq!(listing(&bed), sound);
    }

    let set = bed.look().details("top").unwrap().layer.unwrap().0;
    bed.look().store().write(Promise::Kept, |writer| writer.remove_layer(set)).unwrap();
    let report = fsck(&bed, REPAIR);
    let fault = |finding: &cimsnap::snapshot::fsck::Finding| finding.fault == Fault::NoLayer(set);
    let finding = report.findings.iter().find(|finding| fault(finding)).unwrap();
    assert!(!finding.repaired && !report.is_sound(), "{report:?}");
}

fn forget(bed: &Bed, chain: Digest) {
    let snapshots = bed.look();
    snapshots.store().write(Promise::Kept, |writer| writer.remove_image(&chain)).unwrap();
    let gone = snapshots.store().read(|reader| reader.image(&chain)).map_err(|error: StoreError| error);
    assert_eq!(gone.unwrap(), None);
}

#[test]
fn a_lost_directory_of_a_snapshot_is_named() {
    let bed = verified();
    let snapshots = bed.look();
    snapshots.prepare(NewSnapshot { key: "empty".into(), ..NewSnapshot::default() }).unwrap();
    let id = snapshots.details("empty").unwrap().row.id;
    let upper = snapshots.store().root().upper(id);
    drop(snapshots);
    fs::remove_dir(&upper).unwrap();
    let report = fsck(&bed, LOOK);
    assert_eq!(report.findings[0].fault, Fault::Missing(upper));
    assert!(!report.is_sound());
}

#[test]
fn a_daemon_heals_what_is_mounted_and_says_what_to_restart() {
    let bed = Bed::filled();
    bed.keep_blobs();
    let snapshots = bed.open();
    let new = |key: &str, parent: &str| NewSnapshot {
        key: key.into(),
        parent: parent.into(),
        ..NewSnapshot::default()
    };
    snapshots.prepare(new("container", "top")).unwrap();
    let set = snapshots.details("base").unwrap().layer.unwrap().0;
    drop(snapshots);
    let _daemon = bed.daemon();
    // The daemon takes the digests that are missing by itself.
    let deadline = Instant::now() + Duration::from_secs(30);
    while bed.json("fsck --deep")[0]["unverified"] != json!(0) {
        assert!(Instant::now() < deadline, "{}", bed.ok("fsck --deep"));
    }
    let path = bed.images().join(files::region(set, 1));
    flip(&path);
    let name = path.to_str().unwrap();

    let output = bed.run("fsck --deep");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text.starts_with(&format!("error: layer {set}: {name} is damaged; convert the layer")), "{text}");
    let text = bed.ok("fsck --deep --repair");
    assert!(text.contains(&format!("repaired: layer {set}: {name} is damaged\n")), "{text}");
    assert!(text.contains("restart what runs on snapshot \"container\""), "{text}");
    let [report] = bed.json("fsck --deep").try_into().unwrap();
    assert_eq!((&report["sound"], &report["findings"]), (&json!(true), &json!([])));
    // What is mounted is still readable.
    let mount = fs::read_dir(bed.root().join("mounts")).unwrap().next().unwrap().unwrap().path();
    assert!(Command::new("cat").arg(mount.join("etc/motd")).output().unwrap().status.success());
}
