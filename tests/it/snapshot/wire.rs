//! What is on the daemon's socket, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::daemon::Daemon;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let stream = if kind == SETTINGS { 0 } else { 1_u32 };
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Connects, and sends what precedes all requests.
fn dial(daemon: &Daemon) -> UnixStream {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, &[])].concat()).unwrap();
    stream
}

/// Reads a frame, and returns its type and what it holds.
fn read_frame(stream: &mut UnixStream) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]).try_into().unwrap()];
    stream.read_exact(&mut payload).unwrap();
    (head[3], payload)
}

/// `LegalAuthority` counts on that.
#[test]
fn the_server_grants_no_larger_frames_and_tables_than_http_2() {
    const TABLE_SIZE: u16 = 1;
    const FRAME_SIZE: u16 = 5;
    let daemon = Daemon::start();
    let (kind, payload) = read_frame(&mut dial(&daemon));
    assert_eq!(kind, SETTINGS);
    assert!(!payload.is_empty(), "tonic has always said something");
    for setting in payload.chunks(6) {
        let value = u32::from_be_bytes(setting[2..].try_into().unwrap());
        match u16::from_be_bytes(setting[..2].try_into().unwrap()) {
            TABLE_SIZE => assert!(value <= 4096),
            FRAME_SIZE => assert!(value <= 16384),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_break_the_rules_end_their_connection_alone() {
    let daemon = Daemon::start();
    let mut client = daemon.client().await;
    let bomb = [&[0x40, 1, b'n', 127, 0x81, 7][..], &[b'v'; 1024], &[0xbe; 10_000]].concat();
    let begin = frame(HEADERS, 0, &[]);
    let attacks = [
        frame(HEADERS, END_HEADERS, &[0x80]),
        frame(HEADERS, END_HEADERS, &bomb),
        [begin.clone(), frame(CONTINUATION, 0, &[]).repeat(1000)].concat(),
        [begin.clone(), frame(CONTINUATION, 0, &[0; 16384]).repeat(100)].concat(),
        [begin.clone(), frame(SETTINGS, 0, &[])].concat(),
        frame(HEADERS, END_HEADERS, &[0; 20_000]),
    ];
    for attack in attacks {
        let mut stream = dial(&daemon);
        // The daemon may have hung up before all is written.
        let _ = stream.write_all(&attack);
        let ended = stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
        assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "{ended:?}");
        assert_eq!(client.list().await.0, []);
    }
}
