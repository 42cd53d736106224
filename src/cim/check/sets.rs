//! The region sets that an image lists, and the files that they name.

use std::collections::HashSet;

use super::{CheckOptions, Checker, Finding, Report, Severity};
use crate::cim::error::{CimError, Corruption, Fault, Place};
use crate::cim::files::{self, ImageName};
use crate::cim::format::RegionSet;
use crate::cim::io::Directory;
use crate::cim::reader::{Region, Regions, read_header};

/// Reports everything that keeps an image's files from being opened. Returns whether they can be tried.
pub(super) fn check_files(
    directory: &dyn Directory,
    name: &ImageName,
    options: CheckOptions,
    report: &mut Report,
) -> Result<bool, CimError> {
    let header = match read_header(directory, name) {
        Ok(header) => header,
        Err(error) => {
            report_corrupt(error, options, report)?;
            return Ok(false);
        }
    };
    let found = header.sets().map(|set| usize::from(set.count)).sum();
    if found > Regions::MAX {
        let place = Place { file: name.to_string(), offset: 0 };
        add(options, report, place, Fault::TooManyRegions { found });
        return Ok(false);
    }
    for set in header.sets() {
        for index in 0..set.count {
            check_region(directory, set, index, options, report)?;
        }
    }
    Ok(report.is_sound())
}

fn check_region(
    directory: &dyn Directory,
    set: RegionSet,
    index: u16,
    options: CheckOptions,
    report: &mut Report,
) -> Result<(), CimError> {
    let name = files::region(set.guid, index);
    let path = directory.path().join(&name);
    if !directory.exists(&name).map_err(|error| CimError::io("look for", path, error))? {
        add(options, report, Place { file: name, offset: 0 }, Fault::Missing);
        return Ok(());
    }
    match Region::open(directory, set, index) {
        Ok(_) => Ok(()),
        Err(error) => report_corrupt(error, options, report),
    }
}

/// Reports an error that is a fault of the image, and hands back any other.
pub(super) fn report_corrupt(
    error: CimError,
    options: CheckOptions,
    report: &mut Report,
) -> Result<(), CimError> {
    let Corruption { place, fault } = error.into_corruption()?;
    add(options, report, place, fault);
    Ok(())
}

fn add(options: CheckOptions, report: &mut Report, place: Place, fault: Fault) {
    let severity = Severity::Error;
    report.add(options.max_findings, severity, || Finding { severity, place, path: None, fault });
}

/// Checks the list of sets of an image that can be opened.
pub(super) fn check(checker: &mut Checker<'_>) {
    let image = checker.image;
    let mut seen = HashSet::new();
    for set in image.header().sets() {
        if !seen.insert(set.guid) {
            let place = Place { file: image.name().to_string(), offset: 0 };
            let reason = format!("{} is listed twice", set.guid);
            let fault = Fault::Malformed { what: "the list of region sets", reason };
            checker.find(Severity::Error, place, None, fault);
        }
    }
}
