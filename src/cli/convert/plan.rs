//! What there is to do for an image, with what is there already.

use std::collections::HashSet;
use std::sync::Arc;

use cimsnap::cim::io::Directory;
use cimsnap::cim::{CimError, ErrorKind, Guid, Image, ImageName, LayerSet, files};
use cimsnap::registry::{SourceImage, SourceLayer};

/// A layer, and the image that it is to be.
pub(super) struct Step<'i> {
    /// Counted from one.
    pub(super) number: usize,
    pub(super) layer: &'i SourceLayer,
    pub(super) set: Guid,
    pub(super) name: ImageName,
    /// Whether the image is there.
    pub(super) done: bool,
}

/// Plans the images of all layers, the lowest first.
pub(super) fn steps<'i>(
    directory: &Arc<dyn Directory>,
    image: &'i SourceImage,
) -> Result<Vec<Step<'i>>, CimError> {
    let layers = (1..).zip(&image.layers);
    layers
        .map(|(number, layer)| {
            let name = ImageName::new(format!("sha256-{}{}", layer.chain_id.hex(), files::IMAGE))?;
            let done = is_there(Image::open_in(directory.clone(), &name))?;
            Ok(Step { number, layer, set: image.os.set_id(&layer.diff_id), name, done })
        })
        .collect()
}

/// Returns the steps whose layer sets have to be made: one for each set, the largest first, so that none is begun last
/// that takes longest.
pub(super) fn sets_to_make<'s, 'i>(
    directory: &Arc<dyn Directory>,
    steps: &'s [Step<'i>],
) -> Result<Vec<&'s Step<'i>>, CimError> {
    let mut seen = HashSet::new();
    let mut missing = Vec::new();
    for step in steps.iter().filter(|step| !step.done) {
        if seen.insert(step.set) && !is_there(LayerSet::open(directory.clone(), step.set))? {
            missing.push(step);
        }
    }
    missing.sort_by_key(|step| std::cmp::Reverse(step.layer.blob.size));
    Ok(missing)
}

/// Tells what is not there from what cannot be used.
fn is_there<T>(opened: Result<T, CimError>) -> Result<bool, CimError> {
    match opened {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ImageNotFound => Ok(false),
        Err(error) => Err(error),
    }
}
