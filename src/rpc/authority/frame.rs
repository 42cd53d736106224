//! The frames of HTTP/2 (RFC 9113, section 4).

use super::FrameError;

/// The type of a frame that begins a header block.
pub(super) const HEADERS: u8 = 1;
/// The type of a frame that goes on with one.
pub(super) const CONTINUATION: u8 = 9;

/// The last frame of a stream.
pub(super) const END_STREAM: u8 = 0x01;
/// The last frame of a header block.
pub(super) const END_HEADERS: u8 = 0x04;
/// The length of the padding precedes what the frame holds.
pub(super) const PADDED: u8 = 0x08;
/// A priority precedes the header block.
pub(super) const PRIORITY: u8 = 0x20;

/// How many bytes the head of a frame takes.
pub(super) const HEAD: usize = 9;

/// What a frame may hold as long as nobody speaks of it. Our server never does.
pub(super) const MAX_FRAME: usize = 1 << 14;

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How many bytes follow the head.
    pub(super) len: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Head {
    /// Reads the head of a frame, if it has come as a whole.
    pub(super) fn parse(input: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = *input.first_chunk::<HEAD>()?;
        let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        // The highest bit means nothing.
        Some(Self { len, kind, flags, stream: u32::from_be_bytes(stream) & (u32::MAX >> 1) })
    }

    fn write(self, out: &mut Vec<u8>) {
        let len = u32::try_from(self.len).unwrap_or_default().to_be_bytes();
        out.extend_from_slice(&len[1..]);
        out.extend_from_slice(&[self.kind, self.flags]);
        out.extend_from_slice(&self.stream.to_be_bytes());
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Splits a frame with headers off, if it has come as a whole.
pub(super) fn split_frame<'a>(input: &mut &'a [u8]) -> Result<Option<(Head, &'a [u8])>, FrameError> {
    let Some(head) = Head::parse(input) else { return Ok(None) };
    if head.len > MAX_FRAME {
        return Err(FrameError::FrameSize { stream: head.stream, len: head.len });
    }
    Ok(input.split_off(..HEAD + head.len).map(|frame| (head, &frame[HEAD..])))
}

/// Appends a header block in as many frames as it takes. `flags` are those of the first one.
pub(super) fn write_headers(stream: u32, flags: u8, mut block: &[u8], out: &mut Vec<u8>) {
    let (mut kind, mut flags) = (HEADERS, flags & !END_HEADERS);
    loop {
        let len = block.len().min(MAX_FRAME);
        let (piece, rest) = block.split_at(len);
        if rest.is_empty() {
            flags |= END_HEADERS;
        }
        Head { len, kind, flags, stream }.write(out);
        out.extend_from_slice(piece);
        if rest.is_empty() {
            return;
        }
        (kind, flags, block) = (CONTINUATION, 0, rest);
    }
}
