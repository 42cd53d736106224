//! UTF-16 with lone surrogates to UTF-8 and back, without loss.

use zerocopy::little_endian::U16;

/// Encodes units; a lone surrogate becomes the three bytes that its value would have.
pub(super) fn encode(units: &[U16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(units.len());
    append(units.iter().map(|unit| unit.get()), &mut out);
    out
}

/// Encodes units at the end of `out`.
pub(super) fn append(units: impl Iterator<Item = u16>, out: &mut Vec<u8>) {
    let mut utf8 = [0; 4];
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(c) => out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()),
            Err(lone) => {
                let [high, low] = lone.unpaired_surrogate().to_be_bytes();
                let middle = ((high & 0x0F) << 2) | (low >> 6);
                out.extend_from_slice(&[0xED, 0x80 | middle, 0x80 | (low & 0x3F)]);
            }
        }
    }
}

/// Decodes UTF-8 in which lone surrogates may stand as three bytes; `None` for anything else.
pub(super) fn decode(mut text: &[u8]) -> Option<Vec<U16>> {
    let mut out = Vec::with_capacity(text.len());
    loop {
        let (valid, rest) = match std::str::from_utf8(text) {
            Ok(valid) => (valid, &[][..]),
            Err(error) => {
                let (valid, rest) = text.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).ok()?, rest)
            }
        };
        out.extend(valid.encode_utf16().map(U16::new));
        if rest.is_empty() {
            return Some(out);
        }
        let (&[first, second, third], rest) = rest.split_first_chunk()?;
        if first != 0xED || second & 0xE0 != 0xA0 || third & 0xC0 != 0x80 {
            return None;
        }
        out.push(U16::new(0xD000 | (u16::from(second & 0x3F) << 6) | u16::from(third & 0x3F)));
        text = rest;
    }
}
