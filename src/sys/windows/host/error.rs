//! Why a host of containers does not do what it should.

use std::path::PathBuf;

use thiserror::Error;

use crate::sys::Hresult;

/// Why a host of containers does not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// This Windows does not have the function.
    #[error("this Windows has no {0}")]
    Missing(&'static str),
    /// Windows says no.
    #[error("{function}: {result}")]
    Failed {
        /// The function.
        function: &'static str,
        /// What it says.
        result: Hresult,
    },
    /// What is to be a path cannot be one.
    #[error("{} cannot be passed as a path", .0.display())]
    NotAPath(PathBuf),
}

/// Says of what a function answered whether it failed. Some answer a code of Win32, which is positive, others a result.
pub(super) fn check(function: &'static str, raw: i32) -> Result<(), HostError> {
    let result = match u32::try_from(raw) {
        Ok(0) => return Ok(()),
        Ok(code) => Hresult::win32(code),
        Err(_) => Hresult::from_raw(raw),
    };
    Err(HostError::Failed { function, result })
}
