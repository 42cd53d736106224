//! Names on their way between Linux and an image.

use zerocopy::little_endian::U16;

use super::ViewError;
use crate::cim::names::{self, MAX_NAME_UNITS, NameRef};
use crate::cim::{Name, wsl};

/// A name to be looked up. On the stack, because look-ups are many.
pub(super) struct NameBuffer {
    units: [U16; MAX_NAME_UNITS],
    len: usize,
}

impl NameBuffer {
    /// Takes the bytes that somebody asks for. `None` where no name in any image can be meant.
    pub(super) fn new(bytes: &[u8], linux: bool) -> Option<Self> {
        let mut buffer = Self { units: [U16::ZERO; MAX_NAME_UNITS], len: 0 };
        if linux {
            wsl::name_units(bytes).try_for_each(|unit| buffer.push(unit))?;
        } else if let Ok(text) = std::str::from_utf8(bytes) {
            text.encode_utf16().try_for_each(|unit| buffer.push(unit))?;
        } else {
            // Lone surrogates, which are rare.
            let name = Name::new(bytes).ok()?;
            name.as_ref().units().iter().try_for_each(|unit| buffer.push(unit.get()))?;
        }
        (buffer.len > 0).then_some(buffer)
    }

    pub(super) fn as_ref(&self) -> NameRef<'_> {
        NameRef::from_units(&self.units[..self.len])
    }

    fn push(&mut self, unit: u16) -> Option<()> {
        *self.units.get_mut(self.len)? = U16::new(unit);
        self.len += 1;
        Some(())
    }
}

/// Appends a name of an image as Linux shows it. Looking that up finds the name again.
pub fn append_name(name: NameRef<'_>, linux: bool, out: &mut Vec<u8>) -> Result<(), ViewError> {
    let start = out.len();
    let units = || name.units().iter().map(|unit| unit.get());
    match linux {
        true => wsl::append_name(units(), out),
        false => names::append_wtf8(units(), out),
    }
    match &out[start..] {
        b"" => Err(ViewError::BadName("is empty")),
        b"." | b".." => Err(ViewError::BadName("is . or ..")),
        text if text.iter().any(|byte| matches!(byte, b'/' | 0)) => {
            Err(ViewError::BadName("holds a slash or NUL"))
        }
        text if linux && !wsl::is_name(units(), text) => {
            Err(ViewError::BadName("is not the form of any name of Linux"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(units: &[u16], linux: bool) -> Result<Vec<u8>, ViewError> {
        let units: Vec<_> = units.iter().map(|&unit| U16::new(unit)).collect();
        let mut out = Vec::new();
        append_name(NameRef::from_units(&units), linux, &mut out).map(|()| out)
    }

    #[test]
    fn names_lead_back_to_themselves() {
        let long = "é".repeat(255);
        let text = ["a", "a:b\\c", "名\u{1F600}", "x y.", &long].map(str::as_bytes);
        for name in text.into_iter().chain([&b"\xFF\xE9"[..], b"a\xED\xB2\x80"]) {
            let buffer = NameBuffer::new(name, true).unwrap();
            let units: Vec<u16> = buffer.as_ref().units().iter().map(|unit| unit.get()).collect();
            assert_eq!(shown(&units, true).unwrap(), name);
        }
        let lone = b"a\xED\xA0\x80";
        let buffer = NameBuffer::new(lone, false).unwrap();
        assert_eq!(buffer.as_ref().units().len(), 2);
    }

    #[test]
    fn only_linux_names_are_escaped() {
        let unit = |linux| NameBuffer::new(b":", linux).unwrap().as_ref().units()[0].get();
        assert_eq!((unit(true), unit(false)), (0xF03A, 0x3A));
        assert_eq!(shown(&[0xF03A], true).unwrap(), b":");
        assert_eq!(shown(&[0xF03A], false).unwrap(), "\u{F03A}".as_bytes());
    }

    #[test]
    fn names_that_nobody_can_mean_are_no_names() {
        assert!(NameBuffer::new(b"", true).is_none());
        assert!(NameBuffer::new(&[b'a'; 256], true).is_none());
        assert!(NameBuffer::new(b"\xFF", false).is_none());
    }

    #[test]
    fn names_that_linux_cannot_have_are_errors() {
        for units in [&[][..], &[0x2E], &[0x2E, 0x2E], &[0x61, 0x2F], &[0x61, 0]] {
            assert!(matches!(shown(units, true), Err(ViewError::BadName(_))), "{units:?}");
        }
        assert!(shown(&[0x2E, 0x2E, 0x2E], true).is_ok());
    }
}
