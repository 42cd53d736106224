//! Layers that the library of Windows writes.

use std::path::PathBuf;

use super::{CommitError, MissingHives, complete_registry, links};
use crate::cim::{CaseRule, CimError, ImageName, ImagePath, LayerSet};
use crate::engine::native::{Cimfs, NativeLayer};
use crate::engine::{Engine, LayerSink, Native};
use crate::layer::windows::registry::{HIVES, Hive};

/// Prepares an engine that takes a layer of Windows, and keeps the parts of the registry that are needed in the end.
pub fn native(
    library: Cimfs,
    directory: impl Into<PathBuf>,
    parent: Option<ImageName>,
    new: ImageName,
) -> Result<Native, CimError> {
    let files = match parent {
        Some(_) => HIVES.iter().map(Hive::delta).collect::<Result<Vec<ImagePath>, _>>()?,
        None => {
            let names = |hive: &Hive| [hive.live(), hive.log(1), hive.log(2)];
            HIVES.iter().flat_map(names).collect::<Result<_, _>>()?
        }
    };
    Ok(Native::new(library, directory, parent, new).keeping(files))
}

/// Completes a layer of Windows that was imported, and makes its image visible.
pub fn finish_native(mut layer: NativeLayer, missing: MissingHives) -> Result<ImageName, CommitError> {
    links::decide(layer.undecided_links(), &mut layer)?;
    let has_parent = layer.has_parent();
    complete_registry(&mut layer, has_parent, missing)?;
    Ok(layer.finish()?)
}

/// Makes an image of a layer that was converted without its parent: one of Windows, or an empty one of any system.
pub fn commit_native(layer: &LayerSet, engine: Native) -> Result<ImageName, CommitError> {
    let contents = layer.contents()?;
    let mut native = engine.begin(CaseRule::Fold)?;
    native.replay(&contents)?;
    finish_native(native, MissingHives::default())
}
