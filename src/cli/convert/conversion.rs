//! A whole image: its layers become layer sets side by side, and images in order.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{ErrorKind, Guid, ImageName, LayerSet, Lease, WriterOptions};
use cimsnap::layer::commit::{MissingHives, fork};
use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::ImportError;
use cimsnap::registry::{Servers, Source, SourceImage};
use serde::Serialize;

use super::blob::{Blob, Layer, Stop};
use super::facts::stored;
use super::lines::Lines;
use super::plan::{self, Job, Step, Task};
use crate::cli::Result;
use crate::cli::text;
use crate::cli::ui::Ui;

/// Most layers that are read at once: each takes memory.
const MAX_WORKERS: usize = 16;

/// How often it is looked whether a directory is free.
const PULSE: Duration = Duration::from_millis(100);

/// The conversion of an image.
pub(crate) struct Conversion<'a> {
    source: &'a dyn Source,
    image: &'a SourceImage,
    directory: Arc<dyn Directory>,
    manner: Manner,
    lines: Lines,
    stop: Stop,
}

/// How to convert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) missing: MissingHives,
    /// How images and what they are made of are written.
    pub(crate) options: WriterOptions,
    /// Whether to wait while somebody else works in the directory, rather than to fail.
    pub(crate) waits: bool,
}

/// A blob that was read, with the layer set that was made of it if one was to be; or why it was not.
type Outcome = (Task, Result<Option<Layer>>);

/// The layer sets of a conversion, as they come.
struct Sets {
    pending: HashSet<Task>,
    made: HashMap<Guid, Layer>,
    outcomes: Receiver<Outcome>,
}

impl Sets {
    /// Waits for a layer set, and until all blobs that claim to be its layer have proved to be; `None` where it was
    /// there before, or came with a lower layer.
    fn take(&mut self, set: Guid) -> Result<Option<Layer>> {
        while self.pending.iter().any(|task| task.set == set) {
            let (task, layer) = self.outcomes.recv().context("a thread ended early")?;
            self.pending.remove(&task);
            self.made.extend(layer?.map(|layer| (task.set, layer)));
        }
        Ok(self.made.remove(&set))
    }
}

/// What is told of an image.
#[derive(Serialize)]
struct Row<'a> {
    image: &'a str,
    /// `made`, `committed` where the layer set was there, `kept` where the image was.
    state: &'static str,
    digest: String,
    diff_id: String,
    chain_id: String,
    set: String,
    /// Bytes of the tar, if it was read.
    tar_size: Option<u64>,
    /// Bytes of the region files that the layer takes.
    stored: u64,
    seconds: f64,
}

