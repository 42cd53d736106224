//! The end of a database whose file could not be read or written.
//!
//! It refuses all that comes after, until it is opened again. Rows that only memory had are lost then, and files may have no row:
//! opening the root again as after a crash takes care of both, so the process has to end.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The last failure of an operation on the file of the database.
#[derive(Debug, Default)]
pub struct Failure {
    reason: Mutex<Option<String>>,
    changed: Condvar,
}

impl Failure {
    pub(super) fn note(&self, error: &io::Error) {
        *self.reason() = Some(error.to_string());
        self.changed.notify_all();
    }

    /// Waits until an operation has failed, and returns why. The database may be usable all the same: see
    /// [`Store::is_broken`](super::Store::is_broken).
    pub fn wait(&self) -> String {
        let mut reason = self.reason();
        loop {
            if let Some(reason) = reason.take() {
                return reason;
            }
            reason = self.changed.wait(reason).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn reason(&self) -> MutexGuard<'_, Option<String>> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
