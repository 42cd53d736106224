//! The names of a Windows layer. Rules are strict, as no tool of Windows writes what breaks them; what tools on Linux
//! get wrong in the same way every time is mended.

use super::error::NameError;
use super::place::{Place, Whiteout};
use crate::cim::{ImagePath, Name};

/// What stands at the top of a layer, as an image spells it: the drive of the container, its registry, and the drive of
/// the virtual machine that a container may run in.
const FILES: &[u8] = b"Files";
const HIVES: &[u8] = b"Hives";
const UTILITY_VM: &[u8] = b"UtilityVM";

/// The one type that an alternate stream can have.
const DATA: &[u8] = b"$DATA";

/// Returns what the name of an entry asks for.
pub(super) fn place(name: &[u8]) -> Result<Place, NameError> {
    let mut components = rooted(split(name)?)?;
    let whiteout = Whiteout::of(&components)?;
    let Some(last) = components.pop() else { return Ok(Place::Ignored) };
    match whiteout {
        Whiteout::Bookkeeping => Ok(Place::Ignored),
        Whiteout::Opaque => Ok(Place::Opaque(in_drive(&components)?)),
        Whiteout::Of(name) => {
            in_drive(&components)?;
            components.push(name);
            Ok(Place::Deleted(image_path(&components)?))
        }
        Whiteout::None => match stream(last)? {
            None => {
                components.push(last);
                Ok(Place::At(image_path(&components)?))
            }
            Some((owner, stream)) => {
                components.push(owner);
                Ok(Place::Stream(image_path(&components)?, Name::new(stream)?))
            }
        },
    }
}

/// Returns the path that a hard link leads to. Some tools leave out the directory at the top.
pub(super) fn target(new: &ImagePath, link: &[u8]) -> Result<ImagePath, NameError> {
    let components = split(link)?;
    let bare = || rooted([&[FILES], &components[..]].concat());
    let existing = image_path(&rooted(components.clone()).or_else(|_| bare())?)?;
    let top = |path: &ImagePath| path.components().next().map(|name| name.to_wtf8());
    if top(new) != top(&existing) || top(new).is_none_or(|top| top == HIVES) {
        return Err(NameError::LinkAcross);
    }
    Ok(existing)
}

fn split(path: &[u8]) -> Result<Vec<&[u8]>, NameError> {
    let names = path.split(|byte| matches!(byte, b'/' | b'\\')).filter(|name| !matches!(*name, b"" | b"."));
    names.map(|name| if name == b".." { Err(NameError::Upwards) } else { Ok(name) }).collect()
}

/// Checks what stands at the top, and spells it as an image does.
fn rooted(mut components: Vec<&[u8]>) -> Result<Vec<&[u8]>, NameError> {
    match &mut components[..] {
        [] => {}
        [top, ..] if top.eq_ignore_ascii_case(FILES) => *top = FILES,
        [top, ..] if top.eq_ignore_ascii_case(HIVES) => *top = HIVES,
        [top] if top.eq_ignore_ascii_case(UTILITY_VM) => *top = UTILITY_VM,
        [top, files, ..] if top.eq_ignore_ascii_case(UTILITY_VM) && files.eq_ignore_ascii_case(FILES) => {
            (*top, *files) = (UTILITY_VM, FILES);
        }
        _ => return Err(NameError::Outside),
    }
    Ok(components)
}

/// Returns the path of a directory in which whiteouts may stand.
fn in_drive(directory: &[&[u8]]) -> Result<ImagePath, NameError> {
    match directory {
        [FILES, ..] | [UTILITY_VM, FILES, ..] => image_path(directory),
        _ => Err(NameError::WhiteoutOfRoot),
    }
}

/// A file and its stream.
type Stream<'a> = (&'a [u8], &'a [u8]);

/// Splits the name of an alternate stream; `None` for the name of a file.
fn stream(name: &[u8]) -> Result<Option<Stream<'_>>, NameError> {
    let mut parts = name.split(|&byte| byte == b':');
    let owner = parts.next().unwrap_or_default();
    let Some(stream) = parts.next() else { return Ok(None) };
    let is_data = parts.next().is_none_or(|kind| kind.eq_ignore_ascii_case(DATA));
    if owner.is_empty() || stream.is_empty() || !is_data || parts.next().is_some() {
        return Err(NameError::StreamType);
    }
    Ok(Some((owner, stream)))
}

fn image_path(components: &[&[u8]]) -> Result<ImagePath, NameError> {
    Ok(ImagePath::parse(components.join(&b'/'))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    #[test]
    fn names_are_below_three_directories() {
        for (name, found) in [
            ("Files", "Files"),
            ("./files\\Windows//a/", "Files/Windows/a"),
            ("/HIVES/System_Delta", "Hives/System_Delta"),
            ("UtilityVM", "UtilityVM"),
            ("utilityvm/files/EFI", "UtilityVM/Files/EFI"),
            ("Files/a.", "Files/a."),
        ] {
            assert_eq!(place(name.as_bytes()).unwrap(), Place::At(path(found)), "{name}");
        }
        assert_eq!(place(b"./").unwrap(), Place::Ignored);
        for bad in [
            "bin/sh",
            "Files/../x",
            "..",
            "UtilityVM/x",
            "Files/a|b",
            "Files/a\x01",
            "Files/a:b/c",
            "C:/Files",
        ] {
            assert!(place(bad.as_bytes()).is_err(), "{bad}");
        }
        let lone = b"Files/\xED\xA0\x80";
        assert_eq!(place(lone).unwrap(), Place::At(ImagePath::parse(lone).unwrap()));
    }

    #[test]
    fn streams_have_an_owner_and_a_name() {
        let stream = |text: &str| Place::Stream(path("Files/a"), Name::new(text).unwrap());
        for name in ["Files/a:s", "Files/a:s:$DATA", "Files/a:s:$data"] {
            assert_eq!(place(name.as_bytes()).unwrap(), stream("s"), "{name}");
        }
        for bad in [
            "Files/a:",
            "Files/a::$DATA",
            "Files/a:s:$INDEX",
            "Files/a:s:$DATA:",
            "Files/:s",
            "Files/:",
            "a:s",
        ] {
            assert!(place(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn whiteouts_stay_in_the_drives() {
        assert_eq!(place(b"Files/.wh.a").unwrap(), Place::Deleted(path("Files/a")));
        assert_eq!(place(b"UtilityVM/Files/.wh.a").unwrap(), Place::Deleted(path("UtilityVM/Files/a")));
        assert_eq!(place(b"Files/a/.wh..wh..opq").unwrap(), Place::Opaque(path("Files/a")));
        for bad in [".wh.Files", "Hives/.wh.x", "UtilityVM/.wh.Files", ".wh..wh..opq", "Files/.wh."] {
            assert!(place(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_stay_in_their_drive() {
        let new = path("Files/new");
        assert_eq!(target(&new, b"Files/a").unwrap(), path("Files/a"));
        assert_eq!(target(&new, b"Windows\\a").unwrap(), path("Files/Windows/a"));
        for bad in ["UtilityVM/Files/a", "Hives/a", "../a", ""] {
            assert!(target(&new, bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(target(&path("Hives/a"), b"Hives/b").is_err());
        assert!(path("Files/Ä").is_same(&path("FILES/ä")) && !path("Files/a").is_same(&path("Files")));
    }
}
