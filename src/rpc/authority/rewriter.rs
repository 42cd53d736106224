//! What a client sends, with another authority where that is none.

use tonic::codegen::http::uri::Authority;

use super::FrameError;
use super::block::{Block, MAX_BLOCK};
use super::frame::{END_HEADERS, HEAD, HEADERS, Head, split_frame, write_headers};
use super::hpack::{Decoder, write_literal};

/// How many bytes precede the first frame.
const PREFACE: usize = 24;

/// What the server is told instead. containerd itself says so on unix sockets.
const LEGAL: &[u8] = b"localhost";

/// Reads what one client sends, from its first byte on, and writes header blocks anew. Everything else stays as it is; what
/// breaks other rules of HTTP/2 is left to who reads it next.
#[derive(Debug)]
pub struct Rewriter {
    /// How many of the bytes that come next stay as they are.
    untouched: usize,
    /// The beginning of a frame.
    waiting: Vec<u8>,
    /// A header block whose end has not come.
    block: Option<Block>,
    decoder: Decoder,
}

impl Default for Rewriter {
    fn default() -> Self {
        Self { untouched: PREFACE, waiting: Vec::new(), block: None, decoder: Decoder::default() }
    }
}

impl Rewriter {
    /// Returns how many of the next bytes stay as they are and need not be copied. The others go to [`rewrite`](Self::rewrite).
    pub fn pass(&mut self, input: &[u8]) -> usize {
        if self.waiting.is_empty() { self.skip(input) } else { 0 }
    }

    /// Appends to `out` what becomes of the next bytes, as far as that can be told. After an error nothing more can be.
    pub fn rewrite(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(input);
        let mut rest = waiting.as_slice();
        loop {
            let (same, changing) = rest.split_at(self.skip(rest));
            out.extend_from_slice(same);
            rest = changing;
            let Some((head, payload)) = split_frame(&mut rest)? else { break };
            self.headers(head, payload, out)?;
        }
        let done = waiting.len() - rest.len();
        waiting.drain(..done);
        self.waiting = waiting;
        Ok(())
    }

    /// Counts the bytes before the next frame with headers.
    fn skip(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let step = self.untouched.min(input.len() - at);
            self.untouched -= step;
            at += step;
            match Head::parse(&input[at..]) {
                Some(head) if head.kind != HEADERS && self.block.is_none() => {
                    self.untouched = HEAD + head.len
                }
                _ => return at,
            }
        }
    }

    fn headers(&mut self, head: Head, payload: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        let block = match self.block.take() {
            None => Block::begin(head, payload)?,
            Some(mut block) => {
                block.go_on(head, payload)?;
                block
            }
        };
        if head.has(END_HEADERS) {
            return self.write_anew(block, out);
        }
        self.block = Some(block);
        Ok(())
    }

    /// Writes all fields in full, so that whoever reads them needs no table, which would have to be the client's.
    fn write_anew(&mut self, block: Block, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let stream = block.stream;
        let broken = |source| FrameError::Hpack { stream, source };
        let mut fields = block.priority;
        let mut input = block.fields.as_slice();
        self.decoder.begin(&mut input).map_err(broken)?;
        while !input.is_empty() {
            let mut field = self.decoder.next(&mut input).map_err(broken)?;
            if *field.name == *b":authority" && Authority::try_from(&*field.value).is_err() {
                field.value = LEGAL.into();
            }
            write_literal(&field, &mut fields);
            // One byte of the client's may stand for as much as fills its table.
            if fields.len() > MAX_BLOCK {
                return Err(FrameError::TooLarge { stream });
            }
        }
        write_headers(stream, block.flags, &fields, out);
        Ok(())
    }
}
