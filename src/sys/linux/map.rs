//! Files that never change, as memory.

use std::fs::File;
use std::io;

use memmap2::{Mmap, UncheckedAdvice};

/// A file mapped for reading.
///
/// The file must not be cut while it is mapped: the operating system answers a read past its end with a signal.
/// Images are immutable once published and owned by the program that wrote them, so nobody has a reason to.
#[derive(Debug)]
pub struct Map(Mmap);

impl Map {
    /// Maps a whole file.
    pub fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the map is private and read-only. The bytes are only ever read as plain integers and byte
        // strings, for which any value is valid, and the files that are mapped are never written again.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self(map))
    }

    /// Lets the pages that were read go, until they are read again. It is no more than a hint, so that a failure changes
    /// nothing.
    pub fn forget(&self) {
        // SAFETY: the pages are those of a file and were never written, so whoever reads them again sees the same.
        drop(unsafe { self.0.unchecked_advise(UncheckedAdvice::DontNeed) });
    }
}

impl AsRef<[u8]> for Map {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
