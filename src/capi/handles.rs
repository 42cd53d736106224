//! Which handles are alive.
//!
//! A handle is a number that is given out once: a stale one, or one that was never ours, is found out instead of
//! being followed. The numbers are odd, so that no address of an object and no handle of Windows equals one.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::hresult::Hresult;
use super::layout::{ImageHandle, StreamHandle};
use super::session::Session;

/// Far from the small numbers that a confused caller is most likely to pass.
const FIRST: usize = 0x4349_4D01;

static HANDLES: LazyLock<Mutex<Handles>> = LazyLock::new(Default::default);

#[derive(Debug)]
struct Handles {
    next: Option<usize>,
    images: HashMap<usize, Arc<Session>>,
    streams: HashMap<usize, Arc<Session>>,
}

impl Default for Handles {
    fn default() -> Self {
        Self { next: Some(FIRST), images: HashMap::new(), streams: HashMap::new() }
    }
}

impl Handles {
    fn allocate(&mut self) -> Result<usize, Hresult> {
        let id = self.next.ok_or(Hresult::OUT_OF_MEMORY)?;
        self.next = id.checked_add(2);
        Ok(id)
    }
}

/// No step in here leaves the tables half changed, so a panic of another thread does no harm.
fn handles() -> MutexGuard<'static, Handles> {
    HANDLES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ImageHandle {
    /// No image.
    pub(super) const NULL: Self = Self(ptr::null_mut());

    /// Gives an image a handle.
    pub(super) fn new(session: Session) -> Result<Self, Hresult> {
        let mut handles = handles();
        let id = handles.allocate()?;
        handles.images.insert(id, Arc::new(session));
        Ok(Self(number(id)))
    }

    /// Looks an image up.
    pub(super) fn session(self) -> Result<Arc<Session>, Hresult> {
        handles().images.get(&self.0.addr()).cloned().ok_or(Hresult::INVALID_ARGUMENT)
    }

    /// Makes the handle invalid; `None` where it was not valid.
    pub(super) fn take(self) -> Option<Arc<Session>> {
        handles().images.remove(&self.0.addr())
    }
}

impl StreamHandle {
    /// No stream.
    pub(super) const NULL: Self = Self(ptr::null_mut());

    /// Gives the open stream of an image a handle.
    pub(super) fn new(session: &Arc<Session>) -> Result<Self, Hresult> {
        let mut handles = handles();
        let id = handles.allocate()?;
        handles.streams.insert(id, session.clone());
        Ok(Self(number(id)))
    }

    /// Looks up the image that a stream belongs to.
    pub(super) fn session(self) -> Result<Arc<Session>, Hresult> {
        handles().streams.get(&self.0.addr()).cloned().ok_or(Hresult::INVALID_ARGUMENT)
    }

    /// Makes the handle invalid; `None` where it was not valid.
    pub(super) fn take(self) -> Option<Arc<Session>> {
        handles().streams.remove(&self.0.addr())
    }

    /// Returns the number by which a session knows its open stream.
    pub(super) fn id(self) -> usize {
        self.0.addr()
    }

    /// Makes a handle of its number.
    pub(super) fn from_id(id: usize) -> Self {
        Self(number(id))
    }
}

/// Dresses a number up as the pointer that C takes handles for.
fn number(id: usize) -> *mut c_void {
    ptr::without_provenance_mut(id)
}
