//! Taking mounts away.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::mount::UnmountFlags;

use super::table;
use crate::cim::files;
use crate::cim::io::{Directory, DiskDirectory};
use crate::mount::{MountEntry, MountError, Unmount};

/// How long a server may take to end after its mount is gone. It only has to notice.
const SERVER_GRACE: Duration = Duration::from_secs(2);

/// Takes one of our mounts away and waits until its image is free again.
pub(super) fn unmount(at: &Path, how: Unmount) -> Result<(), MountError> {
    let entry = table::find(at)?.ok_or_else(|| MountError::NotMounted(at.to_owned()))?;
    let result = rustix::mount::unmount(&entry.at, UnmountFlags::NOFOLLOW);
    match (result, how) {
        (Ok(()), _) => {
            wait_for_server(&entry);
            Ok(())
        }
        (Err(Errno::BUSY), Unmount::Detach) => {
            let flags = UnmountFlags::NOFOLLOW | UnmountFlags::DETACH;
            rustix::mount::unmount(&entry.at, flags).map_err(|error| failed(at, error))
        }
        (Err(error), _) => Err(failed(at, error)),
    }
}

fn failed(at: &Path, error: Errno) -> MountError {
    match error {
        Errno::BUSY => MountError::Busy(at.to_owned()),
        _ => MountError::Unmount { at: at.to_owned(), source: error.into() },
    }
}

/// Waits until nobody holds the image, so that who unmounted it can replace or delete it at once. Another mount of
/// the same image goes on holding it, and is not waited for.
fn wait_for_server(entry: &MountEntry) {
    let shared = table::list().is_ok_and(|mounts| mounts.iter().any(|other| other.image == entry.image));
    let Ok((directory, name)) = files::split_image_path(&entry.image) else { return };
    if shared {
        return;
    }
    let directory = DiskDirectory::new(directory);
    let end = Instant::now() + SERVER_GRACE;
    while directory.is_held(name.as_str()).unwrap_or(false) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}
