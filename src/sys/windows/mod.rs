//! Windows.

mod details;
mod directory;
mod event_log;
mod file;
mod file_version;
mod host;
mod interrupt;
mod library;
mod map;
mod patience;
mod pipe;
mod security;
mod temporary;
mod thread;
mod trust;
mod version;
mod wide;

use super::library::Library;
pub use details::FileDetails;
pub use directory::{make_private, resolve, set_owner};
pub use event_log::{EventKind, EventLog, add_event_source, remove_event_source};
pub use file::{
    allocated, has_server, private_file, read_at, shared_identity, start_writeback, sync_directory,
    write_all_at,
};
pub use file_version::file_version;
pub use host::{ContainerHost, Disk, HostError};
pub use interrupt::{asked_to_end, note_requests_to_end};
pub(super) use library::{find_symbol, load_library, load_system_library};
pub use map::Map;
pub use patience::patiently;
pub use pipe::create_pipe;
pub use temporary::temporary_file;
pub use thread::{keep_memory_small, lower_priority};
pub use trust::{make_owner_only, require_private, require_trusted_ancestors, require_trusted_socket};
pub use version::{is_wine, windows_build};
pub(super) use wide::path_units;
