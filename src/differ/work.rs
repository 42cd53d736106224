//! What is being converted right now.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::layer::digest::Digest;

/// A blob that is being converted, or that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Never given to another one.
    pub id: u64,
    /// The snapshot that it is for.
    pub key: String,
    /// The blob.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// How many of them were read.
    pub read: u64,
    /// Whether it waits: for a worker, or for somebody who converts the same blob.
    pub waits: bool,
    /// How long ago containerd asked for it.
    pub since: Duration,
}

/// All that is being converted.
#[derive(Debug, Default)]
pub(super) struct Bench {
    jobs: Mutex<BTreeMap<u64, Arc<Job>>>,
    last: AtomicU64,
}

#[derive(Debug)]
struct Job {
    key: String,
    digest: Digest,
    size: u64,
    read: AtomicU64,
    started: AtomicBool,
    cancelled: AtomicBool,
    since: Instant,
}

impl Bench {
    /// Adds a blob, until the ticket is dropped.
    pub(super) fn add(self: &Arc<Self>, key: String, digest: Digest, size: u64) -> Ticket {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let job = Arc::new(Job {
            key,
            digest,
            size,
            read: AtomicU64::default(),
            started: AtomicBool::default(),
            cancelled: AtomicBool::default(),
            since: Instant::now(),
        });
        self.jobs().insert(id, job.clone());
        Ticket { bench: self.clone(), id, job }
    }

    /// Lists everything, the oldest first.
    pub(super) fn list(&self) -> Vec<Work> {
        self.jobs().iter().map(|(id, job)| job.work(*id)).collect()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn work(&self, id: u64) -> Work {
        Work {
            id,
            key: self.key.clone(),
            digest: self.digest,
            size: self.size,
            read: self.read.load(Ordering::Relaxed),
            waits: !self.started.load(Ordering::Relaxed),
            since: self.since.elapsed(),
        }
    }
}

/// The place of one blob on the bench.
#[derive(Debug)]
pub(super) struct Ticket {
    bench: Arc<Bench>,
    id: u64,
    job: Arc<Job>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.bench.jobs().remove(&self.id);
    }
}

impl Ticket {
    /// Returns what makes the work stop once it is dropped: then nobody waits for it any more.
    pub(super) fn claim(&self) -> Claim {
        Claim(self.job.clone())
    }

    /// Begins to read the blob.
    pub(super) fn begin<R>(&self, blob: R) -> Counted<R> {
        self.job.started.store(true, Ordering::Relaxed);
        Counted { inner: blob, job: self.job.clone() }
    }

    /// Returns how long it has waited so far.
    pub(super) fn waited(&self) -> Duration {
        self.job.since.elapsed()
    }
}

/// Somebody who waits for the work.
#[derive(Debug)]
pub(super) struct Claim(Arc<Job>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}

/// A blob whose bytes are counted, until nobody waits for them any more.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    job: Arc<Job>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.job.cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for the layer any more"));
        }
        let len = self.inner.read(buf)?;
        self.job.read.fetch_add(u64::try_from(len).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_listed_while_it_is_done_and_stops_when_nobody_waits() {
        let bench = Arc::new(Bench::default());
        let digest = Digest::of(b"blob");
        let ticket = bench.add("key".to_owned(), digest, 4);
        let claim = ticket.claim();
        assert!(bench.list()[0].waits);

        let mut blob = ticket.begin(&b"blob"[..]);
        let mut half = [0; 2];
        blob.read_exact(&mut half).unwrap();
        let listed = bench.list();
        let expected = Work {
            id: 0,
            key: "key".to_owned(),
            digest,
            size: 4,
            read: 2,
            waits: false,
            since: listed[0].since,
        };
        assert_eq!(listed, [expected]);

        drop(claim);
        assert!(blob.read(&mut half).is_err());
        drop(ticket);
        assert_eq!(bench.list(), []);
    }
}
