//! What the shim is told, over images of two layers of Windows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::layer::export::ChangesetOptions;
use crate::layer::import::LayerOs;
use crate::layer::stream::{LayerStream, StreamOptions};
use crate::mount::SystemMounter;
use crate::snapshot::{Code, CommitRequest, Extraction, NewSnapshot, Shown, SnapshotOptions};
use crate::store::Reader;
use crate::store::image_name;

const BASE: &[u8] = include_bytes!("../../../../tests/data/layers/windows-1-base.tar.gz");
const UPPER: &[u8] = include_bytes!("../../../../tests/data/layers/windows-3-buildkit.tar.gz");

/// What stands for a formatted disk.
const BLANK: &[u8] = b"blank";

fn open(root: &Path) -> Snapshots {
    let mounter = Arc::new(SystemMounter::this_program().unwrap());
    let options = SnapshotOptions { sync: false, shown: Shown::CimFs, ..SnapshotOptions::default() };
    Snapshots::open(root, mounter, options).unwrap()
}

/// Opens a root with the images `base` and `top`, which lies over it.
fn two_images(root: &Path) -> Snapshots {
    let all = open(root);
    pull(&all, "base", "", BASE);
    pull(&all, "top", "base", UPPER);
    all
}

fn pull(all: &Snapshots, name: &str, parent: &str, blob: &'static [u8]) {
    let key = format!("extract-1 {name}");
    let mounts = all.prepare(new(&key, parent)).unwrap();
    let target = all.extraction(&mounts, None).unwrap().unwrap();
    assert_eq!(target, Extraction { key: key.clone(), row: row(all, &key), namespace: None });
    let stream = LayerStream::open(blob, StreamOptions::default()).unwrap();
    all.fill(&target, stream, Some(LayerOs::Windows), Duration::ZERO).unwrap();
    all.commit(&CommitRequest { key, name: name.to_owned(), ..CommitRequest::default() }).unwrap();
}

fn new(key: &str, parent: &str) -> NewSnapshot {
    NewSnapshot { key: key.to_owned(), parent: parent.to_owned(), ..NewSnapshot::default() }
}

fn row(all: &Snapshots, key: &str) -> SnapshotRow {
    all.store().read(|reader: &Reader| reader.snapshot(key)).unwrap().unwrap()
}

fn write_template(all: &Snapshots) {
    fs::write(all.store().root().template(), BLANK).unwrap();
}

fn option(mount: &Mount, name: &str) -> Option<String> {
    mount.options.iter().find_map(|option| option.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

fn list(mount: &Mount, name: &str) -> Vec<PathBuf> {
    serde_json::from_str(&option(mount, name).unwrap()).unwrap()
}

fn code<T>(result: Result<T, SnapshotError>) -> Option<Code> {
    result.err().map(|error| error.code())
}

#[test]
fn a_container_is_told_of_all_that_lies_below_it() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    write_template(&all);
    let mounts = all.prepare(new("container", "top")).unwrap();
    let [mount] = &mounts[..] else { panic!("{mounts:?}") };
    let root = all.store().root();
    let directory = root.snapshot(row(&all, "container").id);
    assert_eq!((mount.kind.as_str(), Path::new(&mount.source)), ("CimFS", directory.as_path()));
    assert_eq!(fs::read(directory.join("sandbox.vhdx")).unwrap(), BLANK);
    assert!(mount.options.contains(&"rw".to_owned()), "{mount:?}");
    assert!(Path::new(&option(mount, "cimpath").unwrap()).is_absolute());
    let below = [row(&all, "top"), row(&all, "base")];
    let images = below.each_ref().map(|row| image_name(&row.image.unwrap()).unwrap());
    let images = images.map(|name| root.images().join(name.as_str()));
    assert_eq!(list(mount, "parentCimPaths"), images);
    assert!(images.iter().all(|image| image.is_file()));
    // The shim of containerd 2.0 looks for `cim-layers\NAME.cim` beside a layer of that name, if nowhere else.
    let names = images.each_ref().map(|image| image.file_stem().unwrap());
    assert_eq!(list(mount, "parentLayerPaths"), names.map(|name| root.path().join(name)));
    if cfg!(windows) {
        assert!(images.iter().all(|image| image.parent().unwrap().ends_with("cim-layers")), "{images:?}");
    }
    assert_eq!(all.mounts("container").unwrap(), mounts);
}

#[test]
fn a_root_may_lie_deep() {
    let place = tempfile::tempdir().unwrap();
    let deep = (0..6).fold(place.path().to_owned(), |path, _| path.join("x".repeat(60)));
    let all = two_images(&deep);
    write_template(&all);
    let [mount] = &all.prepare(new("container", "top")).unwrap()[..] else { panic!() };
    assert!(mount.source.len() > 300 && Path::new(&mount.source).join("sandbox.vhdx").is_file());
    assert!(list(mount, "parentCimPaths").iter().all(|image| image.is_file()));
    all.remove("container").unwrap();
    all.collect().unwrap();
    assert!(!Path::new(&mount.source).exists());
}

#[test]
fn what_a_container_wrote_stays() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    write_template(&all);
    let [mount] = &all.prepare(new("container", "top")).unwrap()[..] else { panic!() };
    let disk = Path::new(&mount.source).join("sandbox.vhdx");
    fs::write(&disk, "written").unwrap();
    all.mounts("container").unwrap();
    drop(all);
    open(place.path()).mounts("container").unwrap();
    assert_eq!(fs::read(&disk).unwrap(), b"written");
}

