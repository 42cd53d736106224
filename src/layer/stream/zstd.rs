//! Zstd frames through the `zstd` crate.

use zstd::zstd_safe::{DCtx, DParameter, ErrorCode, InBuffer, OutBuffer, get_error_name};

use super::format::starts_zstd_frame;
use super::inflate::{Fault, Member, Step};

/// Codes of `zstd_errors.h`, which are stable. The library returns them negated, in an unsigned word.
const WINDOW_TOO_LARGE: ErrorCode = 16;
const CHECKSUM_WRONG: ErrorCode = 22;

/// One frame at a time, skippable ones among them; their content is dropped.
pub(super) struct Zstd {
    context: DCtx<'static>,
    window_log: u32,
}

impl Zstd {
    pub(super) fn new(window_log: u32) -> Result<Self, Fault> {
        let no_memory = || Fault::Corrupt("no memory for a decompressor".to_owned());
        let mut context = DCtx::try_create().ok_or_else(no_memory)?;
        context
            .set_parameter(DParameter::WindowLogMax(window_log))
            .map_err(|code| fault(code, window_log))?;
        Ok(Self { context, window_log })
    }
}

impl Member for Zstd {
    fn starts(start: &[u8]) -> Option<bool> {
        starts_zstd_frame(start)
    }

    fn begin(&mut self) -> Result<(), Fault> {
        // A context that has ended a frame expects the next one.
        Ok(())
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(Step, bool), Fault> {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        let hint = self
            .context
            .decompress_stream(&mut to, &mut from)
            .map_err(|code| fault(code, self.window_log))?;
        // The hint is zero exactly when a frame has ended and all of it is written.
        Ok((Step { consumed: from.pos(), produced: to.pos() }, hint == 0))
    }
}

fn fault(code: ErrorCode, window_log: u32) -> Fault {
    match code.wrapping_neg() {
        WINDOW_TOO_LARGE => Fault::Window(window_log),
        CHECKSUM_WRONG => Fault::Checksum,
        _ => Fault::Corrupt(get_error_name(code).to_lowercase()),
    }
}
