//! The names of a layer's entries.

use std::cmp::Ordering;

use super::error::EntryError;
use crate::cim::names::upcase;
use crate::cim::{ImagePath, Name, NameRef, wsl};
use crate::layer::import::LayerOs;

/// Begins the name of a whiteout.
const WHITEOUT: &[u8] = b".wh.";

/// Tells that a directory shows nothing of the parent.
#[cfg(target_os = "linux")]
pub(super) const OPAQUE: &[u8] = b".wh..wh..opq";

/// Ends the names of the merged hives in `Hives`, which an import makes.
const MERGED_HIVE: &[u8] = b"_BASE";

/// Orders names as a listing by their bytes would, upper case before lower.
pub(super) fn order(a: NameRef<'_>, b: NameRef<'_>) -> Ordering {
    a.raw_cmp(b)
}

/// Gives paths of an image the names that they have in a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    os: LayerOs,
}

impl Names {
    pub(super) fn new(os: LayerOs) -> Self {
        Self { os }
    }

    /// Returns the name of an entry; `None` for what an import makes, and no layer has.
    pub(super) fn text(self, path: &ImagePath) -> Result<Option<Vec<u8>>, EntryError> {
        match self.os {
            LayerOs::Linux => linux(path).map(Some),
            LayerOs::Windows => windows(path),
        }
    }

    /// Returns the name of a directory's entry, as tools of the system write it.
    pub(super) fn of_directory(self, mut text: Vec<u8>) -> Vec<u8> {
        if self.os == LayerOs::Linux {
            text.push(b'/');
        }
        text
    }

    /// Returns the name of the whiteout of a path; `None` for what an import makes.
    pub(super) fn whiteout(self, path: &ImagePath) -> Result<Option<Vec<u8>>, EntryError> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        if self.os == LayerOs::Windows && !is_in_drive(path) {
            return Err(EntryError::DeletedOutside);
        }
        Ok(Some(whiteout(&text)))
    }

    /// Checks that a hard link may lead from one name to another.
    pub(super) fn check_link(self, new: &[u8], existing: &[u8]) -> Result<(), EntryError> {
        let top = |path: &[u8]| path.split(|&byte| byte == b'/').next().map(<[u8]>::to_ascii_lowercase);
        let stays = self.os == LayerOs::Linux
            || (top(new) == top(existing) && top(new).is_none_or(|top| top != b"hives"));
        let target = || String::from_utf8_lossy(existing).into_owned();
        if stays { Ok(()) } else { Err(EntryError::LinkAcross { target: target() }) }
    }
}

/// Puts the mark of a whiteout before the last name of a path.
pub(super) fn whiteout(path: &[u8]) -> Vec<u8> {
    let start = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (directory, name) = path.split_at(start);
    [directory, WHITEOUT, name].concat()
}

/// Refuses a name that would be taken for a whiteout.
pub(super) fn check(name: &[u8]) -> Result<(), EntryError> {
    if name.starts_with(WHITEOUT) { Err(EntryError::WhiteoutName) } else { Ok(()) }
}

fn linux(path: &ImagePath) -> Result<Vec<u8>, EntryError> {
    let mut text = Vec::new();
    for name in path.components() {
        let start = text.len() + usize::from(!text.is_empty());
        text.resize(start, b'/');
        wsl::append_name(name.units().iter().map(|unit| unit.get()), &mut text);
        let bytes = text.get(start..).unwrap_or_default();
        check(bytes)?;
        let leads_back = wsl::name_units(bytes).eq(name.units().iter().map(|unit| unit.get()));
        if !leads_back || matches!(bytes, b"" | b"." | b"..") {
            return Err(EntryError::Name);
        }
    }
    Ok(if text.is_empty() { b".".to_vec() } else { text })
}

fn windows(path: &ImagePath) -> Result<Option<Vec<u8>>, EntryError> {
    let names: Vec<NameRef<'_>> = path.components().collect();
    match names.as_slice() {
        [] => return Ok(None),
        [top] if is(*top, "layout") => return Ok(None),
        [top, hive] if is(*top, "Hives") && is_merged(*hive) => return Ok(None),
        [top, ..] if is(*top, "Files") || is(*top, "Hives") => {}
        [top] if is(*top, "UtilityVM") => {}
        [top, files, ..] if is(*top, "UtilityVM") && is(*files, "Files") => {}
        _ => return Err(EntryError::Outside),
    }
    names.iter().try_for_each(|name| check(&name.to_wtf8()))?;
    Ok(Some(path.to_wtf8()))
}

/// Returns whether a path lies below a directory in which a layer may delete.
fn is_in_drive(path: &ImagePath) -> bool {
    let mut names = path.components();
    let top = names.next();
    let is_drive = match top {
        Some(top) if is(top, "UtilityVM") => names.next().is_some_and(|files| is(files, "Files")),
        Some(top) => is(top, "Files"),
        None => false,
    };
    is_drive && names.next().is_some()
}

fn is(name: NameRef<'_>, other: &str) -> bool {
    Name::new(other).is_ok_and(|other| name.folded_eq(other.as_ref(), upcase::standard()))
}

fn is_merged(name: NameRef<'_>) -> bool {
    name.to_wtf8().to_ascii_uppercase().ends_with(MERGED_HIVE)
}
