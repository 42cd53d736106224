//! Raw calls in, safe functions out: the only home of `unsafe` beside the C ABI.
//!
//! `linux` and `windows` export the same names.

#![expect(unsafe_code, reason = "each block says why it is sound")]

mod map;

#[cfg(unix)]
#[path = "linux/mod.rs"]
mod os;
#[cfg(windows)]
#[path = "windows/mod.rs"]
mod os;

pub use map::Map;
#[cfg(target_os = "linux")]
pub use os::{keep_memory_small, passed_listener, windows_build};
pub use os::{read_at, start_writeback, sync_directory, write_all_at};
