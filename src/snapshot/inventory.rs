//! Which files layers and images have, and what is in them.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::sync::PoisonError;

use super::{SnapshotError, Snapshots};
use crate::cim::files;
use crate::cim::format::RegionSet;
use crate::layer::digest::Digest;
use crate::store::{FileRow, KeptFile, Look, Promise, image_name};
use crate::sys::patiently;

impl Snapshots {
    /// Lists the files of a region set.
    pub(super) fn files_of_set(&self, set: RegionSet) -> Vec<FileRow> {
        let regions = (0..set.count)
            .flat_map(|index| [files::region(set.guid, index), files::object_ids(set.guid, index)]);
        let names = regions.chain([files::journal(set.guid), files::links(set.guid)]);
        names.filter_map(|name| self.file(name)).collect()
    }

    /// Lists the files that an image has of its own.
    pub(super) fn files_of_image(
        &self,
        chain: &Digest,
        tree: RegionSet,
    ) -> Result<Vec<FileRow>, SnapshotError> {
        let mut found = self.files_of_set(tree);
        found.extend(self.file(image_name(chain)?.as_str().to_owned()));
        Ok(found)
    }

    /// Returns whether all files are there, as long as they were.
    pub(super) fn has_files(&self, files: &[FileRow]) -> bool {
        let is_there = |file: &FileRow| self.file(file.name.clone()).is_some_and(|now| now.size == file.size);
        files.iter().all(is_there)
    }

    pub(super) fn file(&self, name: String) -> Option<FileRow> {
        let size = fs::metadata(self.store.root().images().join(&name)).ok()?.len();
        Some(FileRow { name, size, digest: None })
    }

    /// Returns a file with what is in it.
    pub(super) fn kept(&self, file: &FileRow) -> Result<KeptFile, SnapshotError> {
        let path = self.store.root().images().join(&file.name);
        let bytes = patiently(|| fs::read(&path)).map_err(SnapshotError::io("read", &path))?;
        Ok(KeptFile { name: file.name.clone(), bytes })
    }

    /// Waits for what was kept, rather than waited for. Returns how many files these were.
    ///
    /// Meant for a moment when nobody waits. Whoever publishes something may come in between all the same.
    pub fn settle(&self) -> Result<usize, SnapshotError> {
        let mut settled = 0_usize;
        loop {
            let _alone = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
            match self.store.settle()? {
                0 => return Ok(settled),
                some => settled = settled.saturating_add(some),
            }
        }
    }

    /// Notes the digests of all files that have none yet. Returns how many bytes were read.
    ///
    /// Meant for a moment when nobody waits: the files were written a moment ago, and are still in memory.
    pub fn take_digests(&self) -> Result<u64, SnapshotError> {
        let _alone = self.digesting.lock().unwrap_or_else(PoisonError::into_inner);
        let (layers, images) =
            self.store.read(|reader| Ok::<_, SnapshotError>((reader.layers()?, reader.images()?)))?;
        let mut read = 0_u64;
        for (set, mut row) in layers {
            let before = row.files.clone();
            let taken = self.take_digests_of(&mut row.files)?;
            read = read.saturating_add(taken);
            if taken > 0 {
                self.store.write(Promise::Loose, |writer| match writer.layer(set)? {
                    Some(now) if now.files == before => writer.put_layer(set, &row),
                    _ => Ok(()),
                })?;
            }
        }
        for (chain, mut row) in images {
            let before = row.files.clone();
            let taken = self.take_digests_of(&mut row.files)?;
            read = read.saturating_add(taken);
            if taken > 0 {
                self.store.write(Promise::Loose, |writer| match writer.image(&chain)? {
                    Some(now) if now.files == before => writer.put_image(&chain, &row),
                    _ => Ok(()),
                })?;
            }
        }
        Ok(read)
    }

    /// Takes the digests that are missing. A file that is not as long as it was is left as it is, for a check to find.
    fn take_digests_of(&self, files: &mut [FileRow]) -> Result<u64, SnapshotError> {
        let mut read = 0_u64;
        for file in files.iter_mut().filter(|file| file.digest.is_none()) {
            if let Some(digest) = self.digest(file)? {
                file.digest = Some(digest);
                read = read.saturating_add(file.size);
            }
        }
        Ok(read)
    }

    /// Computes the digest of a file; `None` if it is gone, or not as long as it was.
    pub(super) fn digest(&self, file: &FileRow) -> Result<Option<blake3::Hash>, SnapshotError> {
        // Read piece by piece: all of a file that is mapped would count as memory of this process.
        let path = self.store.root().images().join(&file.name);
        let mut hasher = blake3::Hasher::new();
        match patiently(|| File::open(&path)).and_then(|file| hasher.update_reader(file).map(drop)) {
            Ok(()) => Ok((hasher.count() == file.size).then(|| hasher.finalize())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SnapshotError::io("read", &path)(error)),
        }
    }
}

/// Adds up files.
pub(super) fn total(files: &[FileRow]) -> u64 {
    files.iter().map(|file| file.size).fold(0, u64::saturating_add)
}
