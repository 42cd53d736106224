//! The Marvin32 hash that guards log entries.

/// The seed for log entries.
const LOG_SEED: u64 = 0x82EF_4D88_7A4E_55C5;

/// Hashes bytes of a log; a rest of fewer than four bytes, which logs never have, is left out.
pub(super) fn marvin32(bytes: &[u8]) -> u64 {
    seeded(LOG_SEED, bytes)
}

fn seeded(seed: u64, bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<4>();
    let [a0, a1, a2, a3, b0, b1, b2, b3] = seed.to_le_bytes();
    let start = (u32::from_le_bytes([a0, a1, a2, a3]), u32::from_le_bytes([b0, b1, b2, b3]));
    let padding = [0x80, 0];
    let (a, b) = words.iter().map(|word| u32::from_le_bytes(*word)).chain(padding).fold(start, mix);
    (u64::from(b) << 32) | u64::from(a)
}

fn mix((a, b): (u32, u32), word: u32) -> (u32, u32) {
    let a = a.wrapping_add(word);
    let b = b ^ a;
    let a = a.rotate_left(20).wrapping_add(b);
    let b = b.rotate_left(9) ^ a;
    let a = a.rotate_left(27).wrapping_add(b);
    (a, b.rotate_left(19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_vectors() {
        let seed = 0x004F_B61A_001B_DBCC;
        assert_eq!(seeded(seed, &[]), 0x30ED_35C1_00CD_3C7D);
        assert_eq!(seeded(seed, &[0x86, 0x42, 0xDC, 0x59]), 0x7008_F2E8_7E9C_F556);
    }
}
