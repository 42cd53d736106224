//! Comparing objects with their digests, on several threads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{Checker, Severity};
use crate::cim::error::Fault;
use crate::cim::format::{DIGEST_LEN, DigestKind};
use crate::cim::units::RegionOffset;

/// Work is handed out in pieces of about this many bytes.
const PIECE: usize = 4 << 20;

/// Where this many digests of a region are all wrong, they are not wrong but computed in an unknown way.
const FOREIGN: usize = 16;

/// An object that is to be compared with its digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) offset: RegionOffset,
    pub(super) bytes: &'a [u8],
    pub(super) digest: [u8; DIGEST_LEN],
    pub(super) kind: DigestKind,
}

impl Job<'_> {
    fn holds(&self) -> bool {
        self.kind.of(self.bytes) == self.digest
    }
}

pub(super) fn check(checker: &mut Checker<'_>, mut jobs: Vec<Job<'_>>) {
    // In the order in which they lie on disk, so that it is read in one direction.
    jobs.sort_unstable_by_key(|job| job.offset);
    let bytes = jobs.iter().map(|job| job.bytes.len()).fold(0, usize::saturating_add);
    checker.report.seen.hashed = u64::try_from(bytes).expect("a usize fits a u64");
    let wrong = compare(&pieces(&jobs));
    let (mut total, mut failed) = (HashMap::new(), HashMap::new());
    jobs.iter().for_each(|job| *total.entry(job.offset.region()).or_insert(0usize) += 1);
    wrong.iter().for_each(|offset| *failed.entry(offset.region()).or_insert(0usize) += 1);
    let foreign = |region: u16| total.get(&region) == failed.get(&region) && total[&region] >= FOREIGN;
    let mut noted = None;
    for offset in wrong {
        if !foreign(offset.region()) {
            checker.error(offset, None, Fault::Digest);
        } else if noted.replace(offset.region()) != Some(offset.region()) {
            let place = checker.image.regions().place(offset);
            checker.find(Severity::Note, place, None, Fault::ForeignDigests);
        }
    }
}

/// Cuts the work into pieces.
fn pieces<'j, 'a>(mut jobs: &'j [Job<'a>]) -> Vec<&'j [Job<'a>]> {
    let mut pieces = Vec::new();
    while !jobs.is_empty() {
        let mut bytes = 0usize;
        let full = jobs.iter().position(|job| {
            bytes = bytes.saturating_add(job.bytes.len());
            bytes >= PIECE
        });
        let (piece, rest) = jobs.split_at(full.map_or(jobs.len(), |last| last.saturating_add(1)));
        pieces.push(piece);
        jobs = rest;
    }
    pieces
}

/// Returns where the objects lie whose digests are wrong, in order.
fn compare(pieces: &[&[Job<'_>]]) -> Vec<RegionOffset> {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let work = || {
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = piece.iter().filter(|job| !job.holds()).map(|job| job.offset);
            let found: Vec<RegionOffset> = found.collect();
            wrong.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(pieces.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    wrong.sort_unstable();
    wrong
}
