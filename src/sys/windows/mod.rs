//! Windows.

mod directory;
mod file;
mod pipe;
mod security;
mod thread;
mod version;

pub use directory::{make_private, resolve, set_owner};
pub use file::{
    allocated, has_server, read_at, shared_identity, start_writeback, sync_directory, write_all_at,
};
pub use pipe::create_pipe;
pub use thread::{keep_memory_small, lower_priority};
pub use version::windows_build;
