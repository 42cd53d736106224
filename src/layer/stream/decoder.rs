//! The producing side: blob in, pieces out. Runs on a thread of its own, or in step with the consumer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::buffer::{Buffer, Pool};
use super::error::{Reason, StreamError};
use super::format::Format;
use super::inflate::Inflate;
use super::limits::Limits;
use super::source::Source;

/// What the decoder hands over, in the order in which it came to be.
#[derive(Debug)]
pub(super) enum Piece {
    /// Compressed bytes that were used up.
    Blob(Buffer),
    /// Bytes of the tar stream.
    Tar(Buffer),
    /// The blob has ended where it may.
    End(ProducerTiming),
}

/// Where the producing side spent its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProducerTiming {
    pub(super) reading: Duration,
    pub(super) inflating: Duration,
    pub(super) stalled: Duration,
}

/// A blob on its way to become pieces.
pub(super) struct Decoder {
    format: Format,
    inflate: Box<dyn Inflate>,
    source: Source,
    pool: Pool,
    limits: Limits,
    input: Option<Buffer>,
    output: Option<Buffer>,
    consumed: u64,
    produced: u64,
    inflating: Duration,
    /// Whether the consumer wants no more of the tar stream.
    unwanted: Arc<AtomicBool>,
    /// Why decompressing ended before the blob did.
    fault: Option<StreamError>,
}

impl Decoder {
    /// Takes over a source of which `input` holds the first bytes.
    pub(super) fn new(
        (format, inflate): (Format, Box<dyn Inflate>),
        (source, input): (Source, Buffer),
        pool: Pool,
        limits: Limits,
        unwanted: Arc<AtomicBool>,
    ) -> Self {
        Self {
            format,
            inflate,
            source,
            pool,
            limits,
            input: Some(input),
            output: None,
            consumed: 0,
            produced: 0,
            inflating: Duration::ZERO,
            unwanted,
            fault: None,
        }
    }

    /// Returns the next piece; `None` when the consumer is gone. Nothing follows an end or an error. Where a blob of a
    /// known size does not decompress, the rest of it comes before the error: its digest tells whose fault that is.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, StreamError> {
        match self.fault.take() {
            None => match self.decode() {
                Err(fault) if self.judges_rest() && fault.is_of_content() => self.rest(fault),
                decoded => decoded,
            },
            Some(fault) => self.rest(fault),
        }
    }

    /// Returns whether the rest of the blob is read for its digest. A blob that is its own tar stream has no other use.
    fn judges_rest(&self) -> bool {
        self.format != Format::Tar && self.source.is_bounded()
    }

    /// Returns the rest of the blob, and then the error.
    fn rest(&mut self, fault: StreamError) -> Result<Option<Piece>, StreamError> {
        let input = match self.input.take() {
            Some(input) => input,
            None if self.source.has_ended() => return Err(fault),
            None => {
                let Some(mut input) = self.pool.take() else { return Ok(None) };
                self.source.fill(&mut input)?;
                input
            }
        };
        self.fault = Some(fault);
        Ok(Some(Piece::Blob(input)))
    }

    fn decode(&mut self) -> Result<Option<Piece>, StreamError> {
        loop {
            if self.judges_rest() && self.unwanted.load(Ordering::Relaxed) {
                return Err(Reason::Unwanted.into());
            }
            if let Some(full) = self.output.take_if(|output| output.is_full()) {
                return Ok(Some(Piece::Tar(full)));
            }
            if let Some(spent) = self.input.take_if(|input| input.is_drained()) {
                return Ok(Some(Piece::Blob(spent)));
            }
            if self.input.is_none() {
                if self.source.has_ended() {
                    return self.end().map(Some);
                }
                let Some(mut input) = self.pool.take() else { return Ok(None) };
                self.source.fill(&mut input)?;
                self.input = Some(input);
                continue;
            }
            if self.output.is_none() {
                let Some(output) = self.pool.take() else { return Ok(None) };
                self.output = Some(output);
            }
            self.step()?;
        }
    }

    fn step(&mut self) -> Result<(), StreamError> {
        let (Some(input), Some(output)) = (&mut self.input, &mut self.output) else { return Ok(()) };
        let start = Instant::now();
        let step = self
            .inflate
            .step(input.rest(), output.room())
            .map_err(|fault| fault.at(self.format, self.consumed))?;
        self.inflating = self.inflating.saturating_add(start.elapsed());
        output.fill(step.produced);
        input.drain(step.consumed);
        self.consumed = add(self.consumed, step.consumed);
        self.produced = add(self.produced, step.produced);
        self.limits.check(self.consumed, self.produced)
    }

    /// Checks that the blob may end here, and hands over what is left.
    fn end(&mut self) -> Result<Piece, StreamError> {
        if !self.inflate.may_end() {
            return Err(Reason::Truncated { format: self.format, at: self.consumed }.into());
        }
        if let Some(last) = self.output.take_if(|output| !output.is_drained()) {
            return Ok(Piece::Tar(last));
        }
        Ok(Piece::End(ProducerTiming {
            reading: self.source.spent(),
            inflating: self.inflating,
            stalled: self.pool.waited(),
        }))
    }
}

/// Counts bytes. Saturating: no stream reaches 2^64 bytes, and a slice length always fits.
fn add(total: u64, len: usize) -> u64 {
    total.saturating_add(u64::try_from(len).unwrap_or(u64::MAX))
}
