//! An image under construction, as its handle sees it: any thread may call, one call acts at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hresult::Hresult;
use super::layout::StreamHandle;
use crate::cim::{CimError, ErrorKind, Writer};

/// What an image handle stands for.
#[derive(Debug)]
pub(super) struct Session(Mutex<State>);

#[derive(Debug)]
enum State {
    Open(Box<Open>),
    /// Writing failed where nobody could be told what is missing now: every call answers so, and nothing is committed.
    Failed(Hresult),
    /// Committed, or closed.
    Done,
}

#[derive(Debug)]
struct Open {
    writer: Writer,
    stream: Option<OpenStream>,
}

/// The one stream that may be open.
#[derive(Debug)]
struct OpenStream {
    handle: usize,
    kind: StreamKind,
}

/// What an open stream writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamKind {
    /// The stream that the writer has open.
    Data,
    /// A directory, which is there already and takes no data.
    Directory,
}

impl Session {
    pub(super) fn new(writer: Writer) -> Self {
        Self(Mutex::new(State::Open(Box::new(Open { writer, stream: None }))))
    }

    /// Changes the image. No stream may be open.
    pub(super) fn edit(
        &self,
        change: impl FnOnce(&mut Writer) -> Result<(), CimError>,
    ) -> Result<(), Hresult> {
        let mut state = self.lock()?;
        Ok(change(&mut state.idle()?.writer)?)
    }

    /// Looks something up in the image, whether or not a stream is open.
    pub(super) fn look<T>(
        &self,
        look: impl FnOnce(&mut Writer) -> Result<T, CimError>,
    ) -> Result<T, Hresult> {
        let mut state = self.lock()?;
        Ok(look(&mut state.open()?.writer)?)
    }

    /// Opens a stream. No other may be open.
    pub(super) fn open_stream(
        self: &Arc<Self>,
        begin: impl FnOnce(&mut Writer) -> Result<StreamKind, CimError>,
    ) -> Result<StreamHandle, Hresult> {
        let mut state = self.lock()?;
        let open = state.idle()?;
        let kind = begin(&mut open.writer)?;
        let handle = match (StreamHandle::new(self), kind) {
            (Err(error), StreamKind::Data) => {
                open.writer.abandon_stream()?;
                return Err(error);
            }
            (handle, _) => handle?,
        };
        open.stream = Some(OpenStream { handle: handle.id(), kind });
        Ok(handle)
    }

    /// Appends to an open stream.
    pub(super) fn write(&self, handle: StreamHandle, bytes: &[u8]) -> Result<(), Hresult> {
        let mut state = self.lock()?;
        let open = state.open()?;
        let result = match open.kind_of(handle).ok_or(Hresult::INVALID_ARGUMENT)? {
            StreamKind::Data => open.writer.write(bytes),
            StreamKind::Directory if bytes.is_empty() => Ok(()),
            StreamKind::Directory => return Err(Hresult::HANDLE_EOF),
        };
        result.map_err(|error| match error.kind() {
            ErrorKind::BeyondEnd => error.into(),
            // Part of the bytes may be written: what comes next would lie at the wrong place.
            _ => state.fail(error),
        })
    }

    /// Closes an open stream, and makes the file that it belongs to. A failure is kept for the next call.
    pub(super) fn close_stream(&self, handle: StreamHandle) {
        let Ok(mut state) = self.lock() else { return };
        let Ok(open) = state.open() else { return };
        if open.kind_of(handle).is_none() {
            return;
        }
        if open.stream.take().is_some_and(|stream| stream.kind == StreamKind::Data)
            && let Err(error) = open.writer.finish_stream()
        {
            state.fail(error);
        }
    }

    /// Makes the image visible. After that, or a failure to do so, nothing is left but to close.
    pub(super) fn commit(&self) -> Result<(), Hresult> {
        let mut state = self.lock()?;
        state.idle()?.writer.check_ready()?;
        match std::mem::replace(&mut *state, State::Done) {
            State::Open(open) => open.writer.commit().map(drop).map_err(Hresult::from),
            State::Failed(error) => Err(error),
            State::Done => Err(Hresult::INVALID_ARGUMENT),
        }
    }

    /// Drops what was not committed.
    pub(super) fn close(&self) {
        // After a panic there is still something to drop.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(open) = &*state
            && let Some(stream) = &open.stream
        {
            StreamHandle::from_id(stream.handle).take();
        }
        *state = State::Done;
    }

    /// Waits for other calls. After one that panicked nobody knows what the image holds.
    fn lock(&self) -> Result<MutexGuard<'_, State>, Hresult> {
        self.0.lock().map_err(|_| Hresult::UNEXPECTED)
    }
}

impl State {
    fn open(&mut self) -> Result<&mut Open, Hresult> {
        match self {
            Self::Open(open) => Ok(open),
            Self::Failed(error) => Err(*error),
            Self::Done => Err(Hresult::INVALID_ARGUMENT),
        }
    }

    fn idle(&mut self) -> Result<&mut Open, Hresult> {
        let open = self.open()?;
        if open.stream.is_some() { Err(Hresult::SHARING_VIOLATION) } else { Ok(open) }
    }

    /// Gives the image up, with everything that was written.
    fn fail(&mut self, error: CimError) -> Hresult {
        let code = error.into();
        *self = Self::Failed(code);
        code
    }
}

impl Open {
    fn kind_of(&self, handle: StreamHandle) -> Option<StreamKind> {
        let stream = self.stream.as_ref()?;
        (stream.handle == handle.id()).then_some(stream.kind)
    }
}
