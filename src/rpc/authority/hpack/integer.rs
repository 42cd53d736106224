//! Integers that begin in the lower bits of a byte (section 5.1).

use super::HpackError;

/// Reads an integer that begins in the lowest `prefix` bits of the next byte.
pub(super) fn read(input: &mut &[u8], prefix: u32) -> Result<usize, HpackError> {
    let full = (1 << prefix) - 1;
    let first = usize::from(byte(input)?) & full;
    if first < full {
        return Ok(first);
    }
    let mut value = full;
    for shift in [0, 7, 14, 21] {
        let next = byte(input)?;
        value += usize::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(HpackError::Integer)
}

/// Appends an integer that begins in the lowest `prefix` bits of a byte, whose other bits are those of `pattern`.
pub(super) fn write(pattern: u8, prefix: u32, value: usize, out: &mut Vec<u8>) {
    let full = (1_u8 << prefix) - 1;
    let Some(mut rest) = value.checked_sub(full.into()) else {
        out.push(pattern | low_bits(value));
        return;
    };
    out.push(pattern | full);
    while rest >= 0x80 {
        out.push(0x80 | low_bits(rest));
        rest >>= 7;
    }
    out.push(low_bits(rest));
}

fn low_bits(value: usize) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

fn byte(input: &mut &[u8]) -> Result<u8, HpackError> {
    input.split_off_first().copied().ok_or(HpackError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: usize, prefix: u32) -> Vec<u8> {
        let mut out = Vec::new();
        write(0, prefix, value, &mut out);
        out
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (value, prefix, bytes) in [(10, 5, &[10][..]), (1337, 5, &[31, 154, 10]), (42, 7, &[42])] {
            assert_eq!(written(value, prefix), bytes);
            assert_eq!(read(&mut &*bytes, prefix), Ok(value));
        }
    }

    #[test]
    fn what_is_written_is_read_at_each_border() {
        for prefix in 4..=7 {
            for border in [1 << prefix, (1 << prefix) + 127, 1 << 14, 1 << 21, 1 << 28] {
                for value in border - 2..border + 2 {
                    let bytes = written(value, prefix);
                    let mut input = &*bytes;
                    assert_eq!(read(&mut input, prefix), Ok(value), "{prefix} {value}");
                    assert!(input.is_empty());
                }
            }
        }
    }

    #[test]
    fn bits_before_the_prefix_mean_something_else() {
        assert_eq!(read(&mut &[0b1110_1010][..], 5), Ok(10));
    }

    #[test]
    fn integers_that_end_early_or_late_are_refused() {
        for cut in [&[][..], &[31], &[31, 0x80]] {
            assert_eq!(read(&mut &*cut, 5), Err(HpackError::Truncated));
        }
        assert_eq!(read(&mut &[31, 0xff, 0xff, 0xff, 0xff, 0x0f][..], 5), Err(HpackError::Integer));
        assert_eq!(read(&mut &[31, 0x80, 0x80, 0x80, 0x80, 0x00][..], 5), Err(HpackError::Integer));
    }
}
