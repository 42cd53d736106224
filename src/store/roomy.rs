//! The file of the database, and room for it on a full disk.
//!
//! A database whose file could not be written is of no use until it is opened anew. So a file beside it keeps some room,
//! which is given up once nothing else is left: enough for the small changes that make room again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

use super::Failure;
use super::error::is_full;
use crate::sys;

/// Bytes that are kept for the database.
const ROOM: usize = 4 << 20;

/// The file of a database that does not fail for want of room.
#[derive(Debug)]
pub(super) struct Roomy {
    file: FileBackend,
    spare: Spare,
    failure: Arc<Failure>,
}

impl Roomy {
    /// Uses `file` for the database, and `spare` for what keeps its room. Failures are noted in `failure`.
    pub(super) fn new(file: File, spare: PathBuf, failure: Arc<Failure>) -> Result<Self, DatabaseError> {
        let spare = Spare { path: spare, held: AtomicBool::new(false) };
        Ok(Self { file: FileBackend::new(file)?, spare, failure })
    }

    fn with_room<T>(&self, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        self.noting(match work() {
            // A disk that is full says more than a spare that is gone.
            Err(error) if is_full(&error) => match self.spare.release() {
                Ok(()) => work(),
                Err(_) => Err(error),
            },
            done => done,
        })
    }

    fn noting<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| self.failure.note(error))
    }
}

/// Room on the disk that a file keeps.
#[derive(Debug)]
struct Spare {
    path: PathBuf,
    held: AtomicBool,
}

impl Spare {
    fn release(&self) -> io::Result<()> {
        self.held.store(false, Ordering::Relaxed);
        // A process that is being started may have the file open: the room is free without waiting for that.
        OpenOptions::new().write(true).open(&self.path)?.set_len(0)?;
        fs::remove_file(&self.path)
    }

    /// Takes the room, unless it is held or not to be had.
    fn hold(&self) {
        if self.held.load(Ordering::Relaxed) {
            return;
        }
        match self.fill() {
            Ok(()) => self.held.store(true, Ordering::Relaxed),
            // Tried again the next time; until then the room is better used by others.
            Err(_) => drop(self.release()),
        }
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = sys::private_file().write(true).create(true).truncate(false).open(&self.path)?;
        if file.metadata()?.len() != u64::try_from(ROOM).unwrap_or(u64::MAX) {
            file.set_len(0)?;
            file.write_all(&vec![0; ROOM])?;
        }
        Ok(())
    }
}

impl StorageBackend for Roomy {
    fn len(&self) -> io::Result<u64> {
        self.noting(self.file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.noting(self.file.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with_room(|| self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with_room(|| self.file.sync_data())?;
        self.spare.hold();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with_room(|| self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
