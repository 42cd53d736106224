//! Gzip members through `flate2`, whose `zlib-rs` is Rust all the way down.

use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use super::format::GZIP_MAGIC;
use super::inflate::{Fault, Member, Step};

/// Largest window of deflate, 32 KiB, as a base-2 logarithm.
const WINDOW_BITS: u8 = 15;

/// One member at a time. The decompressor checks header, CRC-32 and length.
#[derive(Default)]
pub(super) struct Gzip(Option<Decompress>);

impl Member for Gzip {
    fn starts(start: &[u8]) -> Option<bool> {
        match (GZIP_MAGIC.starts_with(start), start.len() < GZIP_MAGIC.len()) {
            (true, true) => None,
            (matches, _) => Some(matches),
        }
    }

    /// Makes a new decompressor, because resetting one would make it expect zlib. It costs half a microsecond, which
    /// is nothing even in blobs that hold one member for each file.
    fn begin(&mut self) -> Result<(), Fault> {
        self.0 = Some(Decompress::new_gzip(WINDOW_BITS));
        Ok(())
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(Step, bool), Fault> {
        let Some(state) = &mut self.0 else {
            return Err(Fault::Corrupt("no member has begun".to_owned()));
        };
        let before = (state.total_in(), state.total_out());
        let status = state.decompress(input, output, FlushDecompress::None).map_err(fault)?;
        let step = Step {
            consumed: passed(before.0, state.total_in()),
            produced: passed(before.1, state.total_out()),
        };
        Ok((step, status == Status::StreamEnd))
    }
}

fn fault(error: DecompressError) -> Fault {
    match error.message() {
        Some("incorrect data check" | "incorrect length check") => Fault::Checksum,
        Some(message) => Fault::Corrupt(message.to_owned()),
        None => Fault::Corrupt(error.to_string()),
    }
}

/// Distance between two totals. A step stays within one buffer, so it fits.
fn passed(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(0)
}
