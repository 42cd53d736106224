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

/// Hears of what was done, right after it, on whatever thread did it.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A snapshot got its layer, or did not.
    fn layered(&self, _outcome: Outcome) {}

    /// A layer was converted, also of what somebody wrote into a snapshot.
    fn converted(&self, _layer: &LayerRow) {}

    /// An image was made.
    fn forked(&self, _image: &ImageRow) {}

    /// An image was mounted.
    fn mounted(&self, _took: Duration) {}

    /// What nobody needs any more was removed.
    fn collected(&self, _garbage: &Garbage) {}
}

/// Hears nothing.
impl Observer for () {}
