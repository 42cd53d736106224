//! Symbolic links of a Windows layer that do not say whether they lead to a directory.
//!
//! Windows tells a link to a directory from one to a file, and follows neither to the other. Layers that were made on
//! Linux do not: only the whole tree shows where their links lead. So a link without attributes becomes one to a
//! directory if that is what it leads to when the layer lies over its parent.

use zerocopy::little_endian::U16;

use super::draft::Draft;
use crate::cim::reparse::Reparse;
use crate::cim::{CimError, ImagePath, Name, NameRef};
use crate::engine::native::Item;

/// The most links that Windows follows on one path.
const MAX_LINKS: usize = 63;

const SEPARATOR: u16 = b'\\' as u16;

/// Begins the substitute name of a link to the drive of the container.
const DRIVE: &str = r"\??\C:\";

/// Decides for the links of a layer that are undecided.
pub(super) fn decide(links: Vec<ImagePath>, writer: &mut impl Draft) -> Result<(), CimError> {
    for link in links {
        // Something else in the layer may have taken its place, or that of a directory above it.
        let is_there = matches!(writer.find(&link)?, Some(Item::Link { directory: false, .. }));
        if is_there && leads_to_directory(writer, &link)? {
            writer.lead_to_directory(&link)?;
        }
    }
    Ok(())
}

fn leads_to_directory(writer: &impl Draft, link: &ImagePath) -> Result<bool, CimError> {
    let Some(drive) = drive(link) else { return Ok(false) };
    let mut here = ImagePath::ROOT;
    let mut ahead: Vec<Step> = link.components().rev().map(|name| Step::Into(name.to_owned())).collect();
    let mut links = 0;
    while let Some(step) = ahead.pop() {
        let Step::Into(name) = step else {
            here = here.parent().filter(|_| here != drive).unwrap_or(here);
            continue;
        };
        let path = here.join(name.as_ref())?;
        let reparse = match writer.find(&path)? {
            Some(Item::Directory) => {
                here = path;
                continue;
            }
            Some(Item::Link { reparse, .. }) => reparse,
            Some(Item::File) | None => return Ok(false),
        };
        links += 1;
        let Some(target) = target(&reparse).filter(|_| links <= MAX_LINKS) else { return Ok(false) };
        if target.is_rooted {
            here = drive.clone();
        }
        ahead.extend(target.steps.into_iter().rev());
    }
    Ok(true)
}

/// Returns the directory that is the root of the drive where a link lies.
fn drive(link: &ImagePath) -> Option<ImagePath> {
    let drives = ["Files", "UtilityVM/Files"].into_iter().map(ImagePath::parse);
    drives.filter_map(Result::ok).find(|drive| link.starts_with(drive))
}

enum Step {
    Into(Name),
    Up,
}

/// Where a link leads.
struct Target {
    /// Whether that is counted from the root of the drive.
    is_rooted: bool,
    steps: Vec<Step>,
}

/// Returns where a link leads; `None` for what leads out of the image.
fn target(reparse: &[u8]) -> Option<Target> {
    match Reparse::parse(reparse).ok()? {
        Reparse::Symlink { substitute, relative: true, .. } => within_drive(substitute),
        Reparse::Symlink { substitute, .. } | Reparse::MountPoint { substitute, .. } => {
            after_drive(substitute)
        }
        _ => None,
    }
}

fn after_drive(substitute: &[U16]) -> Option<Target> {
    let (drive, rest) = substitute.split_at_checked(DRIVE.len())?;
    let is_drive = drive.iter().zip(DRIVE.encode_utf16()).all(|(a, b)| upper(a.get()) == upper(b));
    let target = within_drive(rest).filter(|_| is_drive)?;
    Some(Target { is_rooted: true, ..target })
}

fn within_drive(path: &[U16]) -> Option<Target> {
    let is_rooted = path.first().is_some_and(|unit| unit.get() == SEPARATOR);
    let names = path.split(|unit| unit.get() == SEPARATOR);
    let names = names.map(|units| units.iter().map(|unit| unit.get()).collect::<Vec<_>>());
    let mut steps = Vec::new();
    for name in names {
        match String::from_utf16(&name).as_deref() {
            Ok("" | ".") => {}
            Ok("..") => steps.push(Step::Up),
            _ => {
                let units: Vec<U16> = name.into_iter().map(U16::new).collect();
                steps.push(Step::Into(Name::from_ref(NameRef::from_units(&units)).ok()?));
            }
        }
    }
    Some(Target { is_rooted, steps })
}

fn upper(unit: u16) -> u16 {
    crate::cim::names::upcase::standard().unit(unit)
}
