//! Checking an image: every invariant of the format, all faults at once.
//!
//! ```text
//!   region sets ─► filesystem object, upcase table, file tables ─► names and files, from the root
//!                                                                        │
//!                  objects that overlap ◄─ object ids (deep: digests) ◄─ orphans, parents, links
//! ```
//!
//! Nothing is believed: work and memory are bounded by the size of the image's files. An object is checked once,
//! however many files share it; objects of one kind that are longer in all than their region cannot but overlap,
//! and those beyond are not looked into.

mod digests;
mod extents;
mod file;
mod ids;
mod links;
mod metadata;
mod object_ids;
mod pe;
mod report;
mod sets;
mod tables;
#[cfg(test)]
mod tests;
mod trail;
mod tree;

pub use report::{Finding, Report, Seen, Severity};

use std::sync::Arc;

use super::error::{CimError, Corruption, ErrorKind, Fault, Place};
use super::files::ImageName;
use super::io::Directory;
use super::reader::{Budget, Image};
use super::units::{FileId, RegionOffset};
use extents::{Claim, Extents, Kinds, Object};
use ids::Ids;
use trail::Trail;

/// What a check looks at and how much it says.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// Whether every object with a digest is read and compared.
    pub deep: bool,
    /// How many findings are kept; the others are counted.
    pub max_findings: usize,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { deep: false, max_findings: 1000 }
    }
}

/// Checks an image that can be opened.
pub fn check(image: &Image, options: CheckOptions) -> Report {
    let mut checker = Checker::new(image, options);
    sets::check(&mut checker);
    tables::check(&mut checker);
    tree::check(&mut checker);
    links::check(&mut checker);
    object_ids::check(&mut checker, options.deep);
    extents::check(&mut checker);
    checker.report
}

/// Opens an image and checks it. What keeps it from being opened is reported like any other fault, for every region
/// file; an error is what is no fault of the image: a name that does not exist, a version that is not known.
pub fn check_in(
    directory: Arc<dyn Directory>,
    name: &ImageName,
    options: CheckOptions,
) -> Result<Report, CimError> {
    let mut report = Report::default();
    if sets::check_files(&*directory, name, options, &mut report)? {
        match Image::open_in(directory, name) {
            Ok(image) => return Ok(check(&image, options)),
            Err(error) => sets::report_corrupt(error, options, &mut report)?,
        }
    }
    Ok(report)
}

/// An image that is being checked.
struct Checker<'a> {
    image: &'a Image,
    options: CheckOptions,
    report: Report,
    extents: Extents,
    /// For each region, what the regions of its set hold.
    siblings: Vec<Kinds>,
    /// How many bytes of file tables may still be read: tables may be shared.
    tables: Budget,
    /// Which file ids the file tables hold, and which were reached.
    ids: Ids,
    /// Every name below the root: the file, and the directory that holds the name.
    names: Vec<(FileId, FileId)>,
    /// Whether every name of the image was followed: without that, no file can be called an orphan.
    complete: bool,
}

impl<'a> Checker<'a> {
    fn new(image: &'a Image, options: CheckOptions) -> Self {
        Self {
            image,
            options,
            report: Report { version: Some(image.version()), ..Report::default() },
            extents: Extents::default(),
            siblings: Kinds::by_region(image),
            tables: Budget::new("file tables", image.regions().total_len()),
            ids: Ids::default(),
            names: Vec::new(),
            complete: true,
        }
    }

    /// Reports an error in the bytes at an offset.
    fn error(&mut self, offset: RegionOffset, trail: Option<&Trail>, fault: Fault) {
        self.find(Severity::Error, self.image.regions().place(offset), trail, fault);
    }

    /// Reports something unusual in the bytes at an offset.
    fn note(&mut self, offset: RegionOffset, trail: Option<&Trail>, fault: Fault) {
        self.find(Severity::Note, self.image.regions().place(offset), trail, fault);
    }

    /// Reports what the reader has refused.
    fn refused(&mut self, error: CimError, trail: Option<&Trail>) {
        // What is not known is not wrong.
        let is_unknown = error.kind() == ErrorKind::Unsupported;
        let severity = if is_unknown { Severity::Note } else { Severity::Error };
        let Corruption { place, fault } = error.into_corruption().unwrap_or_else(|error| Corruption {
            place: Place { file: self.image.name().to_string(), offset: 0 },
            fault: Fault::Unreadable { reason: error.to_string() },
        });
        self.find(severity, place, trail, fault);
    }

    fn find(&mut self, severity: Severity, place: Place, trail: Option<&Trail>, fault: Fault) {
        let finding = || Finding { severity, place, path: trail.map(Trail::to_string), fault };
        self.report.add(self.options.max_findings, severity, finding);
    }

    /// Checks where an object lies and returns its bytes.
    fn claim(&mut self, object: Object, offset: RegionOffset, len: u64, trail: Option<&Trail>) -> Claim<'a> {
        let image = self.image;
        let bytes = match image.regions().object(object.name(), offset, len) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.refused(error, trail);
                return Claim::Unusable;
            }
        };
        if len == 0 {
            return Claim::Known(bytes);
        }
        let Ok(region) = image.regions().region(object.name(), offset) else { return Claim::Unusable };
        let claim = self.extents.claim(object, offset, region, bytes);
        if !matches!(claim, Claim::Known(_)) {
            let siblings = self.siblings.get(usize::from(offset.region())).copied().unwrap_or_default();
            for fault in object.misplaced(offset, region.kind(), siblings) {
                self.error(offset, trail, fault);
            }
        }
        claim
    }
}

/// Returns a structure's size as the format counts.
fn size<T>() -> u64 {
    u64::try_from(size_of::<T>()).expect("a usize fits a u64")
}
