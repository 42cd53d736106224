//! The library that writes and mounts images on Windows, `cimfs.dll`, or any other that speaks `cimfs.h`: loaded by
//! name, each function looked for by itself, and called without a pointer in sight.
//!
//! ```text
//!   Cimfs      loads, probes, begins images          exports.rs   what there may be
//!   Image      takes files, links, deletions          layout.rs    structures of C
//!   Stream     takes data                             wide.rs      strings of C
//!   volume.rs  mounts;   read.rs   reads;   merge.rs   images that are merged or sealed
//! ```

mod exports;
mod image;
mod layout;
mod merge;
mod read;
mod volume;
mod wide;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Hresult;
use super::library::Library;
use exports::Exports;

pub use image::{CreateFlags, Image, Metadata, Stream};
pub use layout::{FileMetadata, ImagePath, StatBasicInformation, VolumeId};
pub use merge::{MergeFlags, Verification};
pub use volume::{Location, MountFlags, RootHash};
pub use wide::WideString;

/// The library of Windows.
const OF_SYSTEM: &str = "cimfs.dll";

/// What no image can be written without.
const NEEDED: [&str; 8] = [
    "CimCloseImage",
    "CimCloseStream",
    "CimCommitImage",
    "CimCreateFile",
    "CimCreateHardLink",
    "CimCreateImage",
    "CimDeletePath",
    "CimWriteStream",
];

/// Why a library is not loaded.
#[derive(Debug, Error)]
#[error("cannot load {}", .path.display())]
pub struct LoadError {
    /// The library.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Why a call fails.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CimfsError {
    /// The library does not have the function.
    #[error("{library} has no {function}: this build of Windows is too old for that")]
    Missing {
        /// The library.
        library: String,
        /// The function.
        function: &'static str,
    },
    /// The library says no.
    #[error("{function}: {result}")]
    Failed {
        /// The function.
        function: &'static str,
        /// What it says.
        result: Hresult,
    },
    /// What is to be a string cannot be one.
    #[error("{0:?} cannot be passed as a string")]
    NotAString(String),
    /// There is more than can be counted.
    #[error("{0} are more bytes, or more images, than the library takes at once")]
    TooLong(usize),
    /// A digest is not as long as those that are known.
    #[error("{function}: the digest has {len} bytes")]
    HashLength {
        /// The function.
        function: &'static str,
        /// How long the digest is.
        len: u64,
    },
}

impl CimfsError {
    /// Returns what the library answered, if it was asked.
    pub fn result(&self) -> Option<Hresult> {
        match self {
            Self::Failed { result, .. } => Some(*result),
            _ => None,
        }
    }
}

/// A library that speaks cimfs.h. It stays loaded as long as the program runs.
#[derive(Clone, Debug)]
pub struct Cimfs {
    path: PathBuf,
    exports: Exports,
}

impl Cimfs {
    /// Loads the library of this system.
    pub fn of_system() -> Result<Self, LoadError> {
        Self::load(Path::new(OF_SYSTEM), Library::of_system(OF_SYSTEM))
    }

    /// Loads the library that lies at a path.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        Self::load(path, Library::open(path))
    }

    /// Loads the library at a path, or that of the system where no path is given.
    pub fn find(path: Option<&Path>) -> Result<Self, LoadError> {
        path.map_or_else(Self::of_system, Self::open)
    }

    fn load(path: &Path, library: io::Result<Library>) -> Result<Self, LoadError> {
        let path = path.to_owned();
        match library {
            Ok(library) => Ok(Self { path, exports: Exports::probe(library) }),
            Err(source) => Err(LoadError { path, source }),
        }
    }

    /// Returns where the library lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names every function that `cimfs.dll` is known to export, and whether this library has it.
    pub fn exports(&self) -> Vec<(&'static str, bool)> {
        self.exports.all()
    }

    /// Names the functions that the library does not have.
    pub fn missing(&self) -> Vec<&'static str> {
        self.exports().into_iter().filter(|(_, found)| !found).map(|(name, _)| name).collect()
    }

    /// Names those without which it cannot write images.
    pub fn lacks_to_write(&self) -> Vec<&'static str> {
        let missing = self.missing();
        NEEDED.into_iter().filter(|name| missing.contains(name)).collect()
    }

    /// Returns a function, or says that it is not there.
    fn function<F>(&self, name: &'static str, found: Option<F>) -> Result<F, CimfsError> {
        let missing = || CimfsError::Missing { library: self.path.display().to_string(), function: name };
        found.ok_or_else(missing)
    }
}

/// Says of what a function answered whether it failed.
fn check(function: &'static str, raw: i32) -> Result<(), CimfsError> {
    let result = Hresult::from_raw(raw);
    if result.is_failure() { Err(CimfsError::Failed { function, result }) } else { Ok(()) }
}

/// Calls a function of the library and checks what it answers. It must stand in an unsafe block.
macro_rules! call {
    ($library:expr, $name:ident($($argument:expr),* $(,)?)) => {{
        let function = $library.function(stringify!($name), $library.exports.$name)?;
        $crate::sys::cimfs::check(stringify!($name), function($($argument),*))
    }};
}
use call;
