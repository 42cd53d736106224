//! Frames of clients, as they should be and as they should not.

use std::io;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{FrameError, HpackError, LegalAuthority, Rewriter};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What containerd makes of `\\.\pipe\cimsnap`.
const PIPE: &str = "npipe:%2F%2F%2F%2F.%2Fpipe%2Fcimsnap";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field that enters no table.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let [name_len, value_len] = [name, value].map(|text| u8::try_from(text.len()).unwrap());
    assert!(name_len < 127 && value_len < 127);
    [&[0, name_len], name.as_bytes(), &[value_len], value.as_bytes()].concat()
}

fn rewrite(input: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut out = Vec::new();
    Rewriter::default().rewrite(&[PREFACE, input].concat(), &mut out)?;
    Ok(out.strip_prefix(PREFACE).unwrap().to_vec())
}

#[test]
fn only_what_is_no_authority_changes() {
    let illegal =
        [PIPE, "%5C%5C.%5Cpipe%5Ccimsnap", "\\\\.\\pipe\\x", "//./pipe/x", "", "a b", "ü", "a:b:c", "[::1"];
    let legal = ["localhost", "localhost:80", "127.0.0.1", "[::1]:1", "example.com", "user@host"];
    let cases = illegal.map(|from| (from, "localhost")).into_iter().chain(legal.map(|same| (same, same)));
    for (from, to) in cases {
        let request = |authority| {
            let fields = [literal(":path", PIPE), literal(":authority", authority), literal("x", PIPE)];
            frame(HEADERS, END_HEADERS, 1, &fields.concat())
        };
        assert_eq!(rewrite(&request(from)).unwrap(), request(to), "{from}");
    }
}

#[test]
fn indices_become_fields() {
    // :authority, with a name of the static table, enters the other one, from where the next request takes it.
    let first = [&[0x41, u8::try_from(PIPE.len()).unwrap()], PIPE.as_bytes(), &[0x83]].concat();
    let both = [frame(HEADERS, END_HEADERS, 1, &first), frame(HEADERS, END_HEADERS, 3, &[0x83, 0xbe])];
    let [authority, method] = [literal(":authority", "localhost"), literal(":method", "POST")];
    let expected = [
        frame(HEADERS, END_HEADERS, 1, &[&*authority, &method].concat()),
        frame(HEADERS, END_HEADERS, 3, &[&*method, &authority].concat()),
    ];
    assert_eq!(rewrite(&both.concat()).unwrap(), expected.concat());
}

#[test]
fn other_frames_are_neither_changed_nor_copied() {
    let frames: Vec<Vec<u8>> = (0..=255)
        .filter(|kind| *kind != HEADERS)
        .map(|kind| frame(kind, 0xff, 7, &vec![kind; 100 * usize::from(kind)]))
        .chain([frame(DATA, 0, 1, &vec![b'x'; 1 << 20])])
        .collect();
    let all = [PREFACE, &frames.concat()].concat();
    assert_eq!(Rewriter::default().pass(&all), all.len());
    let mut out = Vec::new();
    Rewriter::default().rewrite(&all, &mut out).unwrap();
    assert_eq!(out, all);
}

#[test]
fn pieces_of_headers_are_put_together() {
    let fields = [literal("a", "b"), literal("c", "d")].concat();
    let whole = frame(HEADERS, END_HEADERS | END_STREAM, 5, &fields);
    let padded = [&[3][..], &fields, &[0; 3]].concat();
    assert_eq!(rewrite(&frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 5, &padded)).unwrap(), whole);
    let pieces = [
        frame(HEADERS, END_STREAM, 5, &fields[..3]),
        frame(CONTINUATION, 0, 5, &[]),
        frame(CONTINUATION, END_HEADERS, 5, &fields[3..]),
    ];
    assert_eq!(rewrite(&pieces.concat()).unwrap(), whole);
    let prior = [&[2, 0, 0, 0, 1, 9][..], &fields, &[0; 2]].concat();
    let kept = frame(HEADERS, END_HEADERS | PRIORITY, 5, &prior[1..prior.len() - 2]);
    assert_eq!(rewrite(&frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 5, &prior)).unwrap(), kept);
    let none = frame(HEADERS, END_HEADERS, 5, &[]);
    assert_eq!(rewrite(&none).unwrap(), none);
}

#[test]
fn large_headers_are_written_in_several_frames() {
    // An entry of the table that takes one byte to send, and a kilobyte to write.
    let entry = [&[0x40, 1, b'n', 127, 0x81, 7][..], &[b'v'; 1024]].concat();
    let field = [&[0, 1, b'n', 127, 0x81, 7][..], &[b'v'; 1024]].concat();
    let request = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[&*entry, &[0xbe; 39]].concat());
    let block = field.repeat(40);
    let expected = [
        frame(HEADERS, END_STREAM, 1, &block[..16384]),
        frame(CONTINUATION, 0, 1, &block[16384..32768]),
        frame(CONTINUATION, END_HEADERS, 1, &block[32768..]),
    ];
    assert_eq!(rewrite(&request).unwrap(), expected.concat());
}

