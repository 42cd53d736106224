//! A bound on work that an image can cause.

use crate::cim::error::Fault;

/// How many bytes of one kind may still be looked into. Objects that do not overlap fit into the regions of their
/// image; where they do not, somebody wants the work to go on for ever.
#[derive(Clone, Copy, Debug)]
pub(in crate::cim) struct Budget {
    what: &'static str,
    left: Option<u64>,
}

impl Budget {
    pub(in crate::cim) fn new(what: &'static str, bytes: u64) -> Self {
        Self { what, left: Some(bytes) }
    }

    /// Takes bytes off; fails from when there are too few.
    pub(in crate::cim) fn spend(&mut self, bytes: u64) -> Result<(), Fault> {
        self.left = self.left.and_then(|left| left.checked_sub(bytes));
        self.left.map(drop).ok_or(Fault::Excess { what: self.what })
    }

    /// Returns whether there were too few bytes.
    pub(in crate::cim) fn is_broken(&self) -> bool {
        self.left.is_none()
    }
}
