//! A database that could not be written: the daemon ends, and serves again once it is started anew.

use std::collections::HashMap;
use std::fs;

use tonic::{Code, Status};

use super::daemon::Daemon;
use super::full::Disk;
use super::grpc::Client;
use super::layer;

/// Writes to the database until that fails, and returns how.
async fn write_until_it_fails(client: &mut Client) -> Status {
    for number in 0.. {
        let labels = (0..8).map(|label| (format!("label-{label}"), "x".repeat(3000)));
        if let Err(error) = client.labelled(&format!("filling-{number}"), HashMap::from_iter(labels)).await {
            return error;
        }
    }
    unreachable!("the numbers have ended")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_ends_when_its_database_fails_and_starts_again_once_there_is_room() {
    let disk = Disk::new("24m");
    let root = disk.path().canonicalize().unwrap().join("root");
    let mut daemon = Daemon::unstarted();
    let start = |daemon: &mut Daemon| {
        let mut command = daemon.command(&daemon.socket());
        command.arg("--root").arg(&root);
        daemon.start_as(command);
    };
    start(&mut daemon);
    let mut client = daemon.client().await;
    let mounts = client.prepare("ns/1/extract-1 base", "").await.unwrap();
    client.apply(Some(daemon.blob(&layer("data"))), mounts).await.unwrap();
    client.commit("ns/1/extract-1 base", "base").await.unwrap();
    client.prepare("container", "base").await.unwrap();

    // The spare of the database goes first, and comes back as soon as there is room: so both are used up.
    let filler = disk.fill_up();
    let error = write_until_it_fails(&mut client).await;
    // The end of the daemon may be faster than its answer.
    assert!(matches!(error.code(), Code::ResourceExhausted | Code::Unknown | Code::Unavailable), "{error}");
    let (status, log) = daemon.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("cimsnap.redb failed and has to be opened again: No space left on device"), "{log}");

    fs::remove_file(filler).unwrap();
    start(&mut daemon);
    let mut client = daemon.client().await;
    client.stat("container").await.unwrap();
    client.prepare("container-2", "base").await.unwrap();
    assert_eq!(daemon.stop(), "");
    super::root::unmount_below(&root);
    super::root::whole(&root);
    super::root::unmount_below(&root);
}
