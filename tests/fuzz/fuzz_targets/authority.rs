//! Any bytes of a client of HTTP/2 are passed on or refused, wherever a read ends. What was passed on passes as it is.
#![no_main]

use cimsnap::rpc::authority::{FrameError, Rewriter};
use libfuzzer_sys::fuzz_target;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fuzz_target!(|input: &[u8]| {
    let Some((len, frames)) = input.split_first() else { return };
    let sent = [PREFACE, frames].concat();
    let whole = in_pieces(&sent, sent.len());
    assert_eq!(in_pieces(&sent, usize::from(*len).max(1)), whole);
    if let Ok(once) = whole {
        assert_eq!(in_pieces(&once, once.len()), Ok(once.clone()));
    }
});

fn in_pieces(sent: &[u8], len: usize) -> Result<Vec<u8>, FrameError> {
    let (mut rewriter, mut out) = (Rewriter::default(), Vec::new());
    for piece in sent.chunks(len) {
        let passed = rewriter.pass(piece);
        out.extend_from_slice(&piece[..passed]);
        rewriter.rewrite(&piece[passed..], &mut out)?;
    }
    Ok(out)
}
