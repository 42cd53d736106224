//! Linux.

mod file;

pub use file::{start_writeback, sync_directory, write_all_at};
