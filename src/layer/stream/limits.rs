//! How much a blob may become.

use super::error::{Reason, StreamError};

/// Limits on what a hostile blob can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that the tar stream may have.
    pub max_size: u64,
    /// How many times its compressed bytes the tar stream may have, once it is past `ratio_grace`.
    ///
    /// No gzip stream passes 1032. A zstd stream reaches some 30,000 on zeros.
    pub max_ratio: u64,
    /// Size up to which any ratio is fine: a layer that holds little but one sparse file is odd, not hostile.
    pub ratio_grace: u64,
    /// Base-2 logarithm of the largest zstd window, which is the memory that a zstd stream may ask for.
    pub zstd_window_log: u32,
}

/// 256 GiB of tar, and past the first 16 GiB no more than 2048 times the compressed bytes. The largest image layers
/// in use have some tens of GiB. The zstd window is limited to 128 MiB, as the zstd library limits it by default.
impl Default for Limits {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        Self { max_size: 256 * GIB, max_ratio: 2048, ratio_grace: 16 * GIB, zstd_window_log: 27 }
    }
}

impl Limits {
    /// Checks a stream of which `read` compressed bytes have become `made` bytes.
    pub(super) fn check(&self, read: u64, made: u64) -> Result<(), StreamError> {
        if made > self.max_size {
            return Err(Reason::TooLarge { limit: self.max_size }.into());
        }
        // Saturating: a product past u64 is past every size too.
        if made > self.ratio_grace && made > read.saturating_mul(self.max_ratio) {
            return Err(Reason::Ratio { read, made, limit: self.max_ratio }.into());
        }
        Ok(())
    }
}
