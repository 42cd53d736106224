//! Names of keys and values: one or two bytes a unit, compared through the upper-case table.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::slice;

use zerocopy::IntoBytes;
use zerocopy::little_endian::U16;

use crate::cim::names::upcase;

/// The longest key name, in UTF-16 units.
pub(super) const MAX_KEY_NAME: usize = 255;

/// The longest value name, in UTF-16 units.
pub(super) const MAX_VALUE_NAME: usize = 16_383;

/// The separator of key paths, which no key name holds.
pub(super) const SEPARATOR: u16 = 0x5C;

/// The name of a key or a value: UTF-16 units, lone surrogates included. Equal names have equal units; use
/// [`Name::folded_cmp`] to compare as the registry does.
#[derive(Clone)]
pub struct Name<'a>(Repr<'a>);

#[derive(Clone)]
enum Repr<'a> {
    /// Every unit is below 0x100.
    Latin(Cow<'a, [u8]>),
    Wide(Cow<'a, [U16]>),
}

impl<'a> Name<'a> {
    /// Takes units below 0x100, one byte each.
    pub fn from_latin(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self(Repr::Latin(bytes.into()))
    }

    /// Takes UTF-16 units.
    pub fn from_units(units: impl Into<Cow<'a, [U16]>>) -> Self {
        Self(Repr::Wide(units.into()))
    }

    /// Returns the UTF-16 units.
    pub fn units(&self) -> impl Iterator<Item = u16> + '_ {
        match &self.0 {
            Repr::Latin(bytes) => Units::Latin(bytes.iter()),
            Repr::Wide(units) => Units::Wide(units.iter()),
        }
    }

    /// Returns the number of UTF-16 units.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Latin(bytes) => bytes.len(),
            Repr::Wide(units) => units.len(),
        }
    }

    /// Returns whether this is the empty name, which the default value of a key has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Orders names as subkey lists are sorted: by upper-cased units.
    pub fn folded_cmp(&self, other: &Name<'_>) -> Ordering {
        self.folded().cmp(other.folded())
    }

    /// Borrows the name.
    pub fn borrowed(&self) -> Name<'_> {
        match &self.0 {
            Repr::Latin(bytes) => Name::from_latin(&**bytes),
            Repr::Wide(units) => Name::from_units(&**units),
        }
    }

    /// Returns the hash that a leaf keeps beside a child.
    pub(super) fn leaf_hash(&self) -> u32 {
        self.folded().fold(0, |hash: u32, unit| hash.wrapping_mul(37).wrapping_add(u32::from(unit)))
    }

    /// Returns the bytes to store, and whether they are one byte a unit.
    pub(super) fn stored(&self) -> (Cow<'_, [u8]>, bool) {
        match &self.0 {
            Repr::Latin(bytes) => (Cow::Borrowed(bytes), true),
            Repr::Wide(units) => match narrowed(units) {
                Some(bytes) => (Cow::Owned(bytes), true),
                None => (Cow::Borrowed(units.as_bytes()), false),
            },
        }
    }

    fn folded(&self) -> impl Iterator<Item = u16> + '_ {
        let upcase = upcase::standard();
        self.units().map(move |unit| upcase.unit(unit))
    }
}

/// Returns one byte a unit, where that is enough.
fn narrowed(units: &[U16]) -> Option<Vec<u8>> {
    units.iter().map(|unit| u8::try_from(unit.get()).ok()).collect()
}

enum Units<'n> {
    Latin(slice::Iter<'n, u8>),
    Wide(slice::Iter<'n, U16>),
}

impl Iterator for Units<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        match self {
            Self::Latin(bytes) => bytes.next().map(|&byte| u16::from(byte)),
            Self::Wide(units) => units.next().map(|unit| unit.get()),
        }
    }
}

impl From<&str> for Name<'_> {
    fn from(text: &str) -> Self {
        let units: Vec<U16> = text.encode_utf16().map(U16::new).collect();
        match narrowed(&units) {
            Some(bytes) => Self::from_latin(bytes),
            None => Self::from_units(units),
        }
    }
}

impl PartialEq<Name<'_>> for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        self.units().eq(other.units())
    }
}

impl Eq for Name<'_> {}

/// Prints ASCII: printable characters but `"` and `\` stand for themselves, all other units are `\u` and four digits.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unit in self.units() {
            match u8::try_from(unit) {
                Ok(byte @ (b' '..=b'~')) if byte != b'"' && byte != b'\\' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "\\u{unit:04x}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_real_hives() {
        for (name, hash) in [
            ("ControlSet001", 0x8F3B_A9A2),
            ("MountedDevices", 0xFC7A_072B),
            ("Services", 0x227A_F730),
            ("ROOT", 0x0041_1300),
        ] {
            assert_eq!(Name::from(name).leaf_hash(), hash, "{name}");
            assert_eq!(Name::from(name.to_lowercase().as_str()).leaf_hash(), hash, "{name}");
        }
    }

    #[test]
    fn names_compare_by_upper_cased_units_not_by_full_case_mapping() {
        let order = |a, b| Name::from(a).folded_cmp(&Name::from(b));
        assert_eq!(order("run", "RUN"), Ordering::Equal);
        assert_eq!(order("\u{e4}", "\u{c4}"), Ordering::Equal);
        assert_eq!(order("_", "a"), Ordering::Greater, "A (0x41) is below _ (0x5F)");
        assert_ne!(order("\u{df}2", "SS2"), Ordering::Equal, "sharp s stays");
        assert_eq!(order("\u{1f600}", "\u{f000}"), Ordering::Less, "by unit, so surrogates come first");
    }

    #[test]
    fn width_of_storage_makes_no_difference() {
        let wide = Name::from_units(vec![U16::new(0x41), U16::new(0xE4)]);
        assert_eq!(wide, Name::from("A\u{e4}"));
        assert_eq!(wide.stored(), (Cow::Borrowed(&b"A\xE4"[..]), true));
        assert!(!Name::from("\u{100}").stored().1);
    }

    #[test]
    fn text_is_ascii_and_unambiguous() {
        assert_eq!(Name::from("a\"b\\c\u{e4}\n").to_string(), "a\\u0022b\\u005cc\\u00e4\\u000a");
    }
}
