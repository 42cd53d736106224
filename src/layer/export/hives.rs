//! What a layer says of the registry of Windows.
//!
//! A layer has no merged hive, only what makes an import merge it: the changes over the parent, or, in a lowest layer, the
//! hive that Windows itself has. What an image has of these is what its own layer brought. That is enough where it was
//! laid over the image that is now its parent; where more layers lie between, or none lies below, something else has to be
//! written in its place.

use std::borrow::Cow;
use std::io::{self, Write};

use super::error::ExportError;
use super::links::Links;
use crate::cim::format::StreamKind;
use crate::cim::reader::File;
use crate::cim::{Image, ImagePath};
use crate::layer::hive::{HiveError, HiveView, Recovery, difference, merge_files, write};
use crate::layer::import::LayerOs;
use crate::layer::windows::registry::{DIRECTORY, HIVES, Hive};

/// The hives of an image that are not written as they are.
#[derive(Default)]
pub(super) struct Hives<'a> {
    /// Hives, and what is written for them.
    replaced: Vec<(ImagePath, Cow<'a, [u8]>)>,
    /// What a lowest layer does not have.
    left_out: Vec<ImagePath>,
}

impl<'a> Hives<'a> {
    pub(super) fn find(
        base: Option<&'a Image>,
        top: &'a Image,
        os: LayerOs,
        links: &mut Links<'a>,
    ) -> Result<Self, ExportError> {
        let mut found = Self::default();
        if os == LayerOs::Linux {
            return Ok(found);
        }
        for hive in &HIVES {
            // An image that has none was made of something else than layers.
            let Some(merged) = bytes(top, &hive.base()?)? else { continue };
            match base {
                Some(base) => found.add_delta(base, top, hive, merged, links)?,
                None => found.add_live(top, hive, merged)?,
            }
        }
        Ok(found)
    }

    /// Returns what is written in place of the data of a hive.
    pub(super) fn data(&self, path: &ImagePath) -> Option<&[u8]> {
        let found = self.replaced.iter().find(|(hive, _)| hive.is_same(path));
        found.map(|(_, bytes)| &**bytes)
    }

    /// Yields hives that have to be written, whether the image has them or not.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ImagePath> {
        self.replaced.iter().map(|(path, _)| path)
    }

    pub(super) fn is_left_out(&self, path: &ImagePath) -> bool {
        self.left_out.iter().any(|left_out| left_out.is_same(path))
    }

    /// Makes sure that an import merges a hive over that of the parent which is the one of the image.
    fn add_delta(
        &mut self,
        base: &'a Image,
        top: &'a Image,
        hive: &Hive,
        merged: &'a [u8],
        links: &mut Links<'a>,
    ) -> Result<(), ExportError> {
        let (path, delta) = (hive.base()?, hive.delta()?);
        let Some(lower) = bytes(base, &path)? else { return Ok(()) };
        let wrong = |source| ExportError::Hive { path: path.clone(), source };
        let is_enough = match changed(base, top, &delta, links)? {
            Some(changes) => gives(lower, changes, merged).map_err(wrong)?,
            None => lower == merged,
        };
        if is_enough {
            return Ok(());
        }
        let changes = delta_between(lower, merged).map_err(wrong)?;
        if !gives(lower, &changes, merged).map_err(wrong)? {
            return Err(ExportError::NoDelta(path));
        }
        self.replaced.push((delta, changes.into()));
        Ok(())
    }

    /// Makes sure that an import takes a hive for that of the image when nothing lies below.
    fn add_live(&mut self, top: &'a Image, hive: &Hive, merged: &'a [u8]) -> Result<(), ExportError> {
        self.left_out.extend([ImagePath::parse(DIRECTORY)?, hive.delta()?]);
        let live = bytes(top, &hive.live()?)?;
        let mut logs = Vec::new();
        for number in [1, 2] {
            logs.extend(bytes(top, &hive.log(number)?)?);
        }
        let recovered = live.and_then(|live| Recovery::plan(live, &logs).ok().flatten());
        let recovered = recovered.and_then(|recovery| recovery.to_vec().ok());
        if recovered.as_deref().or(live) != Some(merged) {
            self.replaced.push((hive.live()?, merged.into()));
        }
        Ok(())
    }
}

/// Returns the changes that the layer would have anyway.
fn changed<'a>(
    base: &Image,
    top: &'a Image,
    delta: &ImagePath,
    links: &mut Links<'_>,
) -> Result<Option<&'a [u8]>, ExportError> {
    let Some(new) = top.find(delta)? else { return Ok(None) };
    let is_kept = match base.find(delta)? {
        Some(old) => links.is_same(&old, &new)?,
        None => false,
    };
    if is_kept { Ok(None) } else { bytes(top, delta) }
}

/// Returns the delta between two hives, as a file.
fn delta_between(lower: &[u8], upper: &[u8]) -> Result<Vec<u8>, HiveError> {
    let (lower, upper) = (HiveView::open(lower)?, HiveView::open(upper)?);
    let mut bytes = Vec::new();
    if let Some(delta) = difference(&lower, &upper)? {
        write(&&delta, &mut bytes)?;
    }
    Ok(bytes)
}

/// Returns whether changes over a hive give another one, byte by byte.
fn gives(lower: &[u8], changes: &[u8], expected: &[u8]) -> Result<bool, HiveError> {
    let mut rest = Rest { expected, is_same: true };
    merge_files(lower, changes, &mut rest)?;
    Ok(rest.is_same && rest.expected.is_empty())
}

/// Compares what is written with what is expected.
struct Rest<'a> {
    expected: &'a [u8],
    is_same: bool,
}

impl Write for Rest<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.expected.strip_prefix(bytes) {
            Some(rest) => self.expected = rest,
            None => self.is_same = false,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the bytes of a hive; `None` where there is no plain file.
fn bytes<'a>(image: &'a Image, path: &ImagePath) -> Result<Option<&'a [u8]>, ExportError> {
    let Some(file) = image.find(path)? else { return Ok(None) };
    let File { data, .. } = file;
    let is_plain = data.len.get() == 0 || data.kind == StreamKind::Data;
    if file.is_directory() || file.is_reparse_point() || !is_plain {
        return Ok(None);
    }
    Ok(Some(image.regions().object("a registry hive", data.offset, data.len.get())?))
}
