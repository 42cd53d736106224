//! The names of a Linux layer: whatever they say stays below the root, and every byte of them leads back.

use zerocopy::little_endian::U16;

use super::error::NameError;
use super::place::{Place, Whiteout};
use crate::cim::{ImagePath, wsl};

/// The longest name that a file system of Linux holds, in bytes. No such name is too long for an image.
const MAX_NAME_LEN: usize = 255;

/// Stands between the names of a path in an image, and in none of them.
const SEPARATOR: U16 = U16::new(0x5C);

/// Returns what the name of an entry asks for.
pub(super) fn place(name: &[u8]) -> Result<Place, NameError> {
    let mut components = cleaned(name);
    let whiteout = Whiteout::of(&components)?;
    match whiteout {
        Whiteout::None => Ok(Place::At(image_path(&components)?)),
        Whiteout::Bookkeeping => Ok(Place::Ignored),
        Whiteout::Of(name) => {
            components.pop();
            components.push(name);
            Ok(Place::Deleted(image_path(&components)?))
        }
        Whiteout::Opaque => {
            components.pop();
            Ok(Place::Opaque(image_path(&components)?))
        }
    }
}

/// Returns the path that a hard link leads to.
pub(super) fn target(link: &[u8]) -> Result<ImagePath, NameError> {
    image_path(&cleaned(link))
}

/// Splits a path into names. `..` goes up, but not past the root.
fn cleaned(path: &[u8]) -> Vec<&[u8]> {
    let mut components = Vec::new();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => drop(components.pop()),
            name => components.push(name),
        }
    }
    components
}

fn image_path(components: &[&[u8]]) -> Result<ImagePath, NameError> {
    if components.iter().any(|name| name.contains(&0)) {
        return Err(NameError::Nul);
    }
    if let Some(name) = components.iter().find(|name| name.len() > MAX_NAME_LEN) {
        return Err(NameError::TooLong { len: name.len() });
    }
    let mut units = Vec::new();
    for name in components {
        units.extend((!units.is_empty()).then_some(SEPARATOR));
        units.extend(wsl::name_units(name).map(U16::new));
    }
    Ok(ImagePath::from_units(&units)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Place {
        Place::At(ImagePath::parse(text).unwrap())
    }

    #[test]
    fn paths_stay_below_the_root() {
        for (name, path) in [
            ("./", ""),
            ("a/./b//c/", "a/b/c"),
            ("/etc/passwd", "etc/passwd"),
            ("../../../etc", "etc"),
            ("a/../../b", "b"),
            ("..", ""),
            ("...", "..."),
        ] {
            assert_eq!(place(name.as_bytes()).unwrap(), at(path), "{name}");
        }
        assert_eq!(target(b"/../x").unwrap(), ImagePath::parse("x").unwrap());
    }

    #[test]
    fn names_that_windows_forbids_are_escaped() {
        assert_eq!(place(b"a:b\\c|\x01").unwrap(), at("a\u{F03A}b\u{F05C}c\u{F07C}\u{F001}"));
        assert_eq!(place("ü/名".as_bytes()).unwrap(), at("ü/名"));
        assert_eq!(place(b"a\xFF").unwrap(), Place::At(ImagePath::parse(b"a\xED\xB3\xBF").unwrap()));
        assert!(place(b"a\0b").is_err());
    }

    #[test]
    fn names_have_at_most_255_bytes() {
        for c in ["x", ":", "\u{F03A}", "é", "名", "\u{1F600}"] {
            let fits = c.repeat(255 / c.len());
            assert!(matches!(place(fits.as_bytes()), Ok(Place::At(_))), "{c}");
            let long = fits + &"x".repeat(c.len());
            let long = place(long.as_bytes());
            assert!(matches!(long, Err(NameError::TooLong { len: 256.. })), "{c}");
        }
        assert!(place(&[0xFF; 255]).is_ok() && place(&[0xFF; 256]).is_err());
        let whiteout = [b".wh.", &[b'x'; 255][..]].concat();
        assert!(matches!(place(&whiteout), Ok(Place::Deleted(_))));
    }

    #[test]
    fn whiteouts_name_what_goes() {
        let path = |text| ImagePath::parse(text).unwrap();
        assert_eq!(place(b"./a/.wh.b").unwrap(), Place::Deleted(path("a/b")));
        assert_eq!(place(b".wh.a:b").unwrap(), Place::Deleted(path("a\u{F03A}b")));
        assert_eq!(place(b"a/.wh..wh..opq").unwrap(), Place::Opaque(path("a")));
        assert_eq!(place(b".wh..wh..opq").unwrap(), Place::Opaque(ImagePath::ROOT));
        assert_eq!(place(b"a/.wh..wh.orph").unwrap(), Place::Ignored);
        assert!(place(b"a/.wh..").is_err());
    }
}