#[test]
fn hostile_frames_end_the_connection() {
    let stream = 1;
    let bomb = [&[0x40, 1, b'n', 127, 0x81, 7][..], &[b'v'; 1024], &[0xbe; 10_000]].concat();
    let begin = frame(HEADERS, 0, stream, &[]);
    let part = frame(CONTINUATION, 0, stream, &[0; 16384]);
    let index = |source| FrameError::Hpack { stream, source };
    let cases = [
        (frame(HEADERS, END_HEADERS, stream, &[0x80]), index(HpackError::Index(0))),
        (frame(HEADERS, END_HEADERS, stream, &bomb), FrameError::TooLarge { stream }),
        (frame(HEADERS, END_HEADERS, stream, &[0; 16385]), FrameError::FrameSize { stream, len: 16385 }),
        (frame(HEADERS, END_HEADERS | PADDED, stream, &[]), FrameError::Padding { stream }),
        (frame(HEADERS, END_HEADERS | PADDED, stream, &[2, 0]), FrameError::Padding { stream }),
        (frame(HEADERS, END_HEADERS | PRIORITY, stream, &[0; 4]), FrameError::Padding { stream }),
        ([&*begin, &frame(DATA, 0, stream, b"x")].concat(), FrameError::Interrupted { stream }),
        ([&*begin, &begin].concat(), FrameError::Interrupted { stream }),
        ([&*begin, &frame(CONTINUATION, 0, 3, &[])].concat(), FrameError::Interrupted { stream }),
        ([&*begin, &part.repeat(17)].concat(), FrameError::TooLarge { stream }),
        (
            [&*begin, &frame(CONTINUATION, 0, stream, &[]).repeat(1000)].concat(),
            FrameError::TooLarge { stream },
        ),
    ];
    for (input, error) in cases {
        assert_eq!(rewrite(&input), Err(error), "{:?}", &input[..9]);
    }
}

/// Sends bytes in pieces, and returns what is read behind the stream.
async fn through(pieces: Vec<Vec<u8>>) -> io::Result<Vec<u8>> {
    let (mut client, server) = tokio::io::duplex(1000);
    let sending = tokio::spawn(async move {
        for piece in pieces {
            // Whoever reads may give up.
            let _ = client.write_all(&piece).await;
        }
    });
    let mut server = LegalAuthority::new(server);
    let (mut out, mut buffer) = (Vec::new(), [0; 700]);
    loop {
        let len = server.read(&mut buffer).await?;
        out.extend_from_slice(&buffer[..len]);
        if len == 0 {
            sending.await.unwrap();
            return Ok(out);
        }
    }
}

fn await_it<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[test]
fn what_is_refused_is_told_to_who_reads() {
    let bad = [PREFACE, &frame(HEADERS, END_HEADERS, 1, &[0x80])].concat();
    let error = await_it(through(vec![bad])).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(error.to_string(), "the headers of stream 1 cannot be read");
}

/// Frames with sound headers, and others.
fn any_frames() -> impl Strategy<Value = Vec<u8>> {
    let entry = [&[0x41, 9][..], b"%2Fpipe%2"].concat();
    let field = prop_oneof![
        Just(literal(":authority", PIPE)),
        Just(entry.clone()),
        (0x81..0xbf_u8).prop_map(|index| vec![index]),
        vec(any::<u8>(), 50).prop_map(|value| [&[0x40, 1, b'n', 50][..], &value].concat()),
    ];
    let block = vec(field, 0..60).prop_map(move |fields| [&*entry, &fields.concat()].concat());
    let headers = (block, any::<prop::sample::Index>()).prop_map(|(block, at)| {
        let (first, rest) = block.split_at(at.index(block.len() + 1));
        [frame(HEADERS, 0, 1, first), frame(CONTINUATION, END_HEADERS, 1, rest)].concat()
    });
    let other = (any::<u8>(), 0..5000_usize)
        .prop_map(|(kind, len)| frame(if kind == HEADERS { DATA } else { kind }, 0, 1, &vec![kind; len]));
    vec(prop_oneof![headers, other], 0..10).prop_map(|frames| [PREFACE, &frames.concat()].concat())
}

proptest! {
    #[test]
    fn it_does_not_matter_where_a_read_ends(sent in any_frames(), lens in vec(1..2000_usize, 1..20)) {
        let mut whole = Vec::new();
        Rewriter::default().rewrite(&sent, &mut whole).unwrap();
        let (mut pieces, mut rest) = (Vec::new(), sent.as_slice());
        for len in lens.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*len));
            pieces.push(piece.to_vec());
            rest = after;
        }
        prop_assert_eq!(await_it(through(pieces)).unwrap(), whole);
    }

    #[test]
    fn what_was_rewritten_stays_as_it_is(sent in any_frames()) {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        Rewriter::default().rewrite(&sent, &mut once).unwrap();
        Rewriter::default().rewrite(&once, &mut twice).unwrap();
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn any_bytes_pass_or_are_refused(sent in vec(any::<u8>(), 0..2000)) {
        let mut out = Vec::new();
        let _ = Rewriter::default().rewrite(&[PREFACE, &[0, 0, 50, HEADERS, END_HEADERS], &sent].concat(), &mut out);
    }
}
