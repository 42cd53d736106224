//! Every file name that lies in a containing directory.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{CimError, InvalidInput};
use super::format::Guid;

/// Ends the name of a file that is not published yet.
pub const PART: &str = ".part";

/// Ends the name of an image.
pub const IMAGE: &str = ".cim";

/// Names what is locked by whoever writes in the directory. It holds nothing.
pub const LOCK: &str = ".cim-writer.lock";

/// Begins the name of a note, before the digits of a blob's digest.
const NOTE: &str = "blob_sha256-";

/// Names region file `index` of a set.
pub fn region(set: Guid, index: u16) -> String {
    format!("region_{set}_{index}")
}

/// Names the object-id file of region `index` of a set.
pub fn object_ids(set: Guid, index: u16) -> String {
    format!("objectid_{set}_{index}")
}

/// Names the links of the image that was written with a set.
pub fn links(set: Guid) -> String {
    format!("links_{set}")
}

/// Names the journal of a layer set.
pub fn journal(set: Guid) -> String {
    format!("journal_{set}")
}

/// Returns whether a file is the journal of a layer set.
pub fn is_journal(name: &str) -> bool {
    name.starts_with("journal_") && set_of(name).is_some()
}

/// Names the note of what a blob holds. `digits` are those of the blob's digest.
pub fn note(digits: &str) -> String {
    format!("{NOTE}{digits}")
}

/// Returns whether a file is a note of what a blob holds.
pub fn is_note(name: &str) -> bool {
    name.starts_with(NOTE)
}

/// Names a file before it is published.
pub fn part(name: &str) -> String {
    format!("{name}{PART}")
}

/// Returns the region set that a file belongs to, published or not; `None` for images and strangers.
pub fn set_of(name: &str) -> Option<Guid> {
    let name = name.strip_suffix(PART).unwrap_or(name);
    let (kind, rest) = name.split_once('_')?;
    let (guid, index) = match kind {
        "region" | "objectid" => rest.split_once('_').map(|(guid, index)| (guid, Some(index)))?,
        "links" | "journal" => (rest, None),
        _ => return None,
    };
    let canonical = |index: &str| index.parse::<u16>().is_ok_and(|number| number.to_string() == index);
    if index.is_some_and(|index| !canonical(index)) {
        return None;
    }
    guid.parse().ok().filter(|parsed: &Guid| parsed.to_string() == guid)
}

/// The name of an image: a plain file name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ImageName(String);

impl ImageName {
    /// Checks a name.
    pub fn new(name: impl Into<String>) -> Result<Self, CimError> {
        let name = name.into();
        let plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0']);
        // A name that looks like one of our other files would be taken for garbage or for a region.
        if !plain || name.ends_with(PART) || set_of(&name).is_some() || is_note(&name) {
            return Err(InvalidInput::ImageName(name).into());
        }
        Ok(Self(name))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Splits the path of a `.cim` file into the containing directory and the image's name.
pub fn split_image_path(path: &Path) -> Result<(PathBuf, ImageName), CimError> {
    let bad = || InvalidInput::ImageName(path.display().to_string());
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(bad)?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok((directory, ImageName::new(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_name_their_set() {
        let set = Guid::from_content([7; 16]);
        for name in [region(set, 0), object_ids(set, 65_535), links(set), journal(set)] {
            assert_eq!(set_of(&name), Some(set), "{name}");
            assert_eq!(set_of(&part(&name)), Some(set), "{name}");
        }
        for name in
            ["a.cim", "region_", "region_x_0", &format!("region_{set}_65536"), &format!("region_{set}_00")]
        {
            assert_eq!(set_of(name), None, "{name}");
        }
    }

    #[test]
    fn image_names_are_plain() {
        for bad in ["", "..", "a/b.cim", "a.cim.part", &region(Guid::from_content([1; 16]), 0)] {
            assert!(ImageName::new(bad).is_err(), "{bad}");
        }
        let (directory, name) = split_image_path(Path::new("x.cim")).unwrap();
        assert_eq!((directory.as_path(), name.as_str()), (Path::new("."), "x.cim"));
    }
}
