//! A root, and all that must hold of it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cimsnap::cim::check::{CheckOptions, check_in};
use cimsnap::cim::{Guid, Image, ImageName, ImagePath, files};
use cimsnap::layer::digest::Digest;
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{Mounter, Unmount};
use cimsnap::snapshot::fsck::{Blobs, Fault, Finding, FsckOptions};
use cimsnap::snapshot::{SnapshotError, SnapshotOptions, Snapshots};
use cimsnap::store::{Kind, Look, SnapshotRow, StoreError};
use tempfile::TempDir;

/// What containerd sees of all snapshots, and the layers and images that are there for them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) snapshots: BTreeMap<String, Seen>,
    /// With what one of their files holds, if they have it.
    pub(crate) images: BTreeMap<Digest, Option<Vec<u8>>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    kind: Kind,
    parent: String,
    labels: BTreeMap<String, String>,
    layer: Option<Guid>,
    image: Option<Digest>,
    inodes: u64,
    /// The mode of the directory that a container takes for its root.
    mode: Option<u32>,
}

impl Seen {
    fn new(all: &Snapshots, row: SnapshotRow) -> Self {
        let SnapshotRow { id, kind, parent, labels, layer, image, usage, .. } = row;
        // An image that is made ahead of its commit is worth nothing yet.
        let image = image.filter(|_| kind == Kind::Committed);
        let upper = Some(all.store().root().upper(id)).filter(|_| kind != Kind::Committed);
        let mode = upper.map(|upper| upper.metadata().unwrap().mode());
        Self { kind, parent, labels, layer, image, inodes: usage.inodes, mode }
    }
}

/// A directory that is a root, without mounts when it is dropped.
pub(crate) struct Root(pub(crate) TempDir);

impl Root {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        unmount_below(self.path());
    }
}

pub(crate) fn unmount_below(root: &Path) {
    for at in mounts_below(root) {
        // A server that was killed with its mount half made may take it away itself.
        drop(mounter().unmount(&at, Unmount::Detach));
    }
}

fn mounts_below(root: &Path) -> Vec<PathBuf> {
    let all = mounter().list().unwrap().into_iter().map(|mount| mount.at);
    all.filter(|at| at.starts_with(root)).collect()
}

fn mounter() -> FuseMounter {
    assert!(rustix::process::geteuid().is_root(), "the tests of mounts need root");
    FuseMounter::new(env!("CARGO_BIN_EXE_cimsnap"))
}

pub(crate) fn open(root: &Path) -> Snapshots {
    open_with(root, SnapshotOptions::default())
}

