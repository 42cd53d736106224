//! Why a view has no answer.

use thiserror::Error;

use crate::cim::CimError;

/// Why a view has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The image failed.
    #[error(transparent)]
    Image(#[from] CimError),
    /// A file that is no symbolic link was taken for one.
    #[error("the file is no symbolic link")]
    NotALink,
    /// A symbolic link leads to a target that no path can express.
    #[error("the target of the symbolic link {0}")]
    BadTarget(&'static str),
    /// A name in a directory cannot be a name on Linux.
    #[error("a name in the directory {0}")]
    BadName(&'static str),
    /// A file has no extended attribute of a name.
    #[error("the file has no such extended attribute")]
    NoXattr,
    /// An extended attribute is longer than Linux lets one be.
    #[error("the extended attribute has {0} bytes, more than Linux hands out")]
    XattrTooLong(u64),
}
