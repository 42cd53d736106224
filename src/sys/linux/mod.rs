//! Linux.

mod directory;
mod file;
mod interrupt;
mod library;
mod map;
mod memory;
mod overlay;
mod passed;
mod temporary;
mod thread;
mod trust;
mod wide;
mod windows;

pub use directory::{make_private, resolve, set_owner};
pub use file::{
    allocated, has_server, patiently, private_file, read_at, shared_identity, start_writeback,
    sync_directory, write_all_at,
};
pub use interrupt::{asked_to_end, note_requests_to_end};
pub(super) use library::{find_symbol, load_library, load_system_library};
pub use map::Map;
pub use memory::keep_memory_small;
pub use overlay::is_overlay_mounted;
pub use passed::passed_listener;
pub use temporary::temporary_file;
pub use thread::lower_priority;
pub use trust::{
    make_owner_only, make_trusted_directory, require_private, require_trusted_ancestors,
    require_trusted_directory, require_trusted_socket,
};
pub(super) use wide::path_units;
pub use windows::{file_version, windows_build};
