//! The life of snapshots: one verb a file.
//!
//! ```text
//!   prepare, view ──► row, directory ──► mounts
//!                          │ filled by the differ (a layer set), or through the mount (files)
//!   commit ──► layer set over the parent's image: a fork ──► row moves to its name
//!   remove ──► row
//!   cleanup ─► what no row needs any more: mounts, images, layer sets, directories
//! ```
//!
//! All of it blocks, and may be called from any number of threads. What a caller sees is in the database before the call
//! returns; what takes longer than that happens before, or waits for [`Snapshots::cleanup`].

mod cleanup;
mod commit;
mod details;
mod difference;
mod error;
mod extraction;
mod filter;
mod forks;
pub mod fsck;
mod images;
mod inventory;
mod keyed;
mod layers;
mod list;
mod making;
mod model;
mod mounts;
mod native;
mod observer;
mod prepare;
mod recover;
mod remove;
mod scratch;
mod shown;
mod stat;
mod totals;
mod update;
mod usage;

use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

pub use cleanup::Garbage;
pub use details::Details;
pub use difference::Difference;
pub use error::{Code, SnapshotError};
pub use extraction::Extraction;
pub use layers::NewLayer;
pub use model::{CommitRequest, Info, Labels, Mount, NewSnapshot};
pub use observer::{Observer, Outcome};
pub use shown::{DiskError, Shown};
pub use totals::Totals;

use crate::cim::{Guid, ObjectLayout};
use crate::engine::Engines;
use crate::layer::digest::Digest;
use crate::mount::Mounter;
use crate::store::Store;
pub(crate) use keyed::Keyed;
use mounts::Filling;
use shown::Show;

/// How snapshots are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Whether what is made is on the disk before it is told of.
    pub sync: bool,
    /// Whether a namespace of containerd gets chains and layers without their blobs because another namespace has them.
    pub share: bool,
    /// How they are shown to whoever mounts them.
    pub shown: Shown,
    /// Whether executables in images of Windows are stored with their sections page-aligned.
    pub expand_pe: bool,
}

impl SnapshotOptions {
    /// Returns how layers of Windows are laid out.
    fn layout(&self) -> ObjectLayout {
        ObjectLayout { expand_pe: self.expand_pe, ..ObjectLayout::default() }
    }
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self { sync: true, share: false, shown: Shown::default(), expand_pe: false }
    }
}

/// All snapshots of a root.
#[derive(Debug)]
pub struct Snapshots {
    store: Store,
    mounter: Arc<dyn Mounter>,
    options: SnapshotOptions,
    shown: Box<dyn Show>,
    /// One at a time publishes a layer set.
    layers: Keyed<Guid>,
    /// One at a time makes the image of a chain.
    forks: Keyed<Digest>,
    engines: Engines,
    /// One at a time has the native engine write.
    native: Mutex<()>,
    /// Whoever publishes files and writes their row reads this; whoever removes rows and their files writes it.
    publishing: RwLock<()>,
    /// One thread at a time mounts or unmounts an image, for as long as the database must not say otherwise.
    mounting: Keyed<Digest>,
    filling: Filling,
    /// Whoever converts a layer reads this, to let others know.
    converting: RwLock<()>,
    /// Whoever takes digests of files: one reads at a time.
    digesting: Mutex<()>,
    observer: Arc<dyn Observer>,
}

impl NewSnapshot {
    /// Returns whether it would make a difference that the caller leaves out layers that are there.
    pub fn tells_its_layer(&self) -> bool {
        self.labels.contains_key(model::DIFF_ID)
    }
}

impl Snapshots {
    /// Opens a root, and removes what a crash has left there.
    pub fn open(
        root: impl AsRef<Path>,
        mounter: Arc<dyn Mounter>,
        options: SnapshotOptions,
    ) -> Result<Self, SnapshotError> {
        let snapshots = Self::open_as_it_is(root, mounter, options)?;
        snapshots.recover()?;
        Ok(snapshots)
    }

    /// Opens a root, and leaves there what a crash has left, for somebody who wants to see it.
    pub fn open_as_it_is(
        root: impl AsRef<Path>,
        mounter: Arc<dyn Mounter>,
        options: SnapshotOptions,
    ) -> Result<Self, SnapshotError> {
        let store = Store::open(root)?;
        Ok(Self {
            shown: options.shown.show(store.root()),
            store,
            mounter,
            options,
            layers: Keyed::default(),
            forks: Keyed::default(),
            engines: Engines::PORTABLE,
            native: Mutex::default(),
            publishing: RwLock::default(),
            mounting: Keyed::default(),
            filling: Filling::default(),
            converting: RwLock::default(),
            digesting: Mutex::default(),
            observer: Arc::new(()),
        })
    }

    /// Says what writes images from now on. Without, the portable engine does.
    #[must_use]
    pub fn written_by(mut self, engines: Engines) -> Self {
        self.engines = engines;
        self
    }

    /// Tells somebody of what is done from now on.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Returns who hears of what is done.
    pub fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// Returns what is kept.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
