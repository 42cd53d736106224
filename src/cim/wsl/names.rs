//! Names of Linux in an image.
//!
//! | in a name of Linux | in the image |
//! |---|---|
//! | a character that Windows forbids | U+F000 and its code |
//! | one of the characters that these escapes take | each byte of its UTF-8 as if that were not UTF-8 |
//! | a byte that is not UTF-8 | a lone surrogate: U+DC00 and the byte |
//! | any other character | itself |
//!
//! Every name has one form in an image, which decodes to the same bytes, so no two names share a form. A name never takes
//! more UTF-16 units than it has bytes.
//!
//! Earlier versions stored the characters in the second row as themselves. In their images, such a unit decodes to the
//! forbidden character, as it always has.

use crate::cim::names::{self, is_forbidden};

/// Is added to a character that Windows forbids in names.
const ESCAPE: u16 = 0xF000;

/// Is added to a byte that is not UTF-8: a lone surrogate, which no valid text has.
const RAW: u16 = 0xDC00;

/// The most units that a character takes.
const MAX_UNITS: usize = 3;

/// Yields the units that stand in an image for the bytes of a Linux name.
pub fn name_units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let raw = chunk.invalid().iter().map(|&byte| raw_unit(byte));
        chunk.valid().chars().flat_map(character_units).chain(raw)
    })
}

/// Returns whether units are what [`name_units`] yields for the name that they decode to.
pub fn is_name(units: impl Iterator<Item = u16>, decoded: &[u8]) -> bool {
    name_units(decoded).eq(units)
}

/// Appends the bytes of the Linux name that units in an image stand for.
pub fn append_name(units: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    let mut utf8 = [0; 4];
    for decoded in char::decode_utf16(units.map(unescape)) {
        match decoded.map_err(|lone| lone.unpaired_surrogate()) {
            Ok(c) => out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()),
            Err(lone) => match u8::try_from(lone ^ RAW) {
                Ok(byte) if !byte.is_ascii() => out.push(byte),
                _ => names::append_wtf8(std::iter::once(lone), out),
            },
        }
    }
}

/// Returns the unit of a Linux name that a unit in an image stands for.
pub fn unescape(unit: u16) -> u16 {
    if is_escape(unit) { unit & 0xFF } else { unit }
}

/// Returns whether a unit stands for a forbidden character. NUL and the separator are in no Linux name.
fn is_escape(unit: u16) -> bool {
    let low = unit & 0xFF;
    unit & 0xFF00 == ESCAPE && is_forbidden(low) && low != 0 && low != u16::from(b'/')
}

fn raw_unit(byte: u8) -> u16 {
    RAW | u16::from(byte)
}

