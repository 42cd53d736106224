//! A containing directory in memory, which can fail and lose power.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Bytes, Directory, Lock, OutputFile, WrittenBytes};

/// A containing directory in memory.
///
/// Every change is recorded. [`after_power_loss`](Self::after_power_loss) plays the record back up to any step,
/// without what no sync had made durable by then.
#[derive(Clone, Debug, Default)]
pub struct MemoryDirectory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// File numbers by name.
    names: BTreeMap<String, usize>,
    contents: HashMap<usize, Vec<u8>>,
    record: Vec<Step>,
    fail_at: Option<usize>,
    locked: bool,
    /// How often each image is held.
    held: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
enum Step {
    Create { name: String, file: usize },
    Rename { from: String, to: String },
    Remove { name: String },
    SyncNames,
    Write { file: usize, offset: usize, bytes: Arc<[u8]> },
    SetLen { file: usize, len: usize },
    SyncFile { file: usize },
}

impl MemoryDirectory {
    /// Makes an empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of changes so far.
    pub fn steps(&self) -> usize {
        self.state().record.len()
    }

    /// Lets change number `step`, counted from the beginning, fail as on a full disk, and all after it but removals.
    pub fn fail_at(&self, step: usize) {
        self.state().fail_at = Some(step);
    }

    /// Returns the directory as a power loss after `steps` changes would leave it.
    ///
    /// What was synced is there. Of what was not, `keep` decides step by step; names are kept in order, up to the
    /// first that is lost, as journalling file systems do.
    pub fn after_power_loss(&self, steps: usize, mut keep: impl FnMut(usize) -> bool) -> Self {
        let record: Vec<Step> = self.state().record.iter().take(steps).cloned().collect();
        let mut after = State::default();
        let names_synced = record.iter().rposition(|step| matches!(step, Step::SyncNames)).unwrap_or(0);
        let mut names_lost = false;
        for (number, step) in record.iter().enumerate() {
            let durable = match step {
                Step::Create { .. } | Step::Rename { .. } | Step::Remove { .. } => {
                    names_lost = names_lost || (number > names_synced && !keep(number));
                    // The contents of a file may be referred to by a later name, so they are made in any case.
                    if let Step::Create { file, .. } = step {
                        after.contents.entry(*file).or_default();
                    }
                    !names_lost
                }
                Step::Write { file, .. } | Step::SetLen { file, .. } => {
                    let synced = |s: &Step| matches!(s, Step::SyncFile { file: other } if other == file);
                    record[number..].iter().any(synced) || keep(number)
                }
                Step::SyncNames | Step::SyncFile { .. } => true,
            };
            if durable {
                // Renaming or removing what was lost changes nothing.
                drop(after.apply(step));
            }
        }
        Self { state: Arc::new(Mutex::new(after)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, step: Step) -> io::Result<()> {
        self.state().change(step)
    }
}

impl State {
    fn change(&mut self, step: Step) -> io::Result<()> {
        let needs_space = !matches!(step, Step::Remove { .. });
        if needs_space && self.fail_at.is_some_and(|at| self.record.len() >= at) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.apply(&step)?;
        self.record.push(step);
        Ok(())
    }

    fn apply(&mut self, step: &Step) -> io::Result<()> {
        let absent = || io::Error::from(io::ErrorKind::NotFound);
        match step {
            Step::Create { name, file } => {
                self.names.insert(name.clone(), *file);
                self.contents.entry(*file).or_default();
            }
            Step::Rename { from, to } => {
                let file = self.names.remove(from).ok_or_else(absent)?;
                self.names.insert(to.clone(), file);
            }
            Step::Remove { name } => {
                self.names.remove(name).ok_or_else(absent)?;
            }
            Step::Write { file, offset, bytes } => {
                let contents = self.contents.entry(*file).or_default();
                let end = offset + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[*offset..end].copy_from_slice(bytes);
            }
            Step::SetLen { file, len } => self.contents.entry(*file).or_default().resize(*len, 0),
            Step::SyncNames | Step::SyncFile { .. } => {}
        }
        Ok(())
    }
}

impl Directory for MemoryDirectory {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn open(&self, name: &str) -> io::Result<Bytes> {
        let state = self.state();
        let file = state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Bytes::Heap(state.contents[file].as_slice().into()))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn OutputFile>> {
        let mut state = self.state();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.contents.keys().max().map_or(0, |last| last + 1);
        state.change(Step::Create { name: name.to_owned(), file })?;
        Ok(Arc::new(MemoryFile { directory: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(Step::Rename { from: from.to_owned(), to: to.to_owned() })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(Step::Remove { name: name.to_owned() })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        Ok(self.state().names.contains_key(name))
    }

    fn sync(&self) -> io::Result<()> {
        self.change(Step::SyncNames)
    }

    fn lock(&self) -> io::Result<Option<Lock>> {
        let mut state = self.state();
        if std::mem::replace(&mut state.locked, true) {
            return Ok(None);
        }
        Ok(Some(Lock::new(Unlock(self.clone()))))
    }

    fn hold(&self, name: &str) -> io::Result<Lock> {
        let mut state = self.state();
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        *state.held.entry(name.to_owned()).or_insert(0) += 1;
        Ok(Lock::new(Release(self.clone(), name.to_owned())))
    }

    fn is_held(&self, name: &str) -> io::Result<bool> {
        Ok(self.state().held.get(name).is_some_and(|&holders| holders > 0))
    }
}

struct Release(MemoryDirectory, String);

impl Drop for Release {
    fn drop(&mut self) {
        if let Some(holders) = self.0.state().held.get_mut(&self.1) {
            *holders -= 1;
        }
    }
}

struct Unlock(MemoryDirectory);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

#[derive(Debug)]
struct MemoryFile {
    directory: MemoryDirectory,
    file: usize,
}

fn in_memory(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl OutputFile for MemoryFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.directory.change(Step::Write {
            file: self.file,
            offset: in_memory(offset)?,
            bytes: bytes.into(),
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.directory.change(Step::SetLen { file: self.file, len: in_memory(len)? })
    }

    fn start_writeback(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.directory.change(Step::SyncFile { file: self.file })
    }

    fn reader(&self) -> io::Result<Box<dyn WrittenBytes>> {
        Ok(Box::new(Self { directory: self.directory.clone(), file: self.file }))
    }
}

impl WrittenBytes for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.directory.state();
        let contents = state.contents.get(&self.file).ok_or(io::ErrorKind::NotFound)?;
        let rest = contents.get(in_memory(offset)?..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_loss_keeps_what_was_synced_and_no_more() {
        let directory = MemoryDirectory::new();
        let file = directory.create("a").unwrap();
        file.write_at(b"one", 0).unwrap();
        file.sync().unwrap();
        directory.sync().unwrap();
        file.write_at(b"two", 0).unwrap();
        directory.rename("a", "b").unwrap();

        let pessimist = directory.after_power_loss(directory.steps(), |_| false);
        assert_eq!(pessimist.open("a").unwrap().as_slice(), b"one");
        let optimist = directory.after_power_loss(directory.steps(), |_| true);
        assert_eq!(optimist.open("b").unwrap().as_slice(), b"two");
        assert!(!optimist.exists("a").unwrap());
    }

    #[test]
    fn a_full_disk_stays_full() {
        let directory = MemoryDirectory::new();
        directory.fail_at(1);
        let file = directory.create("a").unwrap();
        for _ in 0..2 {
            let error = file.write_at(b"x", 0).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }
}
