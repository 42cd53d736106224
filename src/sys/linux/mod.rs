//! Linux.

mod file;
mod passed;

pub use file::{read_at, start_writeback, sync_directory, write_all_at};
pub use passed::passed_listener;
