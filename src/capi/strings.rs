//! What the strings of a call mean: paths in an image, names of images, directories.

use std::path::PathBuf;

use zerocopy::little_endian::U16;

use super::hresult::Hresult;
use crate::cim::{ImageName, ImagePath, Name, NameRef};

const SEPARATOR: u16 = 0x5C;
const COLON: u16 = 0x3A;

/// The type of the streams that callers see.
const DATA: &str = "$DATA";

/// Something in an image that has data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A file or directory.
    File(ImagePath),
    /// An alternate stream of one.
    Stream(ImagePath, Name),
}

impl Item {
    /// Reads `path`, `path:stream` or `path:stream:$DATA`.
    pub(super) fn parse(units: &[U16]) -> Result<Self, Hresult> {
        let last =
            units.iter().rposition(|unit| unit.get() == SEPARATOR).map_or(0, |at| at.saturating_add(1));
        let mut parts = units[last..].split(|unit| unit.get() == COLON);
        let name = parts.next().unwrap_or_default();
        let (file, _) = units.split_at(last.saturating_add(name.len()));
        let file = ImagePath::from_units(file)?;
        let Some(stream) = parts.next() else { return Ok(Self::File(file)) };
        let kind_known = parts.next().is_none_or(is_data);
        if name.is_empty() || !kind_known || parts.next().is_some() {
            return Err(Hresult::INVALID_ARGUMENT);
        }
        Ok(Self::Stream(file, Name::from_ref(NameRef::from_units(stream))?))
    }
}

fn is_data(kind: &[U16]) -> bool {
    let kind = kind.iter().map(|unit| u8::try_from(unit.get()).unwrap_or(0).to_ascii_uppercase());
    kind.eq(DATA.bytes())
}

/// Reads the path of a file or directory in an image, other than the root where that makes no sense.
pub(super) fn path(units: &[U16]) -> Result<ImagePath, Hresult> {
    Ok(ImagePath::from_units(units)?)
}

/// Reads the name of an image.
pub(super) fn image_name(units: &[U16]) -> Result<ImageName, Hresult> {
    Ok(ImageName::new(text(units)?)?)
}

/// Reads the path of a directory or file of the operating system.
pub(super) fn system_path(units: &[U16]) -> Result<PathBuf, Hresult> {
    match units {
        [] => Err(Hresult::INVALID_ARGUMENT),
        units => Ok(os_path(units)?),
    }
}

#[cfg(windows)]
fn os_path(units: &[U16]) -> Result<PathBuf, Hresult> {
    use std::os::windows::ffi::OsStringExt;
    let units: Vec<u16> = units.iter().map(|unit| unit.get()).collect();
    Ok(std::ffi::OsString::from_wide(&units).into())
}

#[cfg(not(windows))]
fn os_path(units: &[U16]) -> Result<PathBuf, Hresult> {
    text(units).map(PathBuf::from)
}

fn text(units: &[U16]) -> Result<String, Hresult> {
    let text: Result<String, _> = char::decode_utf16(units.iter().map(|unit| unit.get())).collect();
    text.map_err(|_| Hresult::INVALID_ARGUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> Result<Item, Hresult> {
        let units: Vec<U16> = text.encode_utf16().map(U16::new).collect();
        Item::parse(&units)
    }

    #[test]
    fn streams_are_told_from_files() {
        let file = ImagePath::parse("d/f").unwrap();
        let stream = Item::Stream(file.clone(), Name::new("s").unwrap());
        assert_eq!(item(r"\d\f"), Ok(Item::File(file)));
        for text in [r"d\f:s", r"\d\f:s", r"d\f:s:$DATA", r"d\f:s:$data"] {
            assert_eq!(item(text), Ok(stream.clone()), "{text}");
        }
        assert_eq!(item(""), Ok(Item::File(ImagePath::ROOT)));
    }

    #[test]
    fn malformed_streams_are_refused() {
        for text in ["f:", "f::$DATA", ":s", r"\:s", r"d\:s", "f:s:", "f:s:$INDEX", "f:s:$DATA:x", r"a:b\c"] {
            assert_eq!(item(text), Err(Hresult::INVALID_ARGUMENT), "{text}");
        }
    }
}
