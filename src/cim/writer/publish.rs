//! Making an image or a layer set visible, whole or not at all, and clearing away what a crash has left.
//!
//! Everything is written under unpublished names (`NAME.part`) and synced. Then the files of the set get their final
//! names, and last the *leader*: the file that makes them reachable, which is the `.cim` of an image and the journal
//! of a layer set. A crash before the last rename leaves the leader unpublished; it names the set, so that whoever
//! takes the directory next finds all files of the set and removes them.
//!
//! Who keeps a book of what is there can do with one wait for several sets: it publishes them without, syncs all at once,
//! and enters them. After a power loss it removes what the book does not have.

use std::collections::HashSet;
use std::sync::Arc;

use super::set::{SetWriter, rename_part};
use crate::cim::error::{CimError, ErrorKind};
use crate::cim::files::{self, ImageName};
use crate::cim::format::{Guid, ImageHeader};
use crate::cim::io::{Directory, OutputFile};
use crate::cim::reader::read_header;

/// Files that have got their names, and may not be on the disk yet.
#[derive(Debug)]
#[must_use = "a power loss may take the files until they are synced"]
pub struct Unsynced {
    directory: Arc<dyn Directory>,
    files: Vec<Arc<dyn OutputFile>>,
}

impl Unsynced {
    /// Adds those of something else that lies in the same directory, so that one wait does for both.
    pub fn and(mut self, other: Self) -> Self {
        self.files.extend(other.files);
        self
    }

    /// Waits until all of it is on the disk.
    pub fn sync(&self) -> Result<(), CimError> {
        sync_files(&*self.directory, &self.files)?;
        sync_names(&*self.directory)
    }
}

/// Publishes a finished set by its leader, which is written but for its name.
pub(super) fn publish(set: &mut SetWriter, leader: &str) -> Result<(), CimError> {
    if !set.syncs() {
        return publish_unsynced(set, leader).map(drop);
    }
    let directory = set.directory().clone();
    sync_files(&*directory, &set.take_unsynced())?;
    set.publish()?;
    // The leader must not be durable before what it leads to.
    sync_names(&*directory)?;
    rename_part(&*directory, leader)?;
    set.keep();
    sync_names(&*directory)
}

/// Publishes a set for somebody who waits for the disk later, and who knows what a power loss may have broken until then.
pub(super) fn publish_unsynced(set: &mut SetWriter, leader: &str) -> Result<Unsynced, CimError> {
    let (directory, files) = (set.directory().clone(), set.take_unsynced());
    set.publish()?;
    rename_part(&*directory, leader)?;
    set.keep();
    Ok(Unsynced { directory, files })
}

fn sync_files(directory: &dyn Directory, files: &[Arc<dyn OutputFile>]) -> Result<(), CimError> {
    let synced = directory.sync_files(files);
    synced.map_err(|error| CimError::io("sync new files in", directory.path(), error))
}

fn sync_names(directory: &dyn Directory) -> Result<(), CimError> {
    directory.sync().map_err(|error| CimError::io("sync", directory.path(), error))
}

/// Gives an unpublished leader another name.
pub(super) fn rename_leader(set: &SetWriter, from: &str, to: &str) -> Result<(), CimError> {
    let directory = set.directory();
    let renamed = directory.rename(&files::part(from), &files::part(to));
    renamed.map_err(|error| CimError::io("rename", directory.path().join(files::part(from)), error))
}

/// Removes what a writer that crashed has left. Only for whoever has the directory's lock, and no writer at work.
pub(super) fn clear_leftovers(directory: &dyn Directory) -> Result<(), CimError> {
    let names = list(directory)?;
    let leaders: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix(files::PART))
        .filter(|stem| is_leader(stem))
        .collect();
    let mut doomed: HashSet<Guid> = leaders.iter().filter_map(|stem| led_set(directory, stem)).collect();
    if !doomed.is_empty() {
        let listed = legible_sets(directory, &names)?;
        doomed.retain(|guid| !listed.contains(guid));
    }
    for name in &names {
        let unpublished = name.strip_suffix(files::PART).is_some_and(|stem| files::set_of(stem).is_some());
        if unpublished || files::set_of(name).is_some_and(|guid| doomed.contains(&guid)) {
            remove(directory, name)?;
        }
    }
    // Leaders go last: they are what finds the rest after another crash.
    let images = leaders.iter().filter(|stem| files::set_of(stem).is_none());
    images.map(|stem| files::part(stem)).try_for_each(|name| remove(directory, &name))
}

/// Returns the sets that the images of a directory list.
pub(super) fn listed_sets(directory: &dyn Directory, names: &[String]) -> Result<HashSet<Guid>, CimError> {
    let sets: Result<Vec<_>, _> = images(names).map(|name| sets_of(directory, name)).collect();
    Ok(sets?.into_iter().flatten().collect())
}

/// Does the same without images whose header is damaged, as a power loss leaves those that nobody waited for. They must not
/// keep the directory from being written.
fn legible_sets(directory: &dyn Directory, names: &[String]) -> Result<HashSet<Guid>, CimError> {
    let is_damaged =
        |sets: &Result<_, CimError>| sets.as_ref().is_err_and(|error| error.kind() == ErrorKind::Corrupt);
    let all = images(names).map(|name| sets_of(directory, name));
    let sets: Result<Vec<_>, _> = all.filter(|sets| !is_damaged(sets)).collect();
    Ok(sets?.into_iter().flatten().collect())
}

fn images(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().filter(|name| name.ends_with(files::IMAGE))
}

fn sets_of(directory: &dyn Directory, name: &str) -> Result<Vec<Guid>, CimError> {
    let header = read_header(directory, &ImageName::new(name)?)?;
    Ok(header.sets().map(|set| set.guid).collect())
}

/// Returns whether a file makes a set reachable.
fn is_leader(stem: &str) -> bool {
    stem.ends_with(files::IMAGE) || files::is_journal(stem)
}

/// Returns the set that an unpublished leader would have made reachable.
fn led_set(directory: &dyn Directory, stem: &str) -> Option<Guid> {
    if let Some(guid) = files::set_of(stem) {
        return Some(guid);
    }
    // A header that was not written whole was not synced, and then none of its set was published either.
    let bytes = directory.open(&files::part(stem)).ok()?;
    ImageHeader::parse(bytes.as_slice()).ok().map(|header| header.own.guid)
}

pub(super) fn list(directory: &dyn Directory) -> Result<Vec<String>, CimError> {
    directory.list().map_err(|error| CimError::io("list", directory.path(), error))
}

pub(super) fn remove(directory: &dyn Directory, name: &str) -> Result<(), CimError> {
    directory.remove(name).map_err(|error| CimError::io("remove", directory.path().join(name), error))
}
