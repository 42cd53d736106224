//! The names of a layer's entries.

use std::cmp::Ordering;

use zerocopy::little_endian::U16;

use super::error::EntryError;
use crate::cim::names::upcase;
use crate::cim::reader::File;
use crate::cim::{CimError, FileId, Image, ImagePath, Name, NameRef, wsl};
use crate::layer::import::LayerOs;

/// Begins the name of a whiteout.
const WHITEOUT: &[u8] = b".wh.";

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
        if !text.is_empty() {
            text.push(b'/');
        }
        text.extend(of_linux(name)?);
    }
    Ok(if text.is_empty() { b".".to_vec() } else { text })
}

/// Returns the Linux name that a name in an image stands for.
pub(super) fn of_linux(name: NameRef<'_>) -> Result<Vec<u8>, EntryError> {
    let mut text = Vec::new();
    wsl::append_name(name.units().iter().map(|unit| unit.get()), &mut text);
    check(&text)?;
    let leads_back = wsl::is_name(name.units().iter().map(|unit| unit.get()), &text);
    if !leads_back || matches!(text.as_slice(), b"" | b"." | b"..") {
        return Err(EntryError::Name);
    }
    Ok(text)
}

/// Finds a Linux name in a directory of an image.
pub(super) fn find_linux(image: &Image, directory: &File, name: &[u8]) -> Result<Option<FileId>, CimError> {
    let units: Vec<U16> = wsl::name_units(name).map(U16::new).collect();
    image.child_exact(directory, NameRef::from_units(&units))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    #[test]
    fn names_of_linux_lead_back() {
        let text = |text| Names::new(LayerOs::Linux).text(&path(text));
        assert_eq!(text("").unwrap().unwrap(), b".");
        assert_eq!(text("a\u{F03A}/b\u{F05C}").unwrap().unwrap(), b"a:/b\\");
        assert!(matches!(text(".wh.a/b"), Err(EntryError::WhiteoutName)));
        let names = Names::new(LayerOs::Linux);
        assert_eq!(names.whiteout(&path("a/b")).unwrap().unwrap(), b"a/.wh.b");
        assert_eq!(names.of_directory(b"a".to_vec()), b"a/");
    }

    #[test]
    fn windows_has_three_directories_and_makes_some_files_itself() {
        let names = Names::new(LayerOs::Windows);
        for made in ["", "layout", "Hives/SAM_BASE", "hives/system_base"] {
            assert_eq!(names.text(&path(made)).unwrap(), None, "{made}");
        }
        for good in ["Files", "files/layout", "Hives/Sam_Delta", "UtilityVM", "UtilityVM/Files/x"] {
            assert_eq!(names.text(&path(good)).unwrap().unwrap(), good.as_bytes());
        }
        for bad in ["x", "UtilityVM/x"] {
            assert!(matches!(names.text(&path(bad)), Err(EntryError::Outside)), "{bad}");
        }
    }

    #[test]
    fn windows_deletes_and_links_within_a_drive() {
        let names = Names::new(LayerOs::Windows);
        for good in ["Files/a", "UtilityVM/Files/a"] {
            assert!(names.whiteout(&path(good)).unwrap().is_some(), "{good}");
        }
        assert_eq!(names.whiteout(&path("Hives/SAM_BASE")).unwrap(), None);
        for bad in ["Files", "Hives/a", "UtilityVM", "UtilityVM/Files"] {
            assert!(matches!(names.whiteout(&path(bad)), Err(EntryError::DeletedOutside)), "{bad}");
        }
        assert!(names.check_link(b"Files/a", b"files/b/c").is_ok());
        for (new, existing) in [(&b"Files/a"[..], &b"UtilityVM/Files/a"[..]), (b"Hives/a", b"Hives/b")] {
            assert!(matches!(names.check_link(new, existing), Err(EntryError::LinkAcross { .. })));
        }
        assert!(Names::new(LayerOs::Linux).check_link(b"a/b", b"c/d").is_ok());
    }
}
