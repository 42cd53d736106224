//! What the name of an entry asks for: a file here, or a deletion there.

use super::error::NameError;
use crate::cim::{ImagePath, Name};

/// Begins the name of a whiteout.
const WHITEOUT: &[u8] = b".wh.";

/// Begins names by which AUFS kept its books, one of them still in use.
const BOOKKEEPING: &[u8] = b".wh..wh.";

/// Says that a directory shows nothing of the parent.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What the name of an entry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Something is made at this path.
    At(ImagePath),
    /// An alternate stream of the file at this path.
    Stream(ImagePath, Name),
    /// What the parent has at this path goes.
    Deleted(ImagePath),
    /// What the parent has in this directory goes.
    Opaque(ImagePath),
    /// Nothing.
    Ignored,
}

/// What the components of a path say of whiteouts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whiteout<'a> {
    /// No whiteout.
    None,
    /// Of this name, in the directory that the other components name.
    Of(&'a [u8]),
    /// Of all that is in the directory that the other components name.
    Opaque,
    /// A note of AUFS to itself.
    Bookkeeping,
}

impl<'a> Whiteout<'a> {
    /// Looks at components of a path, of which none is empty, `.` or `..`.
    pub(super) fn of(components: &[&'a [u8]]) -> Result<Self, NameError> {
        let Some((name, directories)) = components.split_last() else { return Ok(Self::None) };
        if *name == OPAQUE && !directories.iter().any(|name| name.starts_with(WHITEOUT)) {
            return Ok(Self::Opaque);
        }
        if components.iter().any(|name| name.starts_with(BOOKKEEPING)) {
            return Ok(Self::Bookkeeping);
        }
        if directories.iter().any(|name| name.starts_with(WHITEOUT)) {
            return Err(NameError::WhiteoutDirectory);
        }
        match name.strip_prefix(WHITEOUT) {
            None => Ok(Self::None),
            Some(b"" | b"." | b"..") => Err(NameError::EmptyWhiteout),
            Some(name) => Ok(Self::Of(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &'static str) -> Result<Whiteout<'static>, NameError> {
        Whiteout::of(&path.split('/').map(str::as_bytes).collect::<Vec<_>>())
    }

    #[test]
    fn whiteouts_are_told_by_their_names() {
        let good = [
            ("a/b", Whiteout::None),
            ("a/.w", Whiteout::None),
            ("a/.wh.b", Whiteout::Of(b"b")),
            (".wh...b", Whiteout::Of(b"..b")),
            (".wh..wh..opq", Whiteout::Opaque),
            ("a/.wh..wh..opq", Whiteout::Opaque),
            ("a/.wh..wh.plnk/1.2", Whiteout::Bookkeeping),
            (".wh..wh.aufs", Whiteout::Bookkeeping),
            (".wh..wh..opqx", Whiteout::Bookkeeping),
        ];
        good.into_iter().for_each(|(path, found)| assert_eq!(of(path).unwrap(), found, "{path}"));
        for bad in [".wh.", "a/.wh..", "a/.wh...", ".wh.a/b", ".wh.a/.wh.b", ".wh.a/.wh..wh..opq"] {
            assert!(of(bad).is_err() || of(bad).unwrap() == Whiteout::Bookkeeping, "{bad}");
        }
    }
}
