//! A file that does not grow without end.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a file has at most.
const MOST: u64 = 10 << 20;

/// How many files are kept beside the one that is written.
const KEPT: usize = 4;

/// A file that is put aside when it is full; so are those that were put aside before, until the last one is gone.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    /// None only if there was no opening it after it had been full.
    file: Option<File>,
    len: u64,
    most: u64,
}

impl RotatingFile {
    /// Opens a file, to go on where it ends.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Self::with_most(path, MOST)
    }

    fn with_most(path: PathBuf, most: u64) -> io::Result<Self> {
        let file = append(&path)?;
        let len = file.metadata()?.len();
        Ok(Self { path, file: Some(file), len, most })
    }

    fn rotate(&mut self) -> io::Result<()> {
        // What is open cannot be renamed.
        self.file = None;
        for number in (1..=KEPT).rev() {
            // Not all of them are there, and somebody may read one: then it is what gets lost.
            drop(fs::rename(aside(&self.path, number - 1), aside(&self.path, number)));
        }
        let mut file = append(&self.path)?;
        // It could not be put aside, and must not grow.
        file.set_len(0)?;
        file.rewind()?;
        (self.file, self.len) = (Some(file), 0);
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = u64::try_from(bytes.len()).map_err(io::Error::other)?;
        let full = self.len > 0 && self.len.saturating_add(wanted) > self.most;
        if full || self.file.is_none() {
            self.rotate()?;
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        file.write_all(bytes)?;
        self.len = self.len.saturating_add(wanted);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    // Without leave to append alone the file could not be cut off.
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

/// Returns where a file is put aside: `log` itself, then `log.1` and so on.
fn aside(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name: OsString = path.into();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: &mut RotatingFile, lines: std::ops::Range<u32>) {
        lines.for_each(|line| file.write_all(format!("{line:03}\n").as_bytes()).unwrap());
    }

    #[test]
    fn full_files_are_put_aside_and_the_oldest_go() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        let mut file = RotatingFile::with_most(path.clone(), 8).unwrap();
        write(&mut file, 0..20);
        let read = |number| fs::read_to_string(aside(&path, number)).unwrap();
        assert_eq!(read(0), "018\n019\n");
        assert_eq!(read(KEPT), "010\n011\n");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1 + KEPT);
    }

    #[test]
    fn a_file_goes_on_where_it_ended() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        for line in 0..3 {
            write(&mut RotatingFile::with_most(path.clone(), 8).unwrap(), line..line + 1);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "002\n");
        assert_eq!(fs::read_to_string(aside(&path, 1)).unwrap(), "000\n001\n");
    }

    #[test]
    fn a_file_that_cannot_be_put_aside_does_not_grow() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        let mut file = RotatingFile::with_most(path.clone(), 8).unwrap();
        // A directory that is not empty is never replaced.
        (1..=KEPT).for_each(|number| fs::create_dir_all(aside(&path, number).join("full")).unwrap());
        write(&mut file, 0..5);
        assert_eq!(fs::read_to_string(&path).unwrap(), "004\n");
    }
}
