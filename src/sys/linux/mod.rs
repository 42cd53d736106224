//! Linux.

mod directory;
mod file;
mod memory;
mod passed;
mod thread;
mod windows;

pub use directory::{make_private, resolve, set_owner};
pub use file::{
    allocated, has_server, read_at, shared_identity, start_writeback, sync_directory, write_all_at,
};
pub use memory::keep_memory_small;
pub use passed::passed_listener;
pub use thread::lower_priority;
pub use windows::windows_build;
