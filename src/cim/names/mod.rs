//! Names of files and streams: what is allowed, how they compare, how they turn into text and back.
//!
//! A name is UTF-16, as on disk, and may hold lone surrogates as NTFS names may. [`NameRef`] borrows the bytes of
//! an image; [`Name`] owns them. Text outside is UTF-8, with lone surrogates in their three-byte (WTF-8) form.

mod path;
pub mod upcase;
mod wtf8;

use std::cmp::Ordering;
use std::fmt;

use zerocopy::little_endian::U16;

pub use path::{ImagePath, PathRef};
pub use upcase::Upcase;

use super::error::{CimError, InvalidInput};

/// The longest name, in UTF-16 units.
pub const MAX_NAME_UNITS: usize = 255;

/// The longest path, in UTF-16 units, separators included.
pub const MAX_PATH_UNITS: usize = 32_767;

/// The separator of path components.
const SEPARATOR: u16 = 0x5C;

/// A borrowed name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameRef<'a>(&'a [U16]);

impl<'a> NameRef<'a> {
    /// Takes units that lie on disk; they obey no rule yet.
    pub fn from_units(units: &'a [U16]) -> Self {
        Self(units)
    }

    /// Returns the UTF-16 units.
    pub fn units(self) -> &'a [U16] {
        self.0
    }

    /// Returns an owned copy.
    pub fn to_owned(self) -> Name {
        Name(self.0.into())
    }

    /// Returns the name as UTF-8, with lone surrogates as three bytes each.
    pub fn to_wtf8(self) -> Vec<u8> {
        wtf8::encode(self.0)
    }

    /// Orders two names as directories are sorted: by upper-cased code points, a shorter prefix first, and by raw
    /// units where that leaves them equal.
    pub fn disk_cmp(self, other: Self, upcase: Upcase<'_>) -> Ordering {
        self.folded_cmp(other, upcase).then_with(|| self.raw_cmp(other))
    }

    /// Orders two names by upper-cased code points alone.
    pub fn folded_cmp(self, other: Self, upcase: Upcase<'_>) -> Ordering {
        folded(self.0, upcase).cmp(folded(other.0, upcase))
    }

    /// Orders two names by their code units.
    pub fn raw_cmp(self, other: Self) -> Ordering {
        self.0.iter().map(|unit| unit.get()).cmp(other.0.iter().map(|unit| unit.get()))
    }

    /// Returns whether both names are the same but for case.
    pub fn folded_eq(self, other: Self, upcase: Upcase<'_>) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(other.0).all(|(a, b)| a == b || upcase.unit(a.get()) == upcase.unit(b.get()))
    }

    /// Checks the rules for one component of a path.
    pub fn check(self) -> Result<(), CimError> {
        if self.0.is_empty() {
            return Err(InvalidInput::EmptyName.into());
        }
        if self.0.len() > MAX_NAME_UNITS {
            return Err(InvalidInput::NameTooLong { units: self.0.len() }.into());
        }
        let dots = self.0.iter().all(|unit| unit.get() == u16::from(b'.'));
        if dots && self.0.len() <= 2 {
            return Err(InvalidInput::DotName.into());
        }
        match self.0.iter().find(|unit| is_forbidden(unit.get())) {
            Some(unit) => {
                Err(InvalidInput::ForbiddenUnit { name: self.to_string(), unit: unit.get() }.into())
            }
            None => Ok(()),
        }
    }
}

/// Appends units as UTF-8, with lone surrogates as three bytes each. For callers that show many names.
pub fn append_wtf8(units: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    wtf8::append(units, out);
}

/// Returns whether Windows forbids a unit in names.
pub fn is_forbidden(unit: u16) -> bool {
    const FORBIDDEN: [u8; 9] = *b"\"*/:<>?\\|";
    unit < 0x20 || FORBIDDEN.iter().any(|&byte| u16::from(byte) == unit)
}

/// Yields the code points of a name, upper-cased where they lie in the BMP; a lone surrogate is its own value.
fn folded<'a>(units: &'a [U16], upcase: Upcase<'a>) -> impl Iterator<Item = u32> + 'a {
    let mut units = units.iter().map(|unit| unit.get()).peekable();
    std::iter::from_fn(move || {
        let unit = units.next()?;
        if (0xD800..0xDC00).contains(&unit)
            && let Some(low) = units.next_if(|low| (0xDC00..0xE000).contains(low))
        {
            return Some(0x1_0000 + (u32::from(unit & 0x3FF) << 10) + u32::from(low & 0x3FF));
        }
        Some(u32::from(upcase.unit(unit)))
    })
}

impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in char::decode_utf16(self.0.iter().map(|unit| unit.get())) {
            write!(f, "{}", c.unwrap_or(char::REPLACEMENT_CHARACTER))?;
        }
        Ok(())
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// An owned name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<[U16]>);

impl Name {
    /// Takes UTF-8 (or WTF-8) text and checks it as one component of a path.
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self, CimError> {
        let units = wtf8::decode(text.as_ref()).ok_or(InvalidInput::NotUnicode)?;
        let name = Self(units.into());
        name.as_ref().check()?;
        Ok(name)
    }

    /// Checks a borrowed name and copies it.
    pub fn from_ref(name: NameRef<'_>) -> Result<Self, CimError> {
        name.check()?;
        Ok(name.to_owned())
    }

    /// Borrows the name.
    pub fn as_ref(&self) -> NameRef<'_> {
        NameRef(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_ref(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(units: &[u16]) -> Name {
        Name(units.iter().map(|&unit| U16::new(unit)).collect())
    }

    fn order(a: &Name, b: &Name) -> Ordering {
        a.as_ref().folded_cmp(b.as_ref(), upcase::standard())
    }

    #[test]
    fn order_is_by_upper_case_then_length_then_raw() {
        let name = |text: &str| Name::new(text).unwrap();
        assert_eq!(order(&name("abc"), &name("ABD")), Ordering::Less);
        assert_eq!(order(&name("ab"), &name("ABC")), Ordering::Less);
        assert_eq!(order(&name("_"), &name("a")), Ordering::Greater, "A (0x41) is below _ (0x5F)");
        assert_eq!(order(&name("e"), &name("E")), Ordering::Equal);
        let upcase = upcase::standard();
        assert_eq!(name("e").as_ref().disk_cmp(name("E").as_ref(), upcase), Ordering::Greater);
    }

    #[test]
    fn supplementary_code_points_sort_above_the_bmp() {
        let supplementary = Name::new("\u{1F600}").unwrap();
        let private_use = Name::new("\u{F03A}").unwrap();
        assert_eq!(order(&supplementary, &private_use), Ordering::Greater);
        assert_eq!(order(&raw(&[0xD83D]), &private_use), Ordering::Less, "a lone surrogate is its own value");
    }

    #[test]
    fn rules_of_windows_names_hold() {
        for good in ["a", "...", "a.", " ", "CON", "名", "x".repeat(255).as_str()] {
            assert!(Name::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", "a:b", "a/b", "a\\b", "a\u{1f}", "a|b", "x".repeat(256).as_str()] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert!(Name::new([0xFF]).is_err());
    }

    #[test]
    fn lone_surrogates_survive_the_way_through_text() {
        let name = raw(&[0x61, 0xD800, 0x62, 0xDFFF]);
        assert_eq!(Name::new(name.as_ref().to_wtf8()).unwrap(), name);
    }
}
