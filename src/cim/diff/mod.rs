//! What differs between two images: a walk through both at once, directory by directory.
//!
//! Ids, offsets and regions do not count, only what a mounted image shows. Names are compared as they are spelled:
//! a name that changes its case goes and comes.

mod compare;
#[cfg(test)]
mod tests;
mod walk;

use bitflags::bitflags;

use super::error::CimError;
use super::names::ImagePath;
use super::reader::{File, Image};
pub(crate) use compare::Comparer;
pub(crate) use walk::{Pair, Side, Walk};

bitflags! {
    /// What of a file differs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Changes: u16 {
        /// A file became a directory, or the reverse; nothing else is compared then.
        const KIND = 1;
        /// Attributes.
        const ATTRIBUTES = 2;
        /// One of the four times.
        const TIMES = 4;
        /// The data, or its length.
        const DATA = 8;
        /// The security descriptor.
        const SECURITY = 16;
        /// Extended attributes.
        const EAS = 32;
        /// The reparse data.
        const REPARSE = 64;
        /// Alternate streams: their names or their data.
        const STREAMS = 128;
        /// Which other names the file has.
        const LINKS = 256;
    }
}

/// One difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the right image has the path.
    Added {
        /// Whether it is a directory.
        directory: bool,
    },
    /// Only the left image has the path.
    Removed {
        /// Whether it is a directory.
        directory: bool,
    },
    /// Both have the path, but not the same there.
    Changed(Changes),
}

/// Hands over every difference between two images, a directory before what it holds, in name order.
///
/// Takes memory for the names of the directories that are open and for the hard links of both images. Directories with a
/// part that this library does not know are not entered.
pub fn diff<E: From<CimError>>(
    left: &Image,
    right: &Image,
    mut visit: impl FnMut(&ImagePath, Difference) -> Result<(), E>,
) -> Result<(), E> {
    let mut comparer = Comparer::new(left, right)?;
    let mut walk = Walk::new(Some(left), right, walk::disk_order);
    while let Some(pair) = walk.next()? {
        if let Some(difference) = difference(&mut comparer, pair)? {
            visit(walk.path(), difference)?;
        }
        let is_known = |file: &Option<File>| file.is_none_or(|file| file.unknown.is_none());
        if is_known(&pair.left) && is_known(&pair.right) {
            walk.enter(pair)?;
        }
    }
    Ok(())
}

fn difference(comparer: &mut Comparer<'_>, pair: Pair) -> Result<Option<Difference>, CimError> {
    Ok(match (&pair.left, &pair.right) {
        (Some(left), Some(right)) => {
            let changes = comparer.compare(left, right)?;
            (!changes.is_empty()).then_some(Difference::Changed(changes))
        }
        (Some(file), None) => Some(Difference::Removed { directory: file.is_directory() }),
        (None, Some(file)) => Some(Difference::Added { directory: file.is_directory() }),
        (None, None) => None,
    })
}
