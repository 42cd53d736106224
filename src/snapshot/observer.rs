//! Hearing of what was done.

use std::fmt;
use std::time::Duration;

use super::Garbage;
use crate::store::{ImageRow, LayerRow};

/// How a snapshot came to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The layer was converted for it.
    Converted,
    /// The layer was there when it was to be applied.
    Reused,
    /// The layer was there when the snapshot was prepared, so that nothing was applied.
    LeftOut,
    /// It did not.
    Failed,
}

impl Outcome {
    /// Returns what numbers and spans call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Reused => "reused",
            Self::LeftOut => "left_out",
            Self::Failed => "failed",
        }
    }
}

/// Hears of what was done, right after it, on whatever thread did it.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A snapshot got its layer, or did not.
    fn layered(&self, _outcome: Outcome) {}

    /// A layer was converted, also of what somebody wrote into a snapshot, or an image was made, or first the one and then
    /// the other. What was made has waited for the disk last, and in one go: the first of the two says how long.
    fn made(&self, _layer: Option<&LayerRow>, _image: Option<&ImageRow>) {}

    /// An image was mounted.
    fn mounted(&self, _took: Duration) {}

    /// What nobody needs any more was removed.
    fn collected(&self, _garbage: &Garbage) {}
}

/// Hears nothing.
impl Observer for () {}
