//! Collectors that do not take spans: nobody else may notice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tonic::Code;

use super::daemon::Daemon;
use super::layer;
use crate::fuse::eventually;

/// More than wait to be sent at most.
const REQUESTS: usize = 3000;

/// Spans go to the collector soon. One that does not answer is waited for as if for ever.
const SOON: &[(&str, &str)] = &[("OTEL_BSP_SCHEDULE_DELAY", "10"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000")];

fn sending(to: SocketAddr) -> Daemon {
    sending_with(to, SOON)
}

fn sending_with(to: SocketAddr, variables: &'static [(&'static str, &'static str)]) -> Daemon {
    let more = format!("[log]\nlevel = \"info,cimsnap::rpc=warn\"\n[tracing]\nendpoint = \"http://{to}\"\n");
    Daemon::start_with(&more, variables)
}

/// Starts what takes the place of a collector, and counts who comes.
fn collector(answer: impl Fn(usize, TcpStream) + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, came) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let counted = came.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(counted.fetch_add(1, Ordering::SeqCst), stream.unwrap());
        }
    });
    (address, came)
}

/// Reads as much of a request as matters, and answers.
fn say(mut stream: TcpStream, answer: &[u8]) {
    // What a client leaves early need not be answered.
    drop(stream.read(&mut [0; 1 << 16]).and_then(|_| stream.write_all(answer)));
}

/// Asks for a lot, and for a layer, all of which is answered as ever.
async fn serves(daemon: &Daemon) {
    let mut client = daemon.client().await;
    for _ in 0..REQUESTS {
        assert_eq!(client.stat("none").await.unwrap_err().code(), Code::NotFound);
    }
    let mounts = client.prepare("extract-1 base", "").await.unwrap();
    client.apply(Some(daemon.blob(&layer("data"))), mounts).await.unwrap();
    client.commit("extract-1 base", "base").await.unwrap();
}

/// Returns the warnings of a daemon that serves, and ends, whatever the collector does.
async fn warnings(mut daemon: Daemon, noticed: impl Fn(&str) -> bool) -> Vec<String> {
    serves(&daemon).await;
    eventually("a collector that is noticed", || noticed(&daemon.log()));
    let log = daemon.stop();
    log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).map(str::to_owned).collect()
}

fn cannot_send(log: &str) -> bool {
    log.contains("cannot send spans to 127.0.0.1:")
}

/// Fails unless there is one warning, which says this.
fn one(warnings: &[String], text: &str) {
    assert!(matches!(warnings, [only] if only.contains(text)), "{warnings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    one(&warnings(sending(nobody), cannot_send).await, "Connection refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers() {
    let (address, came) = collector(|_, stream| std::mem::forget(stream));
    let warnings = warnings(sending(address), |_| came.load(Ordering::SeqCst) == 1).await;
    one(&warnings, "the last spans are not sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn collectors_that_answer_with_nonsense() {
    let endless = [&b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n"[..], &[b'x'; 1 << 17]].concat();
    for (answer, text) in [
        (endless, "spans"),
        (b"SSH-2.0-collector\r\n".to_vec(), "spans"),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec(), "it answers 503"),
        (
            b"HTTP/1.1 307 Elsewhere\r\nlocation: /v1/traces\r\ncontent-length: 0\r\n\r\n".to_vec(),
            "it answers 307",
        ),
        (Vec::new(), "spans"),
    ] {
        let (address, _) = collector(move |_, stream| say(stream, &answer));
        one(&warnings(sending(address), cannot_send).await, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_comes_back() {
    let (address, _) = collector(|number, stream| match number {
        0 => say(stream, b"HTTP/1.1 400 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        _ => say(stream, b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
    });
    let daemon = sending(address);
    let again = |log: &str| log.contains("again");
    one(&warnings(daemon, again).await, "it answers 400");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_make_no_sense() {
    let (address, came) = collector(|_, stream| {
        say(stream, b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    });
    let daemon =
        sending_with(address, &[("OTEL_BSP_SCHEDULE_DELAY", "10"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "abc")]);
    let warnings = warnings(daemon, |_| came.load(Ordering::SeqCst) > 0).await;
    one(&warnings, r#"OTEL_EXPORTER_OTLP_TIMEOUT is "abc", which is no whole number: 10000 is taken"#);
}
