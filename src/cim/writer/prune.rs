//! Removing what no image of a containing directory has.

use std::collections::HashSet;
use std::sync::Arc;

use super::lease::Lease;
use super::publish::{list, listed_sets, remove};
use crate::cim::error::CimError;
use crate::cim::files;
use crate::cim::io::Directory;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Region sets: layer sets that no image has, and those of images that are gone.
    pub sets: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// Removes all region sets that no image of a directory has. Nobody may be writing in the directory.
///
/// Journals go first, by which layer sets are found: a crash leaves files that nothing leads to, and that are removed
/// the next time.
pub fn prune(directory: Arc<dyn Directory>) -> Result<Pruned, CimError> {
    let lease = Lease::take(directory)?;
    let directory = &**lease.directory();
    let mut names = list(directory)?;
    let listed = listed_sets(directory, &names)?;
    names.retain(|name| files::set_of(name).is_some_and(|set| !listed.contains(&set)));
    names.sort_by_key(|name| !files::is_journal(name));
    let mut pruned = Pruned::default();
    let mut sets = HashSet::new();
    for name in names {
        let bytes = directory.open(&name).map_or(0, |bytes| bytes.as_slice().len());
        remove(directory, &name)?;
        pruned.bytes = pruned.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        pruned.sets = pruned.sets.saturating_add(u64::from(sets.insert(files::set_of(&name))));
    }
    Ok(pruned)
}
