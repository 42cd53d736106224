//! The seam between the stream and the crates that decompress.

use super::boundary::Boundary;
use super::error::{Reason, StreamError};
use super::format::Format;
use super::gzip::Gzip;
use super::zstd::Zstd;

/// Turns compressed bytes into bytes, a step at a time.
///
/// A step uses up some of `input` or fills some of `output`. It may hold bytes back when `output` is full, but then it
/// leaves the last byte of the member unused: gzip members end in a trailer, and zstd keeps a byte for this very
/// reason. So whoever steps until the input is used up has everything. Members and frames follow each other without
/// the caller's notice. Every check that the format offers is made before the step that ends a member returns.
pub(super) trait Inflate: Send {
    /// Decompresses as much as fits.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault>;

    /// Whether the input may end here: after a member or frame, not inside one.
    fn may_end(&self) -> bool;
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes of input that were used up.
    pub(super) consumed: usize,
    /// Bytes of output that were made.
    pub(super) produced: usize,
}

/// Why a step failed. The decoder adds where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What follows the last member is not another one.
    Garbage,
    /// The stream does not decode.
    Corrupt(String),
    /// The bytes are not those that were compressed.
    Checksum,
    /// Decoding needs a window larger than 2 to this power.
    Window(u32),
}

impl Fault {
    /// Says where in which stream the fault lies: `at` compressed bytes are behind.
    pub(super) fn at(self, format: Format, at: u64) -> StreamError {
        match self {
            Self::Garbage => Reason::TrailingGarbage { format, at },
            Self::Corrupt(cause) => Reason::Corrupt { format, at, cause },
            Self::Checksum => Reason::Checksum { format, at },
            Self::Window(log) => Reason::Window { format, log },
        }
        .into()
    }
}

/// Makes the decompressor of a format.
pub(super) fn open(format: Format, window_log: u32) -> Result<Box<dyn Inflate>, Fault> {
    Ok(match format {
        Format::Tar => Box::new(Stored),
        Format::Gzip => Box::new(Framed::new(Gzip::default())),
        Format::Zstd => Box::new(Framed::new(Zstd::new(window_log)?)),
    })
}

/// No compression.
struct Stored;

impl Inflate for Stored {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let len = input.len().min(output.len());
        if let (Some(to), Some(from)) = (output.get_mut(..len), input.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(Step { consumed: len, produced: len })
    }

    fn may_end(&self) -> bool {
        true
    }
}

/// A format of members that start with a magic number and may follow each other.
pub(super) trait Member: Send {
    /// Whether `start` starts a member. `None` while there are too few bytes to say.
    fn starts(start: &[u8]) -> Option<bool>;

    /// Gets ready for a member.
    fn begin(&mut self) -> Result<(), Fault>;

    /// Decompresses as much of a member as fits; says in the flag that the member has ended.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(Step, bool), Fault>;
}

/// Members in a row, with nothing between and nothing behind them.
struct Framed<M> {
    member: M,
    boundary: Boundary,
    /// Inside a member, as opposed to in front of one.
    inside: bool,
}

impl<M: Member> Framed<M> {
    fn new(member: M) -> Self {
        Self { member, boundary: Boundary::default(), inside: false }
    }

    /// Looks for the magic of the next member. The decoder is fed the magic first, since it may lie in two inputs.
    fn enter(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Fault> {
        let taken = self.boundary.look(input, M::starts)?;
        if let Some(magic) = self.boundary.take() {
            self.member.begin()?;
            let (step, _) = self.member.step(magic.bytes(), output)?;
            if step != (Step { consumed: magic.bytes().len(), produced: 0 }) {
                return Err(Fault::Corrupt("the magic of a member is not taken".to_owned()));
            }
            self.inside = true;
        }
        Ok(taken)
    }
}

impl<M: Member> Inflate for Framed<M> {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if !self.inside {
            let consumed = self.enter(input, output)?;
            return Ok(Step { consumed, produced: 0 });
        }
        let (step, ended) = self.member.step(input, output)?;
        self.inside = !ended;
        if step == Step::default() && !ended && !input.is_empty() {
            return Err(Fault::Corrupt("the decompressor makes no progress".to_owned()));
        }
        Ok(step)
    }

    fn may_end(&self) -> bool {
        !self.inside && self.boundary.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts with any byte, takes that one, and no other.
    struct Stuck;

    impl Member for Stuck {
        fn starts(_: &[u8]) -> Option<bool> {
            Some(true)
        }

        fn begin(&mut self) -> Result<(), Fault> {
            Ok(())
        }

        fn step(&mut self, input: &[u8], _: &mut [u8]) -> Result<(Step, bool), Fault> {
            Ok((Step { consumed: usize::from(input == [7]), produced: 0 }, false))
        }
    }

    #[test]
    fn a_decompressor_that_takes_nothing_and_makes_nothing_is_not_asked_for_ever() {
        let mut framed = Framed::new(Stuck);
        let mut output = [0; 8];
        assert_eq!(framed.step(&[7, 1, 2], &mut output), Ok(Step { consumed: 1, produced: 0 }));
        assert!(matches!(framed.step(&[1, 2], &mut output), Err(Fault::Corrupt(_))));
        assert_eq!(framed.step(&[], &mut output), Ok(Step::default()), "without input there is no fault");
    }
}
