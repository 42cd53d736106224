//! Files that somebody else has open for a moment: the antivirus, an indexer, a backup.

use std::io;
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION, ERROR_USER_MAPPED_FILE, WIN32_ERROR,
};

/// How many milliseconds somebody else is given, before each attempt but the first: two seconds in all.
const PAUSES: [u64; 8] = [10, 20, 40, 80, 160, 320, 640, 730];

/// What passes when somebody else closes the file. Access is denied to what is being deleted, too, which cannot be told
/// from what nobody may do: that takes as long to fail.
const PASSING: [WIN32_ERROR; 4] =
    [ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_USER_MAPPED_FILE];

/// Does something to files, again for a while if somebody else has them open.
pub fn patiently<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for pause in PAUSES {
        match act() {
            Err(error) if passes(&error) => thread::sleep(Duration::from_millis(pause)),
            done => return done,
        }
    }
    act()
}

fn passes(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| PASSING.contains(&code.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::Path;
    use std::sync::mpsc::channel;

    use super::*;

    /// FILE_SHARE_READ
    const READ_ONLY: u32 = 1;

    fn hold(path: &Path) -> File {
        OpenOptions::new().read(true).share_mode(READ_ONLY).open(path).unwrap()
    }

    #[test]
    fn what_somebody_holds_is_removed_when_they_let_go() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, "x").unwrap();
        let held = hold(&path);
        let (failed, has_failed) = channel::<()>();
        let holder = thread::spawn(move || {
            has_failed.recv().unwrap();
            drop(held);
        });
        let mut errors = Vec::new();
        let removed = patiently(|| {
            fs::remove_file(&path).inspect_err(|error| {
                errors.push(error.raw_os_error());
                _ = failed.send(());
            })
        });
        holder.join().unwrap();
        assert!(removed.is_ok() && !path.exists(), "{removed:?}");
        assert_eq!(errors.first(), Some(&Some(ERROR_SHARING_VIOLATION.cast_signed())));
    }

    #[test]
    fn what_somebody_keeps_is_given_up() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, "x").unwrap();
        let held = hold(&path);
        let mut attempts = 0;
        let removed = patiently(|| {
            attempts += 1;
            fs::remove_file(&path)
        });
        assert_eq!(attempts, 1 + PAUSES.len());
        assert_eq!(removed.unwrap_err().raw_os_error(), Some(ERROR_SHARING_VIOLATION.cast_signed()));
        drop(held);
    }

    #[test]
    fn what_never_passes_is_not_tried_again() {
        for code in [2, 3, 80, 112, 183] {
            let mut attempts = 0;
            let done = patiently(|| -> io::Result<()> {
                attempts += 1;
                Err(io::Error::from_raw_os_error(code))
            });
            assert!(done.is_err());
            assert_eq!(attempts, 1, "{code}");
        }
    }

    #[test]
    fn all_that_passes_is_tried_again() {
        for code in [5, 32, 33, 1224] {
            let mut answers = vec![Ok(()), Err(code)];
            let done = patiently(|| answers.pop().unwrap().map_err(io::Error::from_raw_os_error));
            assert!(done.is_ok() && answers.is_empty(), "{code}");
        }
    }

    #[test]
    fn somebody_else_is_given_two_seconds() {
        assert_eq!(PAUSES.iter().sum::<u64>(), 2000);
        assert!(PAUSES.is_sorted());
    }
}
