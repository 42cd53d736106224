//! Libraries that are loaded while the program runs, and never unloaded: threads of theirs may be at work.

use std::ffi::{CStr, c_void};
use std::io;
use std::path::Path;
use std::ptr::NonNull;

use super::os;

/// A library that is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Library(NonNull<c_void>);

// SAFETY: the handle only names the library, which stays loaded; the loader may be asked from any thread.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// Loads a library of the system, from where only the system puts any.
    pub(super) fn of_system(name: &str) -> io::Result<Self> {
        os::load_system_library(name).map(Self)
    }

    /// Loads a library from a path.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // The loader searches for a name without a directory in places that nobody meant.
        os::load_library(&path.canonicalize()?).map(Self)
    }

    /// Finds what a library exports.
    pub(super) fn symbol(self, name: &CStr) -> Option<NonNull<c_void>> {
        os::find_symbol(self.0, name)
    }
}
