//! Much at once.

use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::layer;
use super::root::whole;

/// How long the daemon is kept busy; the variable gives another number of seconds.
fn seconds() -> Duration {
    let given = std::env::var("CIMSNAP_LOAD_SECONDS").map(|text| text.parse().unwrap());
    Duration::from_secs(given.unwrap_or(3))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_prepare_and_remove() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    let mounts = client.prepare("extract-1 base", "").await.unwrap();
    client.apply(Some(daemon.blob(&layer("data"))), mounts).await.unwrap();
    client.commit("extract-1 base", "base").await.unwrap();
    let end = Instant::now() + seconds();
    let loops = (0..200).map(|number| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let parent = if number % 2 == 0 { "base" } else { "" };
            let mut rounds = 0;
            while rounds == 0 || Instant::now() < end {
                let key = format!("ns/{rounds}/container {number}");
                client.prepare(&key, parent).await.unwrap();
                client.stat(&key).await.unwrap();
                client.remove(&key).await.unwrap();
                rounds += 1;
            }
        })
    });
    for running in loops.collect::<Vec<_>>() {
        running.await.unwrap();
    }
    assert_eq!(client.list().await.0.len(), 1);
    assert_eq!(daemon.stop(), "");
    whole(daemon.root());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_snapshots_are_listed() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    for number in 0..1000 {
        client.prepare(&format!("extract-{number:04} x"), "").await.unwrap();
    }
    let (infos, messages) = client.list().await;
    let names: Vec<String> = infos.into_iter().map(|info| info.name).collect();
    let expected: Vec<String> = (0..1000).map(|number| format!("extract-{number:04} x")).collect();
    assert_eq!((names, messages), (expected, 10));
    daemon.stop();
}
