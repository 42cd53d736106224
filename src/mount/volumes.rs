//! Where Linux shows the volumes that the C interface mounts.

use std::env;
use std::path::PathBuf;

/// Names the directory below which volumes appear.
const VARIABLE: &str = "CIMSNAP_VOLUMES";
const ROOT: &str = "/run/cimsnap/volumes";

/// Returns the directory in which each volume is a directory that bears its GUID.
pub fn root() -> PathBuf {
    env::var_os(VARIABLE).map_or_else(|| PathBuf::from(ROOT), PathBuf::from)
}
