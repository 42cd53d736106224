//! A daemon that runs out of file descriptors, or has too many clients.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;

use tonic::Code;

use super::daemon::{Daemon, get};
use crate::fuse::eventually;

/// Limits the descriptors of a process that runs.
fn limit(process: u32, descriptors: &str) {
    let limit = format!("--nofile={descriptors}");
    assert!(
        Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).status().unwrap().success()
    );
}

fn count(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_accepted_again_once_there_are_descriptors() {
    let mut daemon = Daemon::start_with("[log]\nlevel = \"info\"\n", &[]);
    daemon.stop();
    let address = daemon.telling();
    let mut early = daemon.client().await;
    early.prepare("before", "").await.unwrap();
    // Below the number of all descriptors that are open: there is none for anything new.
    limit(daemon.id(), "3:4096");
    let clients: Vec<_> = (0..20).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    let mut page = TcpStream::connect(address).unwrap();
    page.write_all(b"GET /healthz HTTP/1.1\r\nHost: it\r\n\r\n").unwrap();
    let refused = |what: &str| format!("cannot accept connections to {what}, retrying");
    for what in ["the socket", "the metrics"] {
        eventually(what, || daemon.log().contains(&refused(what)));
    }
    // A client that is there already is served all the while.
    for _ in 0..20 {
        early.stat("before").await.unwrap();
    }
    limit(daemon.id(), "4096:4096");
    daemon.client().await.stat("before").await.unwrap();
    assert!(get(address, "GET /healthz").starts_with("HTTP/1.1 200"));
    drop(clients);
    for what in ["the socket", "the metrics"] {
        assert_eq!(count(&daemon.log(), &refused(what)), 1, "{}", daemon.log());
    }
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_clients_than_descriptors_wait_until_others_go() {
    let mut daemon = Daemon::unstarted();
    let inner = daemon.command(&daemon.socket());
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    daemon.start_as(command);
    let mut early = daemon.client().await;
    // As many as the queue of the kernel takes beside those that are accepted.
    let clients: Vec<_> = (0..100).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    for number in 0..20 {
        let key = format!("container-{number}");
        early.prepare(&key, "").await.unwrap();
        early.remove(&key).await.unwrap();
    }
    drop(clients);
    assert_eq!(daemon.client().await.stat("none").await.unwrap_err().code(), Code::NotFound);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_make_room_for_others_after_a_while() {
    let mut daemon = Daemon::unstarted();
    let inner = daemon.command(&daemon.socket());
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    daemon.start_as(command);
    let _silent: Vec<_> = (0..40).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    assert_eq!(daemon.client().await.stat("none").await.unwrap_err().code(), Code::NotFound);
    daemon.stop();
}
