//! What goes wrong with the library of Windows, as errors of images.

use std::path::PathBuf;

use thiserror::Error;

use crate::cim::{CimError, ErrorKind, ImagePath};
use crate::sys::Hresult;
use crate::sys::cimfs::{CimfsError, LoadError};

/// A call that failed: what it was to do, to what, and what the library says.
#[derive(Debug, Error)]
#[error("cannot {action} {subject}")]
struct Failure {
    action: &'static str,
    subject: String,
    source: CimfsError,
}

/// What the engine itself refuses.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error(
        "the library of Windows does not tell names apart that differ in case only, as layers of Linux need it"
    )]
    CaseMatters,
    #[error("{} has no {}: images cannot be written with it", .library.display(), .functions.join(", "))]
    TooLittle { library: PathBuf, functions: Vec<&'static str> },
    #[error("a file or stream of {} was begun and not finished", .0.display())]
    HalfWritten(PathBuf),
    #[error("{0} is a link to a directory: nothing can be in it")]
    LinkOnTheWay(ImagePath),
    #[error(
        "what the layer deletes in {0} cannot be told: the library does not list directories of its images"
    )]
    NoListing(ImagePath),
    #[error("the names and links of the layer take more than {0} bytes of memory")]
    TooMuch(usize),
    #[error("{0} is a hard link to a file of the layer, which cannot be read before the image is whole")]
    Unreadable(ImagePath),
}

impl From<Refusal> for CimError {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::HalfWritten(_) => ErrorKind::Conflict,
            Refusal::LinkOnTheWay(_) => ErrorKind::InvalidInput,
            _ => ErrorKind::Unsupported,
        };
        Self::foreign(kind, refusal)
    }
}

impl From<LoadError> for CimError {
    fn from(error: LoadError) -> Self {
        Self::foreign(ErrorKind::Unsupported, error)
    }
}

/// Says what a call was to do.
pub(super) fn failed(action: &'static str, subject: impl ToString) -> impl FnOnce(CimfsError) -> CimError {
    let subject = subject.to_string();
    move |source| CimError::foreign(kind(&source), Failure { action, subject, source })
}

fn kind(error: &CimfsError) -> ErrorKind {
    let Some(result) = error.result() else {
        return match error {
            CimfsError::Missing { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::InvalidInput,
        };
    };
    match result {
        Hresult::FILE_NOT_FOUND => ErrorKind::ImageNotFound,
        Hresult::PATH_NOT_FOUND => ErrorKind::PathNotFound,
        Hresult::ACCESS_DENIED => ErrorKind::AccessDenied,
        Hresult::SHARING_VIOLATION => ErrorKind::Conflict,
        Hresult::HANDLE_EOF => ErrorKind::BeyondEnd,
        Hresult::NOT_SUPPORTED => ErrorKind::Unsupported,
        Hresult::FILE_EXISTS | Hresult::ALREADY_EXISTS => ErrorKind::AlreadyExists,
        Hresult::INVALID_ARGUMENT => ErrorKind::InvalidInput,
        Hresult::DISK_FULL => ErrorKind::NoSpace,
        Hresult::FILE_CORRUPT => ErrorKind::Corrupt,
        _ => ErrorKind::Io,
    }
}
