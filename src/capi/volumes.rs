//! Volumes on Linux: an image is mounted on a directory that bears the volume's GUID, below one root for all.
//!
//! Who mounts and who dismounts may be different programs, so what there is to know lies in the file system: the
//! kernel knows the mounts, and a lock file keeps two programs from taking the same GUID.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::hresult::Hresult;
use crate::cim::io::DiskDirectory;
use crate::cim::{Guid, Image, ImageName};
use crate::mount::fuse::FuseMounter;
use crate::mount::volumes::root;
use crate::mount::{MountError, MountOptions, Mounter, Unmount};

/// Names the program that serves mounts: the caller's own one is not ours.
const PROGRAM_VARIABLE: &str = "CIMSNAP_PROGRAM";
const PROGRAM: &str = "cimsnap";

const LOCK: &str = ".lock";

/// Mounts an image as a volume.
pub(super) fn mount(directory: &Path, image: &ImageName, volume: Guid) -> Result<(), Hresult> {
    check(directory, image)?;
    let volumes = Volumes::open()?;
    let at = volumes.path(volume);
    if volumes.mounter.mounted(&at)?.is_some() {
        return Err(Hresult::ALREADY_EXISTS);
    }
    // A directory without a mount is left of a program that was killed.
    match fs::create_dir(&at) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(Hresult::of_io(&error)),
        _ => {}
    }
    volumes.mounter.mount(&directory.join(image.as_str()), &at, &MountOptions::default()).map_err(|error| {
        // What cannot be removed is used again by the next mount.
        drop(fs::remove_dir(&at));
        error.into()
    })
}

/// Takes a volume away. Who still uses it keeps what is open, but nobody finds it any more.
pub(super) fn dismount(volume: Guid) -> Result<(), Hresult> {
    if !root().is_dir() {
        return Err(Hresult::FILE_NOT_FOUND);
    }
    let volumes = Volumes::open()?;
    let at = volumes.path(volume);
    volumes.mounter.unmount(&at, Unmount::Detach)?;
    drop(fs::remove_dir(&at));
    Ok(())
}

/// Finds out here what is wrong with an image: what the serving program says is for people to read.
fn check(directory: &Path, image: &ImageName) -> Result<(), Hresult> {
    Image::open_in(Arc::new(DiskDirectory::new(directory)), image)?;
    Ok(())
}

/// The directory of volumes, locked.
#[derive(Debug)]
struct Volumes {
    root: PathBuf,
    mounter: FuseMounter,
    /// Held until the volume is there, or gone.
    _lock: File,
}

impl Volumes {
    fn open() -> Result<Self, Hresult> {
        let root = root();
        let lock = fs::create_dir_all(&root).and_then(|()| lock(&root));
        let program = env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| PROGRAM.into());
        let lock = lock.map_err(|error| Hresult::of_io(&error))?;
        Ok(Self { root, mounter: FuseMounter::new(program), _lock: lock })
    }

    fn path(&self, volume: Guid) -> PathBuf {
        self.root.join(volume.to_string())
    }
}

fn lock(root: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(root.join(LOCK))?;
    file.lock()?;
    Ok(file)
}

impl From<MountError> for Hresult {
    fn from(error: MountError) -> Self {
        match error {
            MountError::Image { source, .. } => source.into(),
            MountError::AlreadyMounted(_) => Self::ALREADY_EXISTS,
            MountError::NotMounted(_) => Self::FILE_NOT_FOUND,
            MountError::Busy(_) => Self::SHARING_VIOLATION,
            // Without the program nothing can be mounted here.
            MountError::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Self::NOT_SUPPORTED
            }
            MountError::Mountpoint { source, .. }
            | MountError::Unmount { source, .. }
            | MountError::Session { source, .. }
            | MountError::Start { source, .. }
            | MountError::Table { source, .. } => Self::of_io(&source),
            MountError::Server(text) if is_denied(&text) => Self::ACCESS_DENIED,
            _ => Self::FAIL,
        }
    }
}

/// Returns whether the serving program was refused. Its image was read before, so it is the mount that was.
fn is_denied(text: &str) -> bool {
    // The numbers of EPERM and EACCES, as the standard library adds them to every message.
    ["(os error 1)", "(os error 13)"].iter().any(|code| text.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_errors_are_those_of_the_contract() {
        let denied = MountError::Server("the kernel does not mount /x: … (os error 1)".into());
        assert_eq!(Hresult::from(denied), Hresult::ACCESS_DENIED);
        assert_eq!(Hresult::from(MountError::AlreadyMounted("x".into())), Hresult::ALREADY_EXISTS);
        assert_eq!(Hresult::from(MountError::NotMounted("x".into())), Hresult::FILE_NOT_FOUND);
        let start = |kind: io::ErrorKind| MountError::Start { program: "x".into(), source: kind.into() };
        assert_eq!(Hresult::from(start(io::ErrorKind::NotFound)), Hresult::NOT_SUPPORTED);
        assert_eq!(Hresult::from(start(io::ErrorKind::PermissionDenied)), Hresult::ACCESS_DENIED);
        assert_eq!(Hresult::from(MountError::ServerLost("x".into())), Hresult::FAIL);
    }
}
