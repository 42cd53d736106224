//! A header block that comes in pieces (RFC 9113, section 6.2).

use super::FrameError;
use super::frame::{CONTINUATION, END_STREAM, Head, PADDED, PRIORITY};

/// The largest header block that is taken, or made of another one. containerd sends some hundred bytes.
pub(super) const MAX_BLOCK: usize = 256 << 10;

/// Most frames of a header block: with full ones it takes a few.
const MAX_FRAMES: usize = 128;

/// How many bytes a priority takes.
const PRIORITY_LEN: usize = 5;

/// A header block, as far as it has come.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    /// Those of the first frame that still hold without its padding.
    pub(super) flags: u8,
    /// The priority, or nothing.
    pub(super) priority: Vec<u8>,
    pub(super) fields: Vec<u8>,
    frames: usize,
}

impl Block {
    /// Begins a block with its first frame.
    pub(super) fn begin(head: Head, payload: &[u8]) -> Result<Self, FrameError> {
        let short = FrameError::Padding { stream: head.stream };
        let mut fields = if head.has(PADDED) { unpadded(payload).ok_or(short)? } else { payload };
        let priority_len = if head.has(PRIORITY) { PRIORITY_LEN } else { 0 };
        let priority = fields.split_off(..priority_len).ok_or(short)?;
        Ok(Self {
            stream: head.stream,
            flags: head.flags & (END_STREAM | PRIORITY),
            priority: priority.to_vec(),
            fields: fields.to_vec(),
            frames: 1,
        })
    }

    /// Goes on with another frame.
    pub(super) fn go_on(&mut self, head: Head, payload: &[u8]) -> Result<(), FrameError> {
        if head.kind != CONTINUATION || head.stream != self.stream {
            return Err(FrameError::Interrupted { stream: self.stream });
        }
        self.frames += 1;
        if self.frames > MAX_FRAMES || self.fields.len() + payload.len() > MAX_BLOCK {
            return Err(FrameError::TooLarge { stream: self.stream });
        }
        self.fields.extend_from_slice(payload);
        Ok(())
    }
}

/// Takes the padding off, whose length precedes what it pads.
fn unpadded(payload: &[u8]) -> Option<&[u8]> {
    let (padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub((*padding).into())?)
}