fn character_units(c: char) -> impl Iterator<Item = u16> {
    let mut units = [0; MAX_UNITS];
    let count = match u16::try_from(u32::from(c)) {
        Ok(unit) if is_escape(unit) => {
            let mut utf8 = [0; MAX_UNITS];
            let bytes = c.encode_utf8(&mut utf8).as_bytes();
            units.iter_mut().zip(bytes).for_each(|(unit, &byte)| *unit = raw_unit(byte));
            bytes.len()
        }
        Ok(unit) => {
            units[0] = if is_forbidden(unit) { unit | ESCAPE } else { unit };
            1
        }
        Err(_) => c.encode_utf16(&mut units).len(),
    };
    units.into_iter().take(count)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn units(name: &[u8]) -> Vec<u16> {
        name_units(name).collect()
    }

    fn name(units: &[u16]) -> Vec<u8> {
        let mut name = Vec::new();
        append_name(units.iter().copied(), &mut name);
        name
    }

    /// Checks that a name has a form that an image can hold and that leads back.
    fn check(bytes: &[u8]) {
        let units = units(bytes);
        assert!(!units.iter().any(|&unit| is_forbidden(unit)), "{bytes:x?}");
        assert!(units.len() <= bytes.len(), "{bytes:x?}");
        assert_eq!(name(&units), bytes, "{units:x?}");
        assert!(is_name(units.iter().copied(), bytes));
    }

    /// The characters that stand for forbidden ones, and those beside them.
    fn escapes() -> Vec<char> {
        (0xF000..=0xF0FFu32).filter_map(char::from_u32).collect()
    }

    fn utf8(c: char) -> Vec<u8> {
        String::from(c).into_bytes()
    }

    /// Pieces of names whose forms could run into each other.
    fn pieces() -> Vec<Vec<u8>> {
        let forbidden = (1..0x20).chain(*b"\"*:<>?\\|").map(|byte| vec![byte]);
        let escapes = escapes().into_iter().map(utf8);
        let others = ["a", "A", "é", "É", "名", "\u{F8FF}", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{FFFF}"];
        let wide = ["\u{10000}", "\u{1F600}", "\u{10FFFF}"];
        let text = others.into_iter().chain(wide).map(|text| text.as_bytes().to_vec());
        // Lone bytes, cut and overlong sequences, surrogates as UTF-8 and escapes without their end.
        let invalid: [&[u8]; 12] = [
            b"\x80",
            b"\x81",
            b"\xBA",
            b"\xC3",
            b"\xEF",
            b"\xEF\x80",
            b"\xF0\x9F\x98",
            b"\xFF",
            b"\xC0\xAF",
            b"\xED\xA0\x80",
            b"\xED\xBF\xBF",
            b"\xF4\x90\x80\x80",
        ];
        forbidden.chain(escapes).chain(text).chain(invalid.map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn forms_are_the_known_ones() {
        assert_eq!(units(b"a:\\"), [0x61, 0xF03A, 0xF05C]);
        assert_eq!(units("\u{F03A}".as_bytes()), [0xDCEF, 0xDC80, 0xDCBA]);
        assert_eq!(units("\u{F02F}\u{F041}".as_bytes()), [0xF02F, 0xF041]);
        assert_eq!(units(b"\xFF\xE9"), [0xDCFF, 0xDCE9]);
    }

    #[test]
    fn thirty_nine_characters_are_taken_by_escapes() {
        let taken: Vec<u32> =
            (0..=0xFFFF).filter(|&unit| is_escape(unit)).map(|unit| u32::from(unit) - 0xF000).collect();
        let known = (1..0x20).chain([0x22, 0x2A, 0x3A, 0x3C, 0x3E, 0x3F, 0x5C, 0x7C]);
        assert_eq!(taken, known.collect::<Vec<_>>());
    }

    #[test]
    fn every_code_point_has_a_form_of_its_own() {
        let mut seen = HashMap::new();
        for c in (1..=0x10_FFFF).filter_map(char::from_u32).filter(|&c| c != '/') {
            let bytes = utf8(c);
            check(&bytes);
            assert_eq!(seen.insert(units(&bytes), c), None, "{c:?}");
        }
        for byte in 0x80..=u8::MAX {
            check(&[byte]);
            assert_eq!(seen.insert(units(&[byte]), '\0'), None, "{byte:#x}");
        }
    }

    #[test]
    fn pairs_of_pieces_have_forms_of_their_own() {
        let pieces = pieces();
        let mut seen: HashMap<Vec<u16>, Vec<u8>> = HashMap::new();
        for first in &pieces {
            for second in &pieces {
                let bytes = [&first[..], second].concat();
                check(&bytes);
                // The same bytes may come of two pairs.
                let before = seen.insert(units(&bytes), bytes.clone());
                assert!(before.is_none_or(|before| before == bytes), "{bytes:x?}");
            }
        }
    }

    #[test]
    fn forms_of_earlier_versions_decode_as_before() {
        for c in escapes() {
            let unit = u16::try_from(u32::from(c)).unwrap();
            let expected = if is_escape(unit) { vec![unit.to_le_bytes()[0]] } else { utf8(c) };
            assert_eq!(name(&[unit]), expected);
            assert_eq!(units(&expected), [unit], "a look-up finds it");
        }
    }

    #[test]
    fn units_that_no_name_has_are_told() {
        let odd: [&[u16]; 7] =
            [&[0x3A], &[0xD800], &[0xDC41], &[0xDCC3, 0xDCA9], &[0xDFFF], &[0xD83D, 0x61], &[0xDC61]];
        for units in odd {
            assert!(!is_name(units.iter().copied(), &name(units)), "{units:x?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_leads_back(bytes in prop::collection::vec(1..=u8::MAX, 1..20)) {
            prop_assume!(!bytes.contains(&b'/'));
            check(&bytes);
        }

        #[test]
        fn names_of_any_pieces_lead_back(parts in prop::collection::vec(prop::sample::select(pieces()), 1..8)) {
            check(&parts.concat());
        }
    }
}
