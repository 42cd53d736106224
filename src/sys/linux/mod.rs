//! Linux.

mod file;
mod memory;
mod passed;
mod windows;

pub use file::{read_at, start_writeback, sync_directory, write_all_at};
pub use memory::keep_memory_small;
pub use passed::passed_listener;
pub use windows::windows_build;
