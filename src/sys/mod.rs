//! Raw calls in, safe functions out: the only home of `unsafe` beside the C ABI.
//!
//! `linux` and `windows` export the same names, and each what only its system has.

#![expect(unsafe_code, reason = "each block says why it is sound")]

pub mod cimfs;
mod hresult;
mod library;
mod trust;

#[cfg(unix)]
#[path = "linux/mod.rs"]
mod os;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod os;

pub use hresult::Hresult;
pub use os::*;
pub use trust::TrustError;
