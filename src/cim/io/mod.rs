//! The seam to the outside: a containing directory, the files that are written in it, the bytes that are read.
//!
//! [`DiskDirectory`] is the real thing. [`MemoryDirectory`] lives in memory, and can fail at any step or show what a
//! power loss would have left, so that tests can ask what the writer promises.

mod disk;
mod memory;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::sys::Map;

pub use disk::DiskDirectory;
pub use memory::MemoryDirectory;

/// The directory that holds an image's files. Names are plain file names.
pub trait Directory: fmt::Debug + Send + Sync {
    /// Returns the path, for messages.
    fn path(&self) -> &Path;

    /// Opens a file for reading; its bytes must not change afterwards.
    fn open(&self, name: &str) -> io::Result<Bytes>;

    /// Creates a file, which must not exist.
    fn create(&self, name: &str) -> io::Result<Arc<dyn OutputFile>>;

    /// Gives a file another name, in place of whatever had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns the names of all files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Returns whether a file exists.
    fn exists(&self, name: &str) -> io::Result<bool>;

    /// Makes the contents of files durable.
    fn sync_files(&self, files: &[Arc<dyn OutputFile>]) -> io::Result<()> {
        files.iter().try_for_each(|file| file.sync())
    }

    /// Makes all names durable.
    fn sync(&self) -> io::Result<()>;

    /// Takes the directory for one writer. `None` while somebody else has it, in whatever process.
    fn lock(&self) -> io::Result<Option<Lock>>;

    /// Keeps an image from being replaced: it is mounted. Any number of holders, in whatever process, may do so.
    fn hold(&self, name: &str) -> io::Result<Lock>;

    /// Returns whether somebody holds an image. One that does not exist is held by nobody.
    fn is_held(&self, name: &str) -> io::Result<bool>;
}

/// A file under construction.
pub trait OutputFile: fmt::Debug + Send + Sync {
    /// Writes all of `bytes` at an offset; what lies between the old end and the offset reads as zeros.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Sets the length.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Starts to bring what was written to the disk, without waiting for it: `len` bytes, or all with 0.
    fn start_writeback(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Makes the contents durable.
    fn sync(&self) -> io::Result<()>;

    /// Returns a way to read what was written, for another thread.
    fn reader(&self) -> io::Result<Box<dyn WrittenBytes>>;
}

/// Reads a file that is still being written.
pub trait WrittenBytes: fmt::Debug + Send {
    /// Fills the front of `buffer` from an offset on, and returns how much there was.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// Something that is locked until this is dropped.
pub struct Lock(#[expect(dead_code, reason = "held for its drop")] Box<dyn Send + Sync>);

impl Lock {
    /// Wraps what unlocks when it is dropped.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

/// The bytes of a file, shared.
#[derive(Clone)]
pub enum Bytes {
    /// Mapped from disk.
    Mapped(Arc<Map>),
    /// In memory.
    Heap(Arc<[u8]>),
}

impl Bytes {
    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => (**map).as_ref(),
            Self::Heap(bytes) => bytes,
        }
    }

    /// Lets the operating system take back the memory in which bytes of a file lie, until they are read again.
    pub fn forget(&self) {
        if let Self::Mapped(map) = self {
            map.forget();
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.as_slice().len())
    }
}
