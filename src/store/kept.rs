//! Small files, kept in the database until the disk has them.
//!
//! A disk takes about as long to bring one small file to safety as to do so with the database. Who makes something small
//! need not wait for both: the rows that tell of its files bring along what is in these. Whoever opens the store next
//! writes those anew that a power loss has taken, and they are kept until somebody who has time has waited for them.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

use super::tables::KEPT;
use super::{Look, Promise, Store, StoreError, Writer};
use crate::sys::{self, patiently};

/// Bytes of the files of one thing that are kept, rather than waited for.
const MOST_AT_ONCE: u64 = 512 << 10;

/// Bytes that are kept: more would make the database large where nobody ever has time.
const MOST: u64 = 8 << 20;

/// Files that are waited for in one go. Whoever makes something waits meanwhile.
const BATCH: usize = 16;

/// A file of the containing directory that is not on the disk yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Sets room aside for the files of one thing. Returns whether they are to be kept, rather than waited for.
    pub fn reserve(&self, bytes: u64) -> bool {
        let add = |kept: u64| Some(kept.saturating_add(bytes)).filter(|kept| *kept <= MOST);
        bytes <= MOST_AT_ONCE && self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    /// Waits until some of the files that are kept are on the disk, and keeps these no longer. Returns how many these are:
    /// none when none are left. Meanwhile nobody must write others of the same names.
    pub fn settle(&self) -> Result<usize, StoreError> {
        let names = self.read(|reader| reader.some_kept_names(BATCH))?;
        if names.is_empty() {
            self.kept.store(0, Ordering::Relaxed);
            return Ok(0);
        }
        let images = self.root.images();
        for name in &names {
            sync(&images.join(name))?;
        }
        sys::sync_directory(&images).map_err(StoreError::io("sync", &images))?;
        self.write(Promise::Loose, |writer| writer.keep_no_longer(names.iter().map(String::as_str)))?;
        Ok(names.len())
    }

    /// Does so until none are left.
    pub fn settle_all(&self) -> Result<(), StoreError> {
        while self.settle()? > 0 {}
        Ok(())
    }

    /// Writes files anew that a power loss has taken.
    pub(super) fn restore(&self) -> Result<(), StoreError> {
        self.read(|reader| {
            reader.each_kept(&mut |name, bytes| {
                let path = self.root.images().join(name);
                let found = match fs::read(&path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    found => found.map(Some).map_err(StoreError::io("read", &path)),
                };
                if found?.is_some_and(|found| found == bytes) { Ok(()) } else { write(&path, bytes) }
            })
        })?;
        self.settle_all()
    }
}

impl Writer {
    /// Keeps a file until it is on the disk.
    pub fn keep(&mut self, file: &KeptFile) -> Result<(), StoreError> {
        self.transaction.open_table(KEPT)?.insert(file.name.as_str(), file.bytes.as_slice())?;
        Ok(())
    }

    /// Keeps files no longer.
    pub(super) fn keep_no_longer<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<(), StoreError> {
        let mut kept = self.transaction.open_table(KEPT)?;
        for name in names {
            kept.remove(name)?;
        }
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut options = sys::private_file();
    options.write(true).create(true).truncate(true);
    let written = patiently(|| options.open(path)).and_then(|mut file| file.write_all(bytes));
    written.map_err(StoreError::io("restore", path))
}

/// Waits for a file. One that is gone has no row any more either.
fn sync(path: &Path) -> Result<(), StoreError> {
    match patiently(|| OpenOptions::new().write(true).open(path)).and_then(|file: File| file.sync_all()) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        synced => synced.map_err(StoreError::io("sync", path)),
    }
}
