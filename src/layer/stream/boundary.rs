//! The place between two members, where the next magic number or the end must be.

use super::inflate::Fault;

/// Longest magic number.
const LEN: usize = 4;

/// The bytes of the next member's magic number that were seen so far.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    seen: Magic,
    complete: bool,
}

/// Up to four bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Magic {
    bytes: [u8; LEN],
    len: usize,
}

impl Magic {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len = self.len.saturating_add(1);
        }
    }
}

impl Boundary {
    /// Takes bytes of `input` until `starts` has decided; says how many it took.
    pub(super) fn look(&mut self, input: &[u8], starts: fn(&[u8]) -> Option<bool>) -> Result<usize, Fault> {
        let mut taken: usize = 0;
        for byte in input.iter().take(LEN) {
            self.seen.push(*byte);
            taken = taken.saturating_add(1);
            match starts(self.seen.bytes()) {
                Some(true) => {
                    self.complete = true;
                    break;
                }
                Some(false) => return Err(Fault::Garbage),
                None => {}
            }
        }
        Ok(taken)
    }

    /// Returns the magic number once it is complete, and forgets it.
    pub(super) fn take(&mut self) -> Option<Magic> {
        std::mem::take(&mut self.complete).then(|| std::mem::take(&mut self.seen))
    }

    /// Whether no byte of a magic number was seen.
    pub(super) fn is_empty(&self) -> bool {
        self.seen.len == 0
    }
}
