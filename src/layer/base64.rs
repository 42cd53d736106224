//! Base64, in the standard alphabet.

/// Turns text into bytes. Padding may be missing, as some archivers leave it out.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
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

/// Turns bytes into text, with padding.
pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().unwrap_or(0);
        let (first, second, third) = (byte(0), byte(1), byte(2));
        let digits = [first >> 2, first << 4 | second >> 4, second << 2 | third >> 6, third];
        let digits = digits.map(|digit| DIGITS[usize::from(digit & 63)]);
        text.extend_from_slice(&digits[..=group.len()]);
        text.resize(text.len().next_multiple_of(4), b'=');
    }
    text
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
    fn what_is_encoded_is_decoded() {
        let bytes: Vec<u8> = (0..=255).rev().collect();
        for len in 0..=bytes.len() {
            let text = encode(&bytes[..len]);
            assert!(text.len().is_multiple_of(4));
            assert_eq!(decode(&text).as_deref(), Some(&bytes[..len]));
        }
        assert_eq!((encode(b"f"), encode(b"foob")), (b"Zg==".to_vec(), b"Zm9vYg==".to_vec()));
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
