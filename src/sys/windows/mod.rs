//! Windows.

mod file;

pub use file::{read_at, start_writeback, sync_directory, write_all_at};
