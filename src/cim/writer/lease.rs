//! Who may write in a containing directory: one lease at a time, and under it as many writers as its holder likes.
//!
//! Whoever takes a lease has the directory alone, in all processes, and removes what a crash has left there. From then
//! on every unpublished file belongs to a writer under the lease, and each set to one of them: so layer sets are written
//! side by side, and images made of those that are done. Writers that are dropped clean up after themselves; what a
//! crash leaves of any of them waits for the next lease.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::publish;
use crate::cim::error::{CimError, Conflict, NotFound};
use crate::cim::io::{Directory, Lock};

/// The right to write in a containing directory. It ends with the last clone and the last writer.
#[derive(Clone, Debug)]
pub struct Lease(Arc<Leased>);

#[derive(Debug)]
struct Leased {
    directory: Arc<dyn Directory>,
    /// The leaders that are being written: images and journals.
    busy: Mutex<HashSet<String>>,
    _lock: Lock,
}

impl Lease {
    /// Takes a directory, and removes what a writer that crashed has left there. Fails while somebody else has it.
    pub fn take(directory: Arc<dyn Directory>) -> Result<Self, CimError> {
        let lock = lock(&*directory)?;
        publish::clear_leftovers(&*directory)?;
        Ok(Self(Arc::new(Leased { directory, busy: Mutex::default(), _lock: lock })))
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Arc<dyn Directory> {
        &self.0.directory
    }

    /// Claims a leader for one writer.
    pub(super) fn claim(&self, leader: &str) -> Result<Claim, CimError> {
        if !self.busy().insert(leader.to_owned()) {
            return Err(Conflict::Claimed(self.path(leader)).into());
        }
        Ok(Claim { lease: self.clone(), leader: leader.to_owned() })
    }

    /// Claims a leader that must not exist.
    pub(super) fn claim_new(&self, leader: &str) -> Result<Claim, CimError> {
        let claim = self.claim(leader)?;
        claim.require_new().map(|()| claim)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory().path().join(name)
    }

    fn busy(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A leader that one writer has for itself, under a lease that lasts as long.
#[derive(Debug)]
pub(super) struct Claim {
    lease: Lease,
    leader: String,
}

impl Claim {
    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    pub(super) fn leader(&self) -> &str {
        &self.leader
    }

    /// Fails if the leader exists.
    pub(super) fn require_new(&self) -> Result<(), CimError> {
        let path = self.lease.path(&self.leader);
        match self.lease.directory().exists(&self.leader) {
            Ok(false) => Ok(()),
            Ok(true) => Err(CimError::image_exists(path)),
            Err(error) => Err(CimError::io("look for", path, error)),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.lease.busy().remove(&self.leader);
    }
}

/// Where a writer works: in a directory that it takes for itself, or under a lease beside others.
#[derive(Clone, Debug)]
pub enum Site {
    /// A directory to be taken.
    Directory(Arc<dyn Directory>),
    /// A directory that is taken.
    Leased(Lease),
}

impl Site {
    /// Returns the directory.
    pub fn directory(&self) -> &Arc<dyn Directory> {
        match self {
            Self::Directory(directory) => directory,
            Self::Leased(lease) => lease.directory(),
        }
    }

    /// Returns the lease, taken if need be.
    pub fn lease(self) -> Result<Lease, CimError> {
        match self {
            Self::Directory(directory) => Lease::take(directory),
            Self::Leased(lease) => Ok(lease),
        }
    }
}

impl From<Arc<dyn Directory>> for Site {
    fn from(directory: Arc<dyn Directory>) -> Self {
        Self::Directory(directory)
    }
}

impl<D: Directory + 'static> From<Arc<D>> for Site {
    fn from(directory: Arc<D>) -> Self {
        Self::Directory(directory)
    }
}

impl From<Lease> for Site {
    fn from(lease: Lease) -> Self {
        Self::Leased(lease)
    }
}

impl From<&Lease> for Site {
    fn from(lease: &Lease) -> Self {
        Self::Leased(lease.clone())
    }
}

fn lock(directory: &dyn Directory) -> Result<Lock, CimError> {
    let path = directory.path();
    match directory.lock() {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Conflict::Writer(path.to_owned()).into()),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Err(NotFound::Directory(path.to_owned()).into())
            }
            _ => Err(CimError::io("lock", path, error)),
        },
    }
}
