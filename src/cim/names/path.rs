//! Paths in an image, checked once at construction.

use std::fmt;

use zerocopy::little_endian::U16;

use super::{MAX_PATH_UNITS, Name, NameRef, SEPARATOR, upcase, wtf8};
use crate::cim::error::{CimError, InvalidInput};

/// A path from the root of an image. The empty path is the root itself.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ImagePath {
    /// Components, joined by backslashes.
    units: Vec<U16>,
}

impl ImagePath {
    /// The root directory.
    pub const ROOT: Self = Self { units: Vec::new() };

    /// Reads a path as people write it: `/` and `\` separate, and one may lead or trail.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, CimError> {
        let mut units = wtf8::decode(text.as_ref()).ok_or(InvalidInput::NotUnicode)?;
        for unit in &mut units {
            if unit.get() == u16::from(b'/') {
                *unit = U16::new(SEPARATOR);
            }
        }
        if units.last().is_some_and(|unit| unit.get() == SEPARATOR) {
            units.pop();
        }
        Self::from_units(&units)
    }

    /// Reads a path as the API of cimfs.h takes it: `\` separates, and one may lead.
    pub fn from_units(units: &[U16]) -> Result<Self, CimError> {
        let units = match units.split_first() {
            Some((first, rest)) if first.get() == SEPARATOR => rest,
            _ => units,
        };
        if units.len() > MAX_PATH_UNITS {
            return Err(InvalidInput::PathTooLong { units: units.len() }.into());
        }
        let path = Self { units: units.to_vec() };
        path.components().try_for_each(NameRef::check)?;
        Ok(path)
    }

    /// Returns whether this is the root directory.
    pub fn is_root(&self) -> bool {
        self.units.is_empty()
    }

    /// Yields the names from the root downwards.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = NameRef<'_>> {
        // Splitting the empty path would yield one empty component.
        let parts = (!self.is_root()).then(|| self.units.split(|unit| unit.get() == SEPARATOR));
        parts.into_iter().flatten().map(NameRef::from_units)
    }

    /// Returns whether this path is `above` or lies below it. Case counts.
    pub fn starts_with(&self, above: &Self) -> bool {
        match self.units.strip_prefix(&above.units[..]) {
            Some(rest) => above.is_root() || rest.first().is_none_or(|unit| unit.get() == SEPARATOR),
            None => false,
        }
    }

    /// Returns whether this path and another are one where case does not count.
    pub fn is_same(&self, other: &Self) -> bool {
        let upcase = upcase::standard();
        let is_same = |(a, b): (&U16, &U16)| upcase.unit(a.get()) == upcase.unit(b.get());
        self.units.len() == other.units.len() && self.units.iter().zip(&other.units).all(is_same)
    }

    /// Splits off the last name; `None` for the root.
    pub fn split_last(&self) -> Option<(PathRef<'_>, NameRef<'_>)> {
        if self.is_root() {
            return None;
        }
        let start = self.units.iter().rposition(|unit| unit.get() == SEPARATOR);
        let (parent, name) = match start {
            Some(at) => (&self.units[..at], &self.units[at + 1..]),
            None => (&self.units[..0], &self.units[..]),
        };
        Some((PathRef(parent), NameRef::from_units(name)))
    }

    /// Adds a name at the end.
    pub fn join(&self, name: NameRef<'_>) -> Result<Self, CimError> {
        let mut path = self.clone();
        path.push(name)?;
        Ok(path)
    }

    /// Adds a name at the end and returns how long the path was before, for [`truncate`](Self::truncate). After an
    /// error the path is as it was.
    pub(in crate::cim) fn push(&mut self, name: NameRef<'_>) -> Result<usize, CimError> {
        name.check()?;
        let before = self.units.len();
        let separator = usize::from(before > 0);
        let units = before.saturating_add(separator).saturating_add(name.units().len());
        if units > MAX_PATH_UNITS {
            return Err(InvalidInput::PathTooLong { units }.into());
        }
        self.units.extend(std::iter::repeat_n(U16::new(SEPARATOR), separator));
        self.units.extend_from_slice(name.units());
        Ok(before)
    }

    /// Takes back what [`push`](Self::push) has added.
    pub(in crate::cim) fn truncate(&mut self, before: usize) {
        self.units.truncate(before);
    }

    /// Returns the directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        self.split_last().map(|(parent, _)| Self { units: parent.0.to_vec() })
    }

    /// Returns the last name; `None` for the root.
    pub fn file_name(&self) -> Option<Name> {
        self.split_last().map(|(_, name)| name.to_owned())
    }

    /// Returns the units, joined by backslashes.
    pub fn units(&self) -> &[U16] {
        &self.units
    }

    /// Borrows the path.
    pub fn as_path_ref(&self) -> PathRef<'_> {
        PathRef(&self.units)
    }

    /// Returns the path as UTF-8 with `/` between the names and lone surrogates as three bytes.
    pub fn to_wtf8(&self) -> Vec<u8> {
        let mut text = wtf8::encode(&self.units);
        for byte in &mut text {
            if *byte == b'\\' {
                *byte = b'/';
            }
        }
        text
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_path_ref().fmt(f)
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// A borrowed, checked path: the front part of an [`ImagePath`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PathRef<'a>(&'a [U16]);

impl<'a> PathRef<'a> {
    /// Returns the units, joined by backslashes.
    pub fn units(self) -> &'a [U16] {
        self.0
    }

    /// Yields the names from the root downwards.
    pub fn components(self) -> impl Iterator<Item = NameRef<'a>> {
        let parts = (!self.0.is_empty()).then(|| self.0.split(|unit| unit.get() == SEPARATOR));
        parts.into_iter().flatten().map(NameRef::from_units)
    }
}

impl fmt::Display for PathRef<'_> {
    /// Shows the path with `/`, as the command line takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        for (i, name) in self.components().enumerate() {
            let separator = if i == 0 { "" } else { "/" };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_and_join() {
        let path = ImagePath::parse("/Windows/System32\\cmd.exe").unwrap();
        let names: Vec<_> = path.components().map(|name| name.to_string()).collect();
        assert_eq!(names, ["Windows", "System32", "cmd.exe"]);
        let (parent, name) = path.split_last().unwrap();
        assert_eq!((parent.to_string(), name.to_string()), ("/Windows/System32".into(), "cmd.exe".into()));
        assert_eq!(path.parent().unwrap().join(name).unwrap(), path);
        assert_eq!(path.to_string(), "/Windows/System32/cmd.exe");
    }

    #[test]
    fn paths_lie_below_others() {
        let below =
            |path, above| ImagePath::parse(path).unwrap().starts_with(&ImagePath::parse(above).unwrap());
        assert!(below("a/b", "a") && below("a/b", "a/b") && below("a", "") && below("", ""));
        assert!(!below("ab", "a") && !below("a", "a/b") && !below("A/b", "a"));
    }

    #[test]
    fn the_root_has_no_components() {
        for text in ["", "/", "\\"] {
            let root = ImagePath::parse(text).unwrap();
            assert!(root.is_root() && root.components().next().is_none() && root.split_last().is_none());
        }
    }

    #[test]
    fn bad_components_are_refused() {
        for bad in ["a//b", "../a", "a/./b", "a:b", "a/b//", &"ab/".repeat(11_000)] {
            assert!(ImagePath::parse(bad).is_err(), "{bad:?}");
        }
    }
}
