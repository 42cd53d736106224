//! Small files, kept in the database until the disk has them.
//!
//! A disk takes about as long to bring one small file to safety as to do so with the database. Who makes something small
//! need not wait for both: the rows that tell of its files bring along what is in these. Whoever opens the store next
//! writes those anew that a power loss has taken, and they are kept until somebody who has time has waited for them.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use redb::{ReadableDatabase, ReadableTableMetadata};

use super::tables::KEPT;
use super::{Look, Promise, Store, StoreError, Writer};
use crate::sys::{self, patiently};

/// Bytes of the files of one thing that are kept, rather than waited for.
pub const MOST_KEPT: u64 = 512 * 1024;

/// Files that are kept at a time: more would make the database large where nobody ever has time.
const MOST_FILES: u64 = 256;

/// A file of the containing directory that is not on the disk yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Returns whether there is room to keep more files.
    pub fn can_keep(&self) -> Result<bool, StoreError> {
        let transaction = self.database.begin_read()?;
        Ok(transaction.open_table(KEPT)?.len()? < MOST_FILES)
    }

    /// Waits until the files that are kept are on the disk, and keeps them no longer. Returns how many these are.
    pub fn settle(&self) -> Result<usize, StoreError> {
        let names = self.read(|reader| reader.kept_names())?;
        if names.is_empty() {
            return Ok(0);
        }
        let images = self.root.images();
        for name in &names {
            sync(&images.join(name))?;
        }
        sys::sync_directory(&images).map_err(StoreError::io("sync", &images))?;
        self.write(Promise::Loose, |writer| writer.settle(names.iter().map(String::as_str)))?;
        Ok(names.len())
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
        self.settle().map(drop)
    }
}

impl Writer {
    /// Keeps a file until it is on the disk.
    pub fn keep(&mut self, file: &KeptFile) -> Result<(), StoreError> {
        self.transaction.open_table(KEPT)?.insert(file.name.as_str(), file.bytes.as_slice())?;
        Ok(())
    }

    /// Keeps files no longer.
    pub(super) fn settle<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Result<(), StoreError> {
        let mut kept = self.transaction.open_table(KEPT)?;
        for name in names {
            kept.remove(name)?;
        }
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
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
