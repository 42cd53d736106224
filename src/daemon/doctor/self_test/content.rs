//! Data of files and streams.

/// Data of a declared size, of which only the front may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) size: u64,
    pub(super) written: Vec<u8>,
}

impl Content {
    pub(super) const EMPTY: Self = Self { size: 0, written: Vec::new() };

    /// Bytes that differ from those of other seeds, and from themselves at any other offset.
    pub(super) fn pattern(seed: u64, size: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let written = (0..size).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        });
        Self { size, written: written.collect() }
    }

    /// A size of which nothing, or only the front, is written.
    pub(super) fn short(size: u64, written: Vec<u8>) -> Self {
        Self { size, written }
    }

    pub(super) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let written = bytes.into();
        Self { size: u64::try_from(written.len()).unwrap_or(u64::MAX), written }
    }

    /// Returns what a reader must see: what was not written reads as zeros.
    pub(super) fn expected(&self) -> Vec<u8> {
        let mut bytes = self.written.clone();
        bytes.resize(usize::try_from(self.size).unwrap_or(usize::MAX), 0);
        bytes
    }
}
