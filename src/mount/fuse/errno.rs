//! Errors as the kernel takes them, and as people read them.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use fuser::Errno;

use crate::cim::ErrorKind;
use crate::mount::view::ViewError;

/// Returns the number for an error.
pub(super) fn errno(error: &ViewError) -> Errno {
    match error {
        ViewError::Image(error) => of_kind(error.kind()),
        ViewError::NotALink => Errno::EINVAL,
        ViewError::BadTarget(_) => Errno::EIO,
        ViewError::BadName(_) => Errno::EIO,
        ViewError::NoXattr => Errno::ENODATA,
        ViewError::XattrTooLong(_) => Errno::E2BIG,
    }
}

/// Everything that reading an image can fail with is EIO. The other kinds belong to callers who ask for something by
/// name or write; that one of them comes up here would be a fault in this program, and EIO says "not your doing".
fn of_kind(kind: ErrorKind) -> Errno {
    match kind {
        // The disk, or a region file that went away.
        ErrorKind::Io => Errno::EIO,
        // The bytes lie. EUCLEAN would say so more exactly, but few programs know it.
        ErrorKind::Corrupt => Errno::EIO,
        // The image opened, so what is not known lies in one file: it cannot be read, whatever the reason.
        ErrorKind::Unsupported => Errno::EIO,
        ErrorKind::NoSpace
        | ErrorKind::AccessDenied
        | ErrorKind::InvalidInput
        | ErrorKind::ImageNotFound
        | ErrorKind::PathNotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::BeyondEnd => Errno::EIO,
    }
}

/// Where the reasons behind EIO go.
#[derive(Debug)]
pub(super) struct Log {
    file: Option<File>,
    lines: AtomicU32,
}

impl Log {
    /// A broken image is asked again and again; nobody reads more than this.
    const MAX_LINES: u32 = 1000;

    pub(super) fn new(file: Option<File>) -> Self {
        Self { file, lines: AtomicU32::new(0) }
    }

    /// Notes why a file could not be read, and returns the number for the kernel.
    pub(super) fn fail(&self, action: &str, ino: u64, error: &ViewError) -> Errno {
        let errno = errno(error);
        let broken = matches!(error, ViewError::Image(_) | ViewError::BadTarget(_) | ViewError::BadName(_));
        if let Some(mut file) = self.file.as_ref().filter(|_| broken)
            && self.lines.fetch_add(1, Ordering::Relaxed) < Self::MAX_LINES
        {
            // A log that cannot be written must not fail the mount.
            drop(file.write_all(format!("cannot {action} inode {ino}: {error}\n").as_bytes()));
        }
        errno
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cim::{ImageName, Name};

    #[test]
    fn what_the_image_fails_with_is_eio() {
        let error = ImageName::new("").unwrap_err();
        assert_eq!(errno(&error.into()).code(), Errno::EIO.code());
        let error = Name::new("").unwrap_err();
        assert_eq!(errno(&error.into()).code(), Errno::EIO.code());
        assert_eq!(errno(&ViewError::NoXattr).code(), Errno::ENODATA.code());
    }

    #[test]
    fn the_log_says_why_and_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let log = Log::new(Some(File::create(&path).unwrap()));
        for _ in 0..Log::MAX_LINES + 5 {
            log.fail("list", 7, &ViewError::BadName("is empty"));
        }
        log.fail("read", 8, &ViewError::NoXattr);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1000);
        assert_eq!(text.lines().next(), Some("cannot list inode 7: a name in the directory is empty"));
    }
}
