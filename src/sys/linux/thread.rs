//! Threads.

use std::io;

/// The lowest there is.
const PRIORITY: i32 = 19;

/// Lets everybody else go first. On Linux this is the priority of the thread alone.
pub fn lower_priority() -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, PRIORITY)?)
}
