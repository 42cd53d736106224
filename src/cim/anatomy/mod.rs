//! A dump of every structure of an image, without file contents: what people send in when the reader fails.
//!
//! The dump reads fields at their offsets and judges as little as possible, so it works on images of any version and, as far as
//! their structures can be found, on damaged ones.
//!
//! ```text
//!   .cim ─► headers ─► regions (Space) ─► filesystem object ─► file tables ─► records
//!                                                                               │
//!                         region map ◄─ object ids ◄─ objects ◄─ link tables ◄──┘
//! ```
//!
//! * The output is ASCII. Names are quoted, and all but printable ASCII in them is escaped.
//! * No slice is taken outside a file. Structures that overlap are read until the budget, a multiple of the image's length, is
//!   spent; so the work is linear in the length of the image.
//! * Each section has at most [`AnatomyOptions::limit`] lines.
//! * Data of files and streams is never printed. Object ids of short objects, which Windows stores in place of a digest, are
//!   compared with the objects and not printed.

mod extents;
mod fields;
mod headers;
mod links;
mod names;
mod object_ids;
mod objects;
mod records;
mod report;
mod security;
mod single_file;
mod space;
#[cfg(test)]
mod tests;
mod upcase;

use std::collections::BTreeMap;
use std::io;

use super::error::{CimError, NotFound};
use super::io::Directory;
use super::units::RegionOffset;
use extents::Extents;
use headers::Header;
use names::Names;
use report::Report;
use space::Space;

/// Changes with the form of the dump.
const FORM: u32 = 1;

/// Lines of a section, unless all are asked for.
pub const DEFAULT_LIMIT: usize = 1000;

/// What a dump shows.
#[derive(Clone, Copy, Debug)]
pub struct AnatomyOptions {
    /// Whether names, and what else may identify people and machines, are replaced by hashes.
    pub anonymous: bool,
    /// The most lines of a section; `None` for all.
    pub limit: Option<usize>,
}

impl Default for AnatomyOptions {
    fn default() -> Self {
        Self { anonymous: false, limit: Some(DEFAULT_LIMIT) }
    }
}

/// Writes the anatomy of an image to `out` and returns the number of faults in it. `file` is a file of the directory.
pub fn anatomy(
    directory: &dyn Directory,
    file: &str,
    out: &mut dyn io::Write,
    options: AnatomyOptions,
) -> Result<u64, CimError> {
    let path = directory.path().join(file);
    let image = directory.open(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NotFound::Image(path.clone()).into(),
        _ => CimError::io("open", &path, error),
    })?;
    let image = image.as_slice();
    let header = Header::read(image);
    let space = Space::open(directory, &header);
    let names = Names::new(options.anonymous, image, &space);
    let mut report = Report::new(out, options.limit);
    report.line(format_args!("anatomy {FORM}, cimsnap {}", env!("CARGO_PKG_VERSION")));
    let shown = if options.anonymous { "hashed" } else { "shown" };
    report.line(format_args!("file {}: {} bytes, names are {shown}", names.text(file), image.len()));
    headers::image(image, &header, &mut report, &names);
    if headers::is_single_file(image, &header) {
        single_file::print(image, &mut report, &names);
    }
    headers::regions(&header, &space, &mut report);
    let mut anatomy =
        Anatomy { space: &space, names: &names, report, extents: Extents::default(), budget: space.budget() };
    anatomy.body(header.filesystem());
    object_ids::print(directory, &mut anatomy);
    extents::print(&mut anatomy);
    anatomy.report.finish().map_err(|error| CimError::io("write", "the anatomy", error))
}

/// A dump in the making.
struct Anatomy<'a, 'w> {
    space: &'a Space,
    names: &'a Names,
    report: Report<'w>,
    extents: Extents,
    /// Bytes that may still be looked into; `None` once they were too few.
    budget: Option<u64>,
}

/// Objects that records refer to, each with the first file that does.
#[derive(Debug, Default)]
struct Found {
    directories: BTreeMap<RegionOffset, u32>,
    streams: BTreeMap<RegionOffset, u32>,
    security: BTreeMap<RegionOffset, u32>,
    /// With the length that the record states.
    eas: BTreeMap<(RegionOffset, u16), u32>,
    reparse: BTreeMap<RegionOffset, u32>,
    pe_images: BTreeMap<RegionOffset, u32>,
}

impl<'a> Anatomy<'a, '_> {
    /// Prints everything that the filesystem object leads to.
    fn body(&mut self, filesystem: Option<RegionOffset>) {
        let mut found = Found::default();
        self.filesystem(filesystem, &mut found);
        self.link_tables(&mut found);
        self.objects(&found);
    }

    /// Returns the `len` bytes at an offset, notes the extent and takes it off the budget.
    fn object(&mut self, what: &'static str, of: u32, offset: RegionOffset, len: u64) -> Option<&'a [u8]> {
        match self.space.object(offset, len) {
            Ok(bytes) => {
                self.extents.add(what, of, offset, len);
                self.spend(len).then_some(bytes)
            }
            Err(reason) => {
                self.report.fault(format_args!(
                    "{what} of {of}: {len} bytes at {}: {reason}",
                    fields::place(offset)
                ));
                None
            }
        }
    }

    /// Returns as many bytes at an offset as there are, up to `len`, without noting them.
    fn front(&mut self, what: &'static str, of: u32, offset: RegionOffset, len: u64) -> Option<&'a [u8]> {
        match self.space.tail(offset) {
            Ok(tail) => {
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(tail.len());
                self.spend(fields::count(len)).then(|| &tail[..len])
            }
            Err(reason) => {
                self.report.fault(format_args!("{what} of {of} at {}: {reason}", fields::place(offset)));
                None
            }
        }
    }

    /// Takes bytes off the budget; `false` once too few are left.
    fn spend(&mut self, bytes: u64) -> bool {
        let was_left = self.budget.is_some();
        self.budget = self.budget.and_then(|left| left.checked_sub(bytes));
        if was_left && self.budget.is_none() {
            self.report.fault(format_args!("structures overlap too often; no more of them are read"));
        }
        self.budget.is_some()
    }
}