impl<'a> Conversion<'a> {
    pub(crate) fn new(
        source: &'a dyn Source,
        image: &'a SourceImage,
        to: &Path,
        manner: Manner,
        ui: &Ui,
    ) -> Result<Self> {
        std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
        let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(to));
        Ok(Self {
            source,
            image,
            directory,
            manner,
            lines: Lines::new(ui, image.layers.len()),
            stop: Stop::default(),
        })
    }

    /// Makes what is not there yet.
    pub(crate) fn run(&self) -> Result<()> {
        let steps = plan::steps(&self.directory, self.image)?;
        if steps.iter().all(Step::is_over) {
            return steps.iter().try_for_each(|step| self.tell(step, None, Duration::ZERO));
        }
        let lease = self.lease()?;
        // Whoever had the directory before may have made something since.
        let steps = plan::steps(&self.directory, self.image)?;
        let jobs = plan::jobs(&self.directory, &steps)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = cores.max(self.source.side_by_side()).min(MAX_WORKERS).min(jobs.len());
        let (sender, outcomes) = channel();
        self.lines.wait(jobs.iter().map(|job| job.step.number));
        let pending = jobs.iter().map(Job::task).collect();
        let queue = Mutex::new(jobs.into_iter());
        let mut sets = Sets { pending, made: HashMap::new(), outcomes };
        thread::scope(|scope| {
            for sender in vec![sender; workers] {
                let (queue, lease) = (&queue, &lease);
                scope.spawn(move || self.work(queue, lease, &sender));
            }
            let committed = self.commit_all(&lease, &steps, &mut sets);
            if committed.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            committed
        })
    }

    /// Takes the directory.
    fn lease(&self) -> Result<Lease> {
        let mut waiting = None;
        loop {
            match Lease::take(self.directory.clone()) {
                Err(error) if self.manner.waits && error.kind() == ErrorKind::Conflict => {
                    let directory = self.directory.path().display();
                    waiting
                        .get_or_insert_with(|| self.lines.other(format!("{directory} is in use: the pull")));
                    thread::sleep(PULSE);
                }
                lease => return Ok(lease?),
            }
        }
    }

    /// Reads blobs until there are none to read.
    fn work<'s>(
        &self,
        queue: &Mutex<impl Iterator<Item = Job<'s>>>,
        lease: &Lease,
        outcomes: &Sender<Outcome>,
    ) {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(job) = next().filter(|_| !self.stop.load(Ordering::Relaxed)) {
            // Nobody listens after a failure, and nobody needs to.
            drop(outcomes.send((job.task(), self.read(&job, lease))));
        }
    }

    /// Reads a blob, and makes a layer set of it if the job is to.
    fn read(&self, job: &Job<'_>, lease: &Lease) -> Result<Option<Layer>> {
        let (layer, count) = (job.step.layer, self.image.layers.len());
        let (number, digest) = (job.step.number, layer.blob.digest);
        let failed = || format!("cannot convert layer {number} of {count}, {digest}");
        let servers = Servers::default();
        loop {
            let read = self.read_once(job, lease, &servers);
            // Where one server sends other bytes, the next one is asked.
            let is_over = match read.as_ref().err().and_then(wrong_bytes) {
                Some(found) => !servers.reject(found),
                None => true,
            };
            if is_over {
                return read.with_context(failed);
            }
        }
    }

    fn read_once(&self, job: &Job<'_>, lease: &Lease, servers: &Servers) -> Result<Option<Layer>> {
        let layer = job.step.layer;
        let bytes = layer.open(self.source, servers)?;
        let progress = self.lines.of(job.step.number);
        progress.begin(layer.blob.size);
        let blob = Blob::new(bytes, layer.stream_options(), progress.clone(), self.stop.clone());
        let read = match job.makes {
            true => blob.import(lease, Some(self.image.os), self.manner.options).map(Some),
            false => blob.prove(lease).map(|()| None),
        };
        progress.end();
        read
    }

    /// Makes images in order, each as soon as its layer set is there.
    fn commit_all(&self, lease: &Lease, steps: &[Step<'_>], sets: &mut Sets) -> Result<()> {
        let mut parent = None;
        for step in steps {
            let layer = sets.take(step.set)?;
            if step.done {
                self.tell(step, None, Duration::ZERO)?;
            } else {
                let committing = Instant::now();
                self.commit(step, lease, parent)?;
                let took = layer.as_ref().map_or(Duration::ZERO, |layer| layer.took);
                self.tell(step, layer.as_ref(), took.saturating_add(committing.elapsed()))?;
            }
            parent = Some(&step.name);
        }
        Ok(())
    }

    fn commit(&self, step: &Step<'_>, lease: &Lease, parent: Option<&ImageName>) -> Result<()> {
        let set = LayerSet::open(lease, step.set)?;
        let forked = fork(&set, self.image.os, parent, &step.name, self.manner.options, self.manner.missing);
        let committed = forked.and_then(|image| Ok(image.commit()?));
        committed.map(drop).with_context(|| format!("cannot make the image of layer {}", step.number))
    }

    fn tell(&self, step: &Step<'_>, layer: Option<&Layer>, took: Duration) -> Result<()> {
        self.lines.remove(step.number);
        let stored = stored(&self.directory.path().join(step.name.as_str()), Some(step.set))?;
        let tar_size = layer.map(|layer| layer.stream.uncompressed.size);
        let state = match (step.done, layer) {
            (true, _) => "kept",
            (false, None) => "committed",
            (false, Some(_)) => "made",
        };
        let row = Row {
            image: step.name.as_str(),
            state,
            digest: step.layer.blob.digest.to_string(),
            diff_id: step.layer.diff_id.to_string(),
            chain_id: step.layer.chain_id.to_string(),
            set: step.set.to_string(),
            tar_size,
            stored,
            seconds: took.as_secs_f64(),
        };
        let told = match tar_size {
            Some(size) => format!("{} in {}", text::size(size), text::pace(size, took)),
            None if step.done => "was there".to_owned(),
            None => format!("its layer was there, {}", text::pace(0, took)),
        };
        let text = format!("{}: {told}; {} on disk", step.name, text::size(stored));
        Ok(self.lines.summary(&row, &text)?)
    }
}

/// Returns the digest of a blob that was not what its descriptor says, as far as its size was right.
fn wrong_bytes(error: &anyhow::Error) -> Option<Option<Digest>> {
    let Some(ImportError::Stream(stream)) = error.downcast_ref() else { return None };
    stream.is_of_other_blob().then(|| stream.found_digest())
}
