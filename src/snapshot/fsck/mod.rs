//! Does what the database says lie on the disk, and the other way round? And what can be done where not?
//!
//! ```text
//!   survey ─► rows without files, files without rows, rows that rows miss
//!      │
//!    deep ──► digests of files, rules of images
//!      │
//!   repair ─► stray files go; layers are converted again from their blobs; images are forked again
//! ```

mod deep;
mod heal;
mod layers;
mod report;
mod survey;
mod trees;

use std::error::Error;
use std::io::Read;
use std::sync::PoisonError;

pub use report::{Fault, Finding, Remedy, Report, Subject};

use super::{SnapshotError, Snapshots};
use crate::layer::digest::Digest;

/// What is looked at, and what is done about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsckOptions {
    /// Whether everything is read.
    pub deep: bool,
    /// Whether what can be repaired is.
    pub repair: bool,
}

/// Where the blobs of layers may still be.
pub trait Blobs {
    /// Opens a blob; `None` if it is gone.
    fn open(&self, blob: &Digest) -> Result<Option<Box<dyn Read + Send>>, Box<dyn Error + Send + Sync>>;
}

impl Snapshots {
    /// Checks everything that is kept, and repairs what can be repaired if that is wanted.
    ///
    /// While it repairs, nothing is committed and nothing removed.
    pub fn fsck(&self, options: FsckOptions, blobs: &dyn Blobs) -> Result<Report, SnapshotError> {
        let alone = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
        let survey = self.survey()?;
        let alone = options.repair.then_some(alone);
        let mut report = survey.report();
        if options.deep {
            self.look_deeper(&survey, &mut report)?;
        }
        if alone.is_some() {
            // What is made in place of a damaged file must not be replaced by what that once was.
            self.store.settle_all()?;
            self.heal(&survey, &mut report, blobs)?;
        }
        Ok(report)
    }
}
