//! One writer a directory: the library allows no more, and layers wait for each other rather than fail.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

static BUSY: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
static DONE: Condvar = Condvar::new();

/// The right to write in a directory, among all of this process, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(PathBuf);

impl Turn {
    /// Waits until nobody else writes in a directory.
    pub(super) fn wait(directory: &Path) -> Self {
        // A directory that does not exist has no other name. That it does not is found out by who writes there.
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let mut busy = busy();
        while !busy.get_or_insert_default().insert(directory.clone()) {
            busy = DONE.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        Self(directory)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        busy().get_or_insert_default().remove(&self.0);
        DONE.notify_all();
    }
}

/// No step leaves the set half changed, so a panic of another thread does no harm.
fn busy() -> MutexGuard<'static, Option<HashSet<PathBuf>>> {
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}
