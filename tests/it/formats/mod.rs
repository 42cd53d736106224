//! Images of all versions, written and read by code that shares nothing with the library.

pub(crate) mod expanded;
mod forks;
#[cfg(target_os = "linux")]
mod oracle;
mod versions;