#[test]
fn an_extraction_has_no_disk_and_is_never_read_only() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    for (parent, parents) in [("", 0), ("top", 2)] {
        let key = format!("extract-2 over{parent}");
        let [mount] = &all.prepare(new(&key, parent)).unwrap()[..] else { panic!() };
        assert!(mount.options.iter().all(|option| option != "ro"), "{mount:?}");
        assert!(fs::read_dir(&mount.source).unwrap().next().is_none());
        let said = mount.options.iter().filter(|option| option.starts_with("parent")).count();
        assert_eq!(said, parents, "{mount:?}");
    }
}

#[test]
fn views_show_images_that_can_be_compared() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    write_template(&all);
    let base = all.view(new("base view", "base")).unwrap();
    let top = all.view(new("top view", "top")).unwrap();
    assert!(top[0].options.contains(&"ro".to_owned()), "{top:?}");
    let difference = all.difference(&base, &top).unwrap().unwrap();
    let mut tar = Vec::new();
    all.write_difference(&difference, ChangesetOptions::default(), &mut tar).unwrap();
    assert!(tar.len() > 1024, "{}", tar.len());
    let container = all.prepare(new("container", "top")).unwrap();
    let written = all.difference(&top, &container).unwrap().unwrap();
    assert_eq!(
        code(all.write_difference(&written, ChangesetOptions::default(), Vec::new())),
        Some(Code::Unimplemented)
    );
}

#[test]
fn a_container_without_a_disk_or_an_image_leaves_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    assert_eq!(code(all.prepare(new("container", "top"))), Some(Code::FailedPrecondition));
    assert_eq!(code(all.prepare(new("container", ""))), Some(Code::Unimplemented));
    write_template(&all);
    all.prepare(new("container", "top")).unwrap();
}

#[test]
fn what_a_container_wrote_does_not_become_a_layer() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    write_template(&all);
    all.prepare(new("container", "top")).unwrap();
    let commit = CommitRequest { key: "container".into(), name: "layer".into(), ..CommitRequest::default() };
    assert_eq!(code(all.commit(&commit)), Some(Code::Unimplemented));
    all.mounts("container").unwrap();
}

#[test]
fn a_size_must_be_one_that_can_be_made() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    write_template(&all);
    for (label, value, expected) in [
        (SIZE, "0", None),
        (SIZE, "ten", Some(Code::InvalidArgument)),
        (SIZE, "-1", Some(Code::InvalidArgument)),
        (SIZE, "21474836480", Some(Code::Unimplemented)),
        (SIZE_BEFORE, "99999999999999", Some(Code::InvalidArgument)),
    ] {
        let labels = Labels::from([(label.to_owned(), value.to_owned())]);
        let made = all.prepare(NewSnapshot { labels, ..new(&format!("{label} {value}"), "top") });
        assert_eq!(code(made), expected, "{label} {value}");
    }
}

/// Notes what was released, and which disks machines were let read.
#[derive(Debug, Default, Clone)]
struct Host {
    released: Arc<Mutex<Vec<(PathBuf, String)>>>,
    granted: Arc<Mutex<Vec<PathBuf>>>,
}

impl ScratchDisks for Host {
    fn make(&self, at: &Path, _size: Option<u64>) -> Result<(), DiskError> {
        fs::write(at, BLANK).map_err(DiskError::make(at))
    }

    fn release(&self, directory: &Path, container: &str) {
        self.released.lock().unwrap().push((directory.to_owned(), container.to_owned()));
    }

    fn grant_to_machines(&self, at: &Path) -> Result<(), DiskError> {
        self.granted.lock().unwrap().push(at.to_owned());
        Ok(())
    }
}