/// Opens a root that nobody has. A process that another thread starts just now has all that is open in this one for a
/// moment, locks of roots that were closed meanwhile included.
pub(crate) fn open_with(root: &Path, options: SnapshotOptions) -> Snapshots {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match Snapshots::open(root, Arc::new(mounter()), options) {
            Err(SnapshotError::Store(StoreError::InUse(_) | StoreError::Images(_)))
                if Instant::now() < end =>
            {
                thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

/// Opens a root, cleans it up, and checks that what should be there is whole, and that nothing else is there. Panics
/// if something is wrong.
pub(crate) fn whole(root: &Path) -> State {
    whole_with(root, SnapshotOptions::default())
}

/// Does the same. Where nobody waits for the disk, images of committed snapshots may be gone, but not be damaged.
pub(crate) fn whole_with(root: &Path, options: SnapshotOptions) -> State {
    let all = open_with(root, options);
    all.cleanup().unwrap();
    let state = state(&all);
    check_files(&all);
    check_directories(&all);
    state.images.keys().for_each(|chain| check_image(&all, chain));
    check_soundness(&all, options);
    for (key, seen) in &state.snapshots {
        if let Some(image) = seen.image {
            assert!(!options.sync || state.images.contains_key(&image), "the image of {key} is gone");
        }
        if seen.kind != Kind::Committed {
            all.mounts(key).unwrap();
        }
    }
    // Images that are made ahead of their snapshots may go with a crash; the last state has them only by accident.
    let needed: BTreeSet<_> = state.snapshots.values().filter_map(|seen| seen.image).collect();
    let images = state.images.into_iter().filter(|(chain, _)| needed.contains(chain)).collect();
    State { images, ..state }
}

fn state(all: &Snapshots) -> State {
    let (snapshots, images) =
        all.store().read(|reader| Ok::<_, StoreError>((reader.snapshots()?, reader.images()?))).unwrap();
    let snapshots = snapshots.into_iter().map(|(key, row)| (key, Seen::new(all, row))).collect();
    let images = images.into_iter().map(|(chain, _)| (chain, name_in(all, &chain))).collect();
    State { snapshots, images }
}

fn image_name(chain: &Digest) -> ImageName {
    ImageName::new(format!("sha256-{}.cim", chain.hex())).unwrap()
}

/// Reads the file of an image that upper layers have in place of the lowest one's.
fn name_in(all: &Snapshots, chain: &Digest) -> Option<Vec<u8>> {
    let image = Image::open_in(all.store().lease().directory().clone(), &image_name(chain)).unwrap();
    let file = image.find(&ImagePath::parse("etc/name").unwrap()).unwrap()?;
    let data = image.data(file.data).unwrap();
    let mut bytes = vec![0; data.len().try_into().unwrap()];
    assert_eq!(data.read_at(&mut bytes, 0), bytes.len());
    Some(bytes)
}

fn check_image(all: &Snapshots, chain: &Digest) {
    let options = CheckOptions { deep: true, ..CheckOptions::default() };
    let report = check_in(all.store().lease().directory().clone(), &image_name(chain), options).unwrap();
    assert!(report.is_sound(), "{chain}: {report:?}");
}

/// Nothing is wrong that would have to be repaired.
fn check_soundness(all: &Snapshots, options: SnapshotOptions) {
    struct Nowhere;
    impl Blobs for Nowhere {
        fn open(&self, _: &Digest) -> Result<Option<Box<dyn Read + Send>>, Box<dyn Error + Send + Sync>> {
            Ok(None)
        }
    }
    let report = all.fsck(FsckOptions { deep: true, repair: false }, &Nowhere).unwrap();
    let may_be = |fault: &Fault| !options.sync && matches!(fault, Fault::NoImage(_));
    let wrong = report.findings.iter().filter(|finding| finding.is_error() && !may_be(&finding.fault));
    assert_eq!(wrong.collect::<Vec<_>>(), [] as [&Finding; 0]);
}

/// Every file of images and layers has a row, and every row its files.
fn check_files(all: &Snapshots) {
    let (layers, images) =
        all.store().read(|reader| Ok::<_, StoreError>((reader.layers()?, reader.images()?))).unwrap();
    let layers: BTreeSet<String> = layers.iter().map(|(set, _)| set.to_string()).collect();
    let trees: BTreeSet<String> =
        images.iter().filter_map(|(_, image)| image.tree).map(|tree| tree.to_string()).collect();
    let mut expected: BTreeSet<String> =
        images.iter().map(|(chain, _)| format!("sha256-{}.cim", chain.hex())).collect();
    expected.extend(layers.iter().map(|set| format!("journal_{set}")));
    let mut found = BTreeSet::new();
    for name in names(&all.store().root().images()) {
        match files::set_of(&name).map(|set| set.to_string()) {
            Some(set) if name == format!("journal_{set}") => drop(found.insert(name)),
            Some(set) => assert!(layers.contains(&set) || trees.contains(&set), "{name} has no row"),
            None if name.starts_with('.') => {}
            None => drop(found.insert(name)),
        }
    }
    assert_eq!(found, expected);
}

/// Every snapshot that is not committed has a directory, and every directory such a snapshot; what is mounted is shown.
fn check_directories(all: &Snapshots) {
    let snapshots = all.store().read(|reader| reader.snapshots()).unwrap();
    let writable = snapshots.iter().filter(|(_, row)| row.kind != Kind::Committed);
    let ids: BTreeSet<String> = writable.map(|(_, row)| row.id.to_string()).collect();
    let root = all.store().root();
    for name in names(&root.snapshots()) {
        assert!(ids.contains(&name), "snapshots/{name} has no row");
    }
    for (key, row) in &snapshots {
        assert!(row.kind == Kind::Committed || root.upper(row.id).is_dir(), "{key} has no directory");
    }
    let parents: Vec<_> = snapshots.iter().filter(|(_, row)| row.kind != Kind::Committed).collect();
    let shown: BTreeSet<String> = parents
        .iter()
        .filter_map(|(_, row)| snapshots.iter().find(|(key, _)| *key == row.parent))
        .filter_map(|(_, parent)| Some(parent.image?.hex()))
        .collect();
    for name in names(&root.mounts()) {
        assert!(shown.contains(&name), "mounts/{name} shows nothing");
    }
    let mounts = mounts_below(root.path());
    assert!(mounts.iter().all(|at| at.starts_with(root.mounts())), "{mounts:?}");
}

fn names(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
