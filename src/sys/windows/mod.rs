//! Windows.

mod file;
mod library;
mod temporary;
mod wide;

pub use file::{read_at, start_writeback, sync_directory, write_all_at};
pub(super) use library::{find_symbol, load_library, load_system_library};
pub use temporary::temporary_file;
pub(super) use wide::path_units;