#[test]
fn what_a_dead_shim_left_goes_with_the_container() {
    let place = tempfile::tempdir().unwrap();
    let mut all = two_images(place.path());
    let host = Host::default();
    all.shown = Box::new(CimFs::new(host.clone()));
    let mut expected = Vec::new();
    for (key, container) in [("k8s.io/12/web", "web"), ("k8s.io/13/a/b", "a/b"), ("plain", "plain")] {
        all.prepare(new(key, "top")).unwrap();
        expected.push((all.store().root().snapshot(row(&all, key).id), container.to_owned()));
        all.remove(key).unwrap();
    }
    all.prepare(new("k8s.io/14/extract-2 x", "top")).unwrap();
    all.remove("k8s.io/14/extract-2 x").unwrap();
    all.remove("top").unwrap();
    assert_eq!(*host.released.lock().unwrap(), expected);
}

/// A snapshot over `parent` with a disk for its machine.
fn with_machine(key: &str, parent: &str) -> NewSnapshot {
    NewSnapshot {
        labels: Labels::from([(MACHINE_DISK.to_owned(), String::from("true"))]),
        ..new(key, parent)
    }
}

/// Returns what is in the disk of a snapshot's machine.
fn machine_disk(mounts: &[Mount]) -> Vec<u8> {
    fs::read(Path::new(&mounts[0].source).join("vm/sandbox.vhdx")).unwrap()
}

#[test]
fn the_disk_of_a_machine_is_a_copy_of_what_an_administrator_made() {
    let place = tempfile::tempdir().unwrap();
    let mut all = two_images(place.path());
    let host = Host::default();
    all.shown = Box::new(CimFs::new(host.clone()));
    let made = all.prepare(with_machine("container", "top"));
    let text = made.as_ref().unwrap_err().to_string();
    assert!(text.contains("machine.vhdx"), "{text}");
    assert_eq!(code(made), Some(Code::FailedPrecondition));
    fs::write(all.store().root().machine_template(), "of a machine").unwrap();
    let mounts = all.prepare(with_machine("container", "top")).unwrap();
    assert_eq!(machine_disk(&mounts), b"of a machine");
    assert_eq!(fs::read(Path::new(&mounts[0].source).join(DISK)).unwrap(), BLANK);
    // What the machine wrote stays, and it was let in before the disk had its name.
    fs::write(Path::new(&mounts[0].source).join("vm/sandbox.vhdx"), "written").unwrap();
    assert_eq!(all.mounts("container").unwrap(), mounts);
    assert_eq!(machine_disk(&mounts), b"written");
    assert_eq!(*host.granted.lock().unwrap(), [Path::new(&mounts[0].source).join("making").join(DISK)]);
    let other = all.prepare(new("other", "top")).unwrap();
    assert!(!Path::new(&other[0].source).join("vm").exists());
}

#[test]
fn a_disk_that_was_not_made_whole_is_made_anew() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    all.prepare(new("container", "top")).unwrap_err();
    write_template(&all);
    let [mount] = &all.prepare(new("container", "top")).unwrap()[..] else { panic!() };
    let directory = Path::new(&mount.source);
    fs::remove_file(directory.join(DISK)).unwrap();
    fs::create_dir(directory.join("making")).unwrap();
    fs::write(directory.join("making").join(DISK), "half").unwrap();
    all.mounts("container").unwrap();
    assert_eq!(fs::read(directory.join(DISK)).unwrap(), BLANK);
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
}

#[test]
fn sizes_are_read_from_labels() {
    let size = |labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|&(label, value)| (label.to_owned(), value.to_owned()));
        disk_size(&labels.collect()).unwrap()
    };
    assert_eq!(size(&[]), None);
    assert_eq!(size(&[(SIZE_BEFORE, "20")]), Some(20 << 30));
    assert_eq!(size(&[(SIZE_BEFORE, "20"), (SIZE, "4096")]), Some(4096));
    assert_eq!(size(&[(SIZE, "0")]), None);
}

#[test]
fn mounts_of_others_lead_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let all = two_images(place.path());
    let [mount] = &all.prepare(new("extract-2 x", "top")).unwrap()[..] else { panic!() };
    let other_kind = Mount { kind: "windows-layer".into(), ..mount.clone() };
    let other_place = Mount { source: format!("{}x", mount.source), ..mount.clone() };
    for mount in [other_kind, other_place] {
        assert_eq!(all.extraction(&[mount], None).unwrap(), None);
    }
}
