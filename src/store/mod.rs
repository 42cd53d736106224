//! What is kept: a database, and the directory that it describes.
//!
//! ```text
//!   ROOT/
//!     cimsnap.redb     snapshots, images, layers, and who uses what
//!     cimsnap.spare    room for the database on a full disk
//!     cim/             the containing directory of all images and layer sets; on Windows cim-layers/
//!     cim/native/      that of images which the native engine writes; on Windows cim-layers/native/cim-layers/
//!     snapshots/ID/    what a writable snapshot has of its own: fs/ and work/
//!     mounts/CHAIN/    where an image is mounted
//!     repair/          layers that are converted again, until they take the place of damaged ones
//!     empty/           the lower directory of snapshots that have nothing below them
//!     sandbox.vhdx     on Windows, the empty disk that those of containers are copies of
//! ```
//!
//! * A **snapshot** is what containerd knows by a key. It has a parent, and when it is committed an image.
//! * An **image** is named by its chain: the layers it is made of. Any number of snapshots may share one.
//! * A **layer** is a layer set, made of one blob without its parent. Any number of images may share one.
//!
//! What a row says exists does exist on disk, whole: files come before their row, and go after it. Files without a row
//! are garbage. Small files need not wait for the disk if their row brings along what is in them.

mod access;
mod error;
mod failure;
mod kept;
mod read;
mod roomy;
mod root;
mod rows;
mod tables;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use redb::{Database, DatabaseError, Durability, ReadableDatabase};

pub use error::StoreError;
pub use failure::Failure;
pub use kept::KeptFile;
pub use read::{Look, Reader};
use roomy::Roomy;
pub use root::Root;
pub(crate) use root::{LOWER, NATIVE, NATIVE_IMAGES};
pub(crate) use rows::image_name;
pub use rows::{FileRow, ImageRow, Kind, LayerRow, SnapshotRow, Stages, Timestamp, Usage};
pub use write::Writer;

use crate::cim::Lease;
use crate::cim::io::DiskDirectory;
use crate::sys;

/// Bytes of the database in memory: all of it where there are some thousand snapshots.
const CACHE: usize = 8 << 20;

/// How often and how far apart to look whether the database is broken.
const CHECKS: u32 = 20;
const CHECK_PAUSE: Duration = Duration::from_millis(50);

/// The database and the directories of one root. Nobody else has them while this lives.
#[derive(Debug)]
pub struct Store {
    database: Database,
    failure: Arc<Failure>,
    /// The last id that may have been given to a snapshot before this run.
    old_id: u64,
    /// The last id that was given to a snapshot.
    last_id: AtomicU64,
    /// Bytes for which room in the database was set aside.
    kept: AtomicU64,
    root: Root,
    lease: Lease,
}

/// How much a transaction may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It is on the disk when it returns.
    Kept,
    /// A power loss may undo it, as long as no later one is kept.
    Loose,
}

impl Store {
    /// Opens what lies below `root`, or begins it.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        let root = Root::create(root.as_ref())?;
        let path = root.database();
        let file = sys::private_file().read(true).write(true).create(true).truncate(false).open(&path);
        let failure = Arc::new(Failure::default());
        let file = Roomy::new(file.map_err(StoreError::io("open", &path))?, root.spare(), failure.clone());
        let database =
            file.and_then(|file| Database::builder().set_cache_size(CACHE).create_with_backend(file));
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(root.path().to_owned()),
            error => StoreError::open(&path, error.into()),
        })?;
        tables::prepare(&database)?;
        let old_id = tables::set_ids_aside(&database)?;
        let lease = Lease::take(Arc::new(DiskDirectory::private(root.images())))?;
        let (last_id, kept) = (AtomicU64::new(old_id), AtomicU64::new(0));
        let store = Self { database, failure, old_id, last_id, kept, root, lease };
        store.restore()?;
        Ok(store)
    }

    /// Returns where everything lies.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Returns the right to write images.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Returns where failures of the database's file are noted.
    pub fn failure(&self) -> Arc<Failure> {
        self.failure.clone()
    }

    /// Returns whether the database refuses all changes, shortly after a failure was noted: until the store is opened again.
    /// Not every operation on the file has to succeed.
    pub fn is_broken(&self) -> bool {
        // A failure is noted a moment before the database knows of it.
        (0..CHECKS).any(|_| {
            let is_broken = self.database.begin_write().is_err();
            if !is_broken {
                thread::sleep(CHECK_PAUSE);
            }
            is_broken
        })
    }

    /// Returns an id that no snapshot ever had.
    pub fn new_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Returns whether a snapshot was made before this run.
    pub fn is_old(&self, id: u64) -> bool {
        id <= self.old_id
    }

    /// Notes that from now on rows are written without waiting for the files that they tell of.
    pub fn note_haste(&self) -> Result<(), StoreError> {
        tables::note_haste(&self.database)
    }

    /// Returns whether that was ever so: then a power loss may have taken files that rows tell of.
    pub fn was_hasty(&self) -> Result<bool, StoreError> {
        tables::was_hasty(&self.database)
    }

    /// Looks at one state of the database, whatever happens meanwhile.
    pub fn read<T, E: From<StoreError>>(&self, look: impl FnOnce(&Reader) -> Result<T, E>) -> Result<T, E> {
        let transaction = self.database.begin_read().map_err(StoreError::from)?;
        look(&Reader::new(transaction))
    }

    /// Tells what a change would do, and leaves the database as it is.
    pub fn rehearse<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Writer) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self.database.begin_write().map_err(StoreError::from)?;
        // A transaction that is dropped is undone.
        change(&mut Writer::new(transaction))
    }

    /// Changes the database: all that `change` does, or nothing if it fails.
    pub fn write<T, E: From<StoreError>>(
        &self,
        promise: Promise,
        change: impl FnOnce(&mut Writer) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut transaction = self.database.begin_write().map_err(StoreError::from)?;
        if promise == Promise::Loose {
            transaction.set_durability(Durability::None).map_err(StoreError::from)?;
        }
        // A transaction that is dropped is undone.
        let mut writer = Writer::new(transaction);
        let done = change(&mut writer)?;
        writer.commit()?;
        Ok(done)
    }
}
