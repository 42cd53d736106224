//! What a daemon holds after many images have come and gone.

use std::fs;

use super::daemon::Daemon;
use super::grpc::{Client, Descriptor};
use super::layer;
use super::root::whole;
use crate::support::held::{Held, rounds};

/// The first rounds fill pools and caches.
const WARM: usize = 30;

/// Makes an image of two layers and a container over it, and removes all of it.
async fn round(client: &mut Client, layers: &[Descriptor], number: usize) {
    let mut names = vec![String::new()];
    for (index, layer) in layers.iter().enumerate() {
        let (name, key) = (format!("ns/{number}/{index}"), format!("ns/{number}/extract-1 {index}"));
        let mounts = client.prepare(&key, &names[index]).await.unwrap();
        client.apply(Some(layer.clone()), mounts).await.unwrap();
        client.commit(&key, &name).await.unwrap();
        names.push(name);
    }
    names.push(format!("ns/{number}/container"));
    client.prepare(&names[3], &names[2]).await.unwrap();
    for name in names[1..].iter().rev() {
        client.remove(name).await.unwrap();
    }
    client.cleanup().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_holds_no_more_after_many_rounds() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    let layers = ["lower", "upper"].map(|data| daemon.blob(&layer(data)));
    let mut warm = None;
    for number in 0..WARM + rounds(120) {
        if number == WARM {
            warm = Some(Held::by(daemon.id()));
        }
        round(&mut client, &layers, number).await;
    }
    Held::by(daemon.id()).is_as_much_as(&warm.unwrap());
    assert_eq!(client.list().await.0.len(), 0);
    let mounts = daemon.root().join("mounts");
    assert_eq!(fs::read_dir(mounts).unwrap().count(), 0);
    assert_eq!(daemon.stop(), "");
    whole(daemon.root());
}
