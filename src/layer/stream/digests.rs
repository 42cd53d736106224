//! The digests of both sides, and how long they took.

use std::time::{Duration, Instant};

use super::format::Format;
use crate::layer::digest::{DigestAndSize, Hasher};

/// Takes them piece by piece.
#[derive(Debug)]
pub(super) struct Digests {
    /// `None` when the blob is the tar stream, which need not be hashed twice.
    blob: Option<Hasher>,
    tar: Hasher,
    spent: Duration,
}

/// What they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digested {
    pub(super) blob: DigestAndSize,
    pub(super) tar: DigestAndSize,
    pub(super) spent: Duration,
}

impl Digests {
    pub(super) fn new(format: Format) -> Self {
        let blob = (format != Format::Tar).then(Hasher::default);
        Self { blob, tar: Hasher::default(), spent: Duration::ZERO }
    }

    /// Takes bytes of the blob.
    pub(super) fn blob(&mut self, bytes: &[u8]) {
        if let Some(blob) = &mut self.blob {
            timed(&mut self.spent, || blob.update(bytes));
        }
    }

    /// Takes bytes of the tar stream.
    pub(super) fn tar(&mut self, bytes: &[u8]) {
        timed(&mut self.spent, || self.tar.update(bytes));
    }

    pub(super) fn finish(self) -> Digested {
        let tar = self.tar.finish();
        Digested { blob: self.blob.map_or(tar, Hasher::finish), tar, spent: self.spent }
    }
}

fn timed(total: &mut Duration, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    *total = total.saturating_add(start.elapsed());
}
