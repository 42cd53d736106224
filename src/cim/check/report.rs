//! What a check has found.

use std::fmt;

use crate::cim::error::{Fault, Place};
use crate::cim::format::Version;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Unusual: this library would have written it in another way, but reads it all the same.
    Note,
    /// Wrong: the image cannot be trusted.
    Error,
}

/// One thing that a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where the bytes lie.
    pub place: Place,
    /// The path of the file that they belong to, where one is known; of a very long path, the end.
    pub path: Option<String>,
    /// What is wrong with them.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        self.fault.fmt(f)
    }
}

/// What a check has found, and how much it has looked at.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The version of the image; `None` where it could not be opened.
    pub version: Option<Version>,
    /// What was found, in the order of the check; at most as many as were asked for.
    pub findings: Vec<Finding>,
    /// Number of errors, kept or not.
    pub errors: u64,
    /// Number of notes, kept or not.
    pub notes: u64,
    /// What was looked at.
    pub seen: Seen,
}

/// How much a check has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Names in directories; the root has none.
    pub names: u64,
    /// Files and directories that are reached from the root, the root included.
    pub files: u64,
    /// Objects in object-id files.
    pub objects: u64,
    /// Bytes whose digest was compared.
    pub hashed: u64,
}

impl Report {
    /// Returns whether there are no errors; notes do not count.
    pub fn is_sound(&self) -> bool {
        self.errors == 0
    }

    /// Returns the number of findings that were counted but not kept.
    pub fn dropped(&self) -> u64 {
        let kept = u64::try_from(self.findings.len()).expect("a usize fits a u64");
        self.errors.saturating_add(self.notes).saturating_sub(kept)
    }

    pub(super) fn add(&mut self, max: usize, severity: Severity, finding: impl FnOnce() -> Finding) {
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Note => &mut self.notes,
        };
        *count = count.saturating_add(1);
        if self.findings.len() < max {
            self.findings.push(finding());
        }
    }
}
