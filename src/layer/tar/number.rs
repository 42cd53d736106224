//! Numbers in header fields: octal text, or big-endian binary behind a set top bit.

/// Reads a field; `None` for what is no number, is negative, or is past 64 bits. A blank field is 0.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((&first, rest)) if first & 0x80 != 0 => binary(first & 0x7F, rest),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = field.split(|&byte| byte == 0).next()?.trim_ascii();
    if !text.iter().all(|byte| (b'0'..=b'7').contains(byte)) {
        return None;
    }
    text.iter().try_fold(0u64, |value, byte| value.checked_mul(8)?.checked_add(u64::from(byte & 7)))
}

/// The second highest bit is the sign; a negative number therefore never fits.
fn binary(first: u8, rest: &[u8]) -> Option<u64> {
    rest.iter()
        .try_fold(u64::from(first), |value, &byte| value.checked_mul(256)?.checked_add(byte.into()))
        .filter(|_| first & 0x40 == 0)
}

/// Reads decimal digits, as PAX has them.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_and_binary_are_read() {
        let good: [(&[u8], u64); 7] = [
            (b"0000644\0", 0o644),
            (b"   644 \0", 0o644),
            (b"77777777777", 0o77_777_777_777),
            (b"\0\0\0\0", 0),
            (b"    ", 0),
            (b"\x80\0\0\0\0\0\0\0\x02\0\0\0", 1 << 25),
            (b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", u64::MAX),
        ];
        good.iter().for_each(|(field, value)| assert_eq!(number(field), Some(*value), "{field:?}"));
        let bad: [&[u8]; 6] =
            [b"+7", b"-7", b"8", b"0x7", b"\xff\xff\xff\xff", b"\x80\0\0\x01\0\0\0\0\0\0\0\0"];
        bad.iter().for_each(|field| assert_eq!(number(field), None, "{field:?}"));
    }

    #[test]
    fn decimals_have_digits_only() {
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"+1", b"-1", b" 1", b"1 ", b"18446744073709551616"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
