//! Base64, in the standard alphabet.

/// Turns text into bytes. Padding may be missing, as some archivers leave it out.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if text.len().is_multiple_of(4) => digits,
        digits => digits,
    };
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let bits = group.iter().try_fold(0, |bits, &digit| Some(bits << 6 | value(digit)?))?;
        // A group that is cut short fills the upper bits of the 24; what its last digit has too much is dropped.
        let [_, first, second, third] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        match group.len() {
            4 => bytes.extend([first, second, third]),
            3 => bytes.extend([first, second]),
            2 => bytes.push(first),
            _ => return None,
        }
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_give_the_known_bytes() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg==", b"foob"),
            ("Zm9vYmE=", b"fooba"),
            ("Zm9vYmFy", b"foobar"),
            ("Zm9vYg", b"foob"),
            ("Zm9vYmE", b"fooba"),
            ("+/+/", b"\xFB\xFF\xBF"),
            ("/////w==", b"\xFF\xFF\xFF\xFF"),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in
            ["A", "=", "====", "Zg=", "Zg===", "Z===", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm-_", "\u{e9}A"]
        {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
    }
}
