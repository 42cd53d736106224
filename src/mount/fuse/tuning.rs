//! What the kernel has to be told after a mount is live.

use std::fs;
use std::path::Path;

use super::table;

/// How far the kernel reads ahead: the most that one request can carry. It offers no more than 128 KiB by itself.
const READAHEAD_KIB: &str = "1024";

/// Lets the kernel ask for large pieces when files are read in order. Where that is not allowed, reading is slower and
/// nothing else.
pub(super) fn widen_readahead(at: &Path) {
    // The kernel is asked, not the mount: nobody serves it yet.
    if let Ok(Some(entry)) = table::find_exact(at) {
        drop(fs::write(format!("/sys/class/bdi/{}/read_ahead_kb", entry.device), READAHEAD_KIB));
    }
}
