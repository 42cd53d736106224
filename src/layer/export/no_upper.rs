//! The upper directory of an overlay, on a system that has no overlays.

use std::io::Write;
use std::path::Path;

use super::{ChangesetOptions, ExportError, ExportSummary};
use crate::cim::Image;

/// Says that there are no overlays here.
pub fn export_upper(
    _base: Option<&Image>,
    upper: &Path,
    _out: impl Write,
) -> Result<ExportSummary, ExportError> {
    Err(ExportError::NoOverlays(upper.to_owned()))
}

/// Says that there are no overlays here.
pub fn export_upper_changeset(
    _base: Option<&Image>,
    upper: &Path,
    _options: ChangesetOptions,
    _out: impl Write,
) -> Result<ExportSummary, ExportError> {
    Err(ExportError::NoOverlays(upper.to_owned()))
}
