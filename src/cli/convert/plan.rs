//! What there is to do for an image, with what is there already.

use std::collections::HashSet;
use std::sync::Arc;

use cimsnap::cim::io::Directory;
use cimsnap::cim::{CimError, ErrorKind, Guid, Image, ImageName, LayerSet, files};
use cimsnap::layer::digest::Digest;
use cimsnap::registry::{SourceImage, SourceLayer};

use super::notes::Notes;

/// A layer, and the image that it is to be.
pub(super) struct Step<'i> {
    /// Counted from one.
    pub(super) number: usize,
    pub(super) layer: &'i SourceLayer,
    pub(super) set: Guid,
    pub(super) name: ImageName,
    /// Whether the image is there.
    pub(super) done: bool,
    /// Whether the blob has been read, and has the diff id.
    pub(super) proved: bool,
}

impl Step<'_> {
    /// Returns whether there is nothing to do.
    pub(super) fn is_over(&self) -> bool {
        self.done && self.proved
    }
}

/// Plans the images of all layers, the lowest first.
pub(super) fn steps<'i>(
    directory: &Arc<dyn Directory>,
    image: &'i SourceImage,
) -> Result<Vec<Step<'i>>, CimError> {
    let notes = Notes::new(directory.clone());
    let layers = (1..).zip(&image.layers);
    layers
        .map(|(number, layer)| {
            let name = image_name(layer)?;
            let done = is_there(Image::open_in(directory.clone(), &name))?;
            let proved = notes.tell(&layer.blob.digest, &layer.diff_id);
            Ok(Step { number, layer, set: image.os.set_id(&layer.diff_id), name, done, proved })
        })
        .collect()
}

/// Names the image of a layer over those below it.
pub(crate) fn image_name(layer: &SourceLayer) -> Result<ImageName, CimError> {
    ImageName::new(format!("sha256-{}{}", layer.chain_id.hex(), files::IMAGE))
}

/// A blob to read.
pub(super) struct Job<'s> {
    pub(super) step: &'s Step<'s>,
    /// Whether a layer set is to be made of it. If not, it is read for the proof alone.
    pub(super) makes: bool,
}

impl Job<'_> {
    pub(super) fn task(&self) -> Task {
        Task { set: self.step.set, blob: self.step.layer.blob.digest }
    }
}

/// What a job is known by: its blob, and the layer set of what the blob claims to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Task {
    pub(super) set: Guid,
    pub(super) blob: Digest,
}

/// Returns the blobs to read: one for each layer set that has to be made, and all others whose diff ids nobody has
/// proved. The largest comes first, so that none is begun last that takes longest.
pub(super) fn jobs<'s>(
    directory: &Arc<dyn Directory>,
    steps: &'s [Step<'s>],
) -> Result<Vec<Job<'s>>, CimError> {
    let mut sets = HashSet::new();
    let mut jobs = Vec::new();
    for step in steps.iter().filter(|step| !step.done) {
        if sets.insert(step.set) && !is_there(LayerSet::open(directory.clone(), step.set))? {
            jobs.push(Job { step, makes: true });
        }
    }
    let mut tasks: HashSet<Task> = jobs.iter().map(Job::task).collect();
    let unproved = steps.iter().filter(|step| !step.proved).map(|step| Job { step, makes: false });
    jobs.extend(unproved.filter(|job| tasks.insert(job.task())));
    jobs.sort_by_key(|job| std::cmp::Reverse(job.step.layer.blob.size));
    Ok(jobs)
}

/// Tells what is not there from what cannot be used.
fn is_there<T>(opened: Result<T, CimError>) -> Result<bool, CimError> {
    match opened {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ImageNotFound => Ok(false),
        Err(error) => Err(error),
    }
}
