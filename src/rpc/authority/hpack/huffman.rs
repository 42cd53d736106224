//! The Huffman code of strings (section 5.2 and appendix B).
//!
//! It is a canonical code: sorted by their length and then by their value, symbols have consecutive codes. So the lengths
//! say all.

use super::HpackError;

/// How many bits each byte takes, and at last the end of a string, which is never written.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
    30,
];

const LONGEST: usize = 30;

/// The codes of one length.
#[derive(Clone, Copy)]
struct Group {
    /// The first code, shifted to the left of 32 bits.
    first: u64,
    /// What follows the last code, shifted as well.
    end: u64,
    /// Where the symbols of these codes begin among all.
    symbols: usize,
}

/// The codes of each length, and all symbols in the order of their codes.
const CODE: ([Group; LONGEST + 1], [u16; 257]) = canonical();

const fn canonical() -> ([Group; LONGEST + 1], [u16; 257]) {
    let mut groups = [Group { first: 0, end: 0, symbols: 0 }; LONGEST + 1];
    let mut symbols = [0; 257];
    let (mut len, mut next, mut count) = (1, 0, 0);
    while len <= LONGEST {
        let (first, begin) = (next, count);
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol as usize] as usize == len {
                symbols[count] = symbol;
                next += 1 << (32 - len);
                count += 1;
            }
            symbol += 1;
        }
        groups[len] = Group { first, end: next, symbols: begin };
        len += 1;
    }
    (groups, symbols)
}

// Each sequence of bits begins with a code.
const _: () = assert!(CODE.0[LONGEST].end == 1 << 32);

/// Expands a string.
pub(super) fn decode(input: &[u8]) -> Result<Vec<u8>, HpackError> {
    let mut out = Vec::with_capacity(input.len() * 8 / 5);
    let mut bits = Bits { rest: input, window: 0, have: 0 };
    while let Some(symbol) = bits.symbol() {
        out.push(u8::try_from(symbol).map_err(|_| HpackError::Huffman)?);
    }
    bits.are_padding().then_some(out).ok_or(HpackError::Huffman)
}

struct Bits<'a> {
    rest: &'a [u8],
    /// The next bits, from the highest one on, and zeros behind them.
    window: u64,
    have: u32,
}

impl Bits<'_> {
    /// Takes the next symbol; `None` if too few bits are left for one.
    fn symbol(&mut self) -> Option<u16> {
        self.fill();
        let next = self.window >> 32;
        let len = CODE.0.iter().position(|group| next < group.end)?;
        let used = u32::try_from(len).ok().filter(|used| *used <= self.have)?;
        let group = CODE.0.get(len)?;
        let place = usize::try_from((next - group.first) >> (32 - used)).ok()?;
        self.window <<= used;
        self.have -= used;
        CODE.1.get(group.symbols + place).copied()
    }

    fn fill(&mut self) {
        while self.have < LONGEST as u32
            && let Some(byte) = self.rest.split_off_first()
        {
            self.window |= u64::from(*byte) << (56 - self.have);
            self.have += 8;
        }
    }

    /// Whether all that is left are less than eight bits, all of them set.
    fn are_padding(&self) -> bool {
        self.have < 8 && self.window.leading_ones() == self.have
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_rfc_at_both_ends() {
        // '0' is 00000, 'a' is 00011; a line feed has 30 bits, all of them set but the last two.
        assert_eq!(decode(&[0b0000_0000, 0b1111_1111]).unwrap(), b"0a");
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xf3]).unwrap(), b"\n");
    }

    #[test]
    fn the_end_of_a_string_is_never_written() {
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff]), Err(HpackError::Huffman));
    }

    #[test]
    fn padding_is_short_and_all_ones() {
        assert_eq!(decode(&[]).unwrap(), b"");
        assert_eq!(decode(&[0b0001_1111]).unwrap(), b"a");
        assert_eq!(decode(&[0b0001_1110]), Err(HpackError::Huffman));
        assert_eq!(decode(&[0b0001_1111, 0xff]), Err(HpackError::Huffman));
        assert_eq!(decode(&[0xff]), Err(HpackError::Huffman));
    }
}
