//! A containing directory on disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, Builder, ScopedJoinHandle};

use super::{Bytes, Directory, Lock, OutputFile, WrittenBytes};
use crate::cim::files;
use crate::sys::{self, Map, patiently};

/// A containing directory on disk.
#[derive(Debug)]
pub struct DiskDirectory {
    path: PathBuf,
    /// Options that make a file.
    making: OpenOptions,
}

impl DiskDirectory {
    /// Names a directory, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), making: OpenOptions::new() }
    }

    /// Names a directory like [`DiskDirectory::new`]. Only the user of this process can access files that are made in it,
    /// whatever the umask.
    pub fn private(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), making: sys::private_file() }
    }

    fn open_file(&self, name: &str) -> io::Result<File> {
        patiently(|| File::open(self.path.join(name)))
    }
}

impl Directory for DiskDirectory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self, name: &str) -> io::Result<Bytes> {
        let file = self.open_file(name)?;
        Ok(Bytes::Mapped(Arc::new(Map::new(&file)?)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn OutputFile>> {
        let mut options = self.making.clone();
        options.read(true).write(true).create_new(true);
        let file = patiently(|| options.open(self.path.join(name)))?;
        Ok(Arc::new(DiskFile { file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        patiently(|| fs::rename(self.path.join(from), self.path.join(to)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        patiently(|| fs::remove_file(self.path.join(name)))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is not Unicode is not one of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.path.join(name).try_exists()
    }

    /// Asks for all files at once: a disk brings many to safety in about the time of one. A file system does so if all of
    /// them have their places before it begins; those that get theirs while it is at it wait for the next turn.
    fn sync_files(&self, files: &[Arc<dyn OutputFile>]) -> io::Result<()> {
        files.iter().try_for_each(|file| file.start_writeback(0, 0))?;
        let Some((last, others)) = files.split_last() else { return Ok(()) };
        thread::scope(|scope| {
            let others: Vec<_> =
                others.iter().map(|file| Builder::new().spawn_scoped(scope, || file.sync())).collect();
            let synced = last.sync();
            let ended =
                |other: ScopedJoinHandle<'_, _>| other.join().unwrap_or_else(|panic| resume_unwind(panic));
            others.into_iter().map(|other| other.and_then(ended)).fold(synced, Result::and)
        })
    }

    fn sync(&self) -> io::Result<()> {
        sys::sync_directory(&self.path)
    }

    fn lock(&self) -> io::Result<Option<Lock>> {
        let path = self.path.join(files::LOCK);
        let mut options = self.making.clone();
        options.write(true).create(true).truncate(false);
        let file = patiently(|| options.open(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock::new(Locked(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn hold(&self, name: &str) -> io::Result<Lock> {
        let file = self.open_file(name)?;
        file.lock_shared()?;
        Ok(Lock::new(Locked(file)))
    }

    fn is_held(&self, name: &str) -> io::Result<bool> {
        let file = match self.open_file(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {
                drop(Locked(file));
                Ok(false)
            }
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A file that is locked until this is dropped. To close it would not do: a process that is being started has it too, for a
/// moment.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // Where that fails, closing it has to do.
        drop(self.0.unlock());
    }
}

#[derive(Debug)]
struct DiskFile {
    file: File,
}

impl OutputFile for DiskFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        sys::write_all_at(&self.file, bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn start_writeback(&self, offset: u64, len: u64) -> io::Result<()> {
        sys::start_writeback(&self.file, offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn reader(&self) -> io::Result<Box<dyn WrittenBytes>> {
        Ok(Box::new(Self { file: self.file.try_clone()? }))
    }
}

impl WrittenBytes for DiskFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        sys::read_at(&self.file, buffer, offset)
    }
}

#[cfg(all(test, windows))]
mod tests {
    use std::os::windows::fs::OpenOptionsExt;
    use std::thread::{self, sleep};
    use std::time::Duration;

    use super::*;

    /// Does something while somebody else has the file `a`, which is to work when they close it.
    fn beside_somebody(act: impl FnOnce(&DiskDirectory) -> io::Result<()>, share: u32) -> Vec<String> {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), "x").unwrap();
        let held = OpenOptions::new().read(true).share_mode(share).open(place.path().join("a")).unwrap();
        let directory = DiskDirectory::new(place.path());
        thread::scope(|scope| {
            scope.spawn(|| {
                sleep(Duration::from_millis(200));
                drop(held);
            });
            act(&directory).unwrap();
        });
        directory.list().unwrap()
    }

    /// FILE_SHARE_READ
    const READ: u32 = 1;

    #[test]
    fn names_change_when_nobody_has_them_any_more() {
        assert_eq!(beside_somebody(|directory| directory.rename("a", "b"), READ), ["b"]);
        assert_eq!(beside_somebody(|directory| directory.remove("a"), READ), [""; 0]);
    }

    #[test]
    fn files_are_read_when_nobody_has_them_alone_any_more() {
        let read = |directory: &DiskDirectory| {
            let bytes = directory.open("a")?;
            assert_eq!(bytes.as_slice(), b"x");
            Ok(())
        };
        assert_eq!(beside_somebody(read, 0), ["a"]);
        assert_eq!(beside_somebody(|directory| directory.hold("a").map(drop), 0), ["a"]);
    }

    #[test]
    fn a_file_takes_the_place_of_one_that_somebody_has() {
        let replace = |directory: &DiskDirectory| {
            directory.create("new")?.write_at(b"y", 0)?;
            directory.rename("new", "a")
        };
        assert_eq!(beside_somebody(replace, READ), ["a"]);
    }
}
