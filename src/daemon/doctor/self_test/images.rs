//! The images that are written.

use std::fmt;

use super::sample;
use super::tree::Edit;

/// Who writes an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// The library.
    Native,
    /// The portable engine.
    Portable,
}

impl Engine {
    pub(super) const ALL: [Self; 2] = [Self::Native, Self::Portable];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Portable => "portable",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const BASE: &str = "base.cim";
const FORK: &str = "fork.cim";

/// Each image with the one that it is forked from.
pub(super) const IMAGES: [(&str, Option<&str>); 2] = [(BASE, None), (FORK, Some(BASE))];

/// Returns what is written into an image.
pub(super) fn edits(image: &str) -> Vec<Edit> {
    if image == BASE { sample::base() } else { sample::fork() }
}
