//! Linux.

mod file;
mod memory;
mod passed;

pub use file::{read_at, start_writeback, sync_directory, write_all_at};
pub use memory::keep_memory_small;
pub use passed::passed_listener;
