//! Requests that nobody in their right mind sends.

use std::collections::HashMap;

pub(super) use cimsnap::cim::error_chain as chain;
use containerd_snapshots::api::types::Mount;
use tonic::Code;

use super::daemon::Daemon;
use super::grpc::{Client, Descriptor};
use super::layer;
use super::root::{open, whole};

#[tokio::test(flavor = "multi_thread")]
async fn any_text_is_a_key() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    let long = "k".repeat(1 << 20);
    let keys = [
        "a",
        " ",
        "/",
        "//",
        "..",
        "../../../../etc",
        "a/../b",
        "C:\\x",
        "ключ/鍵/مفتاح/🔑",
        "e\u{301}",
        "\u{e9}",
        "\0",
        "nul\0inside",
        "new\nline",
        "\u{202e}right",
        "%00%2e%2e",
        "extract-",
        "extract- ../..",
        "'\"`$(x)",
        &long,
    ];
    for key in keys {
        client.prepare(key, "").await.unwrap();
        assert_eq!(client.stat(key).await.unwrap().name, key);
        let again = client.prepare(key, "").await.unwrap_err();
        assert_eq!(again.code(), Code::AlreadyExists, "{again:?}");
    }
    assert_eq!(client.list().await.0.len(), keys.len());
    for key in keys {
        client.remove(key).await.unwrap();
        let gone = client.remove(key).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound, "{gone:?}");
        let orphan = client.prepare("child", key).await.unwrap_err();
        assert_eq!(orphan.code(), Code::NotFound);
    }
    assert_eq!(client.prepare("", "").await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.commit("", "x").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(client.commit("x", "").await.unwrap_err().code(), Code::InvalidArgument);
    for key in ["", "x"] {
        assert_eq!(client.stat(key).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(client.remove(key).await.unwrap_err().code(), Code::NotFound);
    }
    nothing_left(&mut daemon, &mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_may_be_huge() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    let labels: HashMap<String, String> =
        (0..1000).map(|number| (format!("label {number} \0/../é"), "v".repeat(4096))).collect();
    client.labelled("key", labels.clone()).await.unwrap();
    // The client's own limit is in the way of an answer of more than 4 MiB; that is how much it is.
    assert_eq!(client.stat("key").await.unwrap().labels, labels);
    let too_many = HashMap::from([("x".to_owned(), "v".repeat(17 << 20))]);
    let refused = client.labelled("more", too_many).await.unwrap_err();
    assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused:?}");
    client.remove("key").await.unwrap();
    nothing_left(&mut daemon, &mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mounts_of_others_are_not_touched() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = elsewhere.path().to_str().unwrap().to_owned();
    let ours = client.prepare("extract-1 x", "").await.unwrap();
    let upper =
        ours[0].options.iter().find_map(|option| option.strip_prefix("upperdir=")).unwrap().to_owned();
    client.prepare("container", "").await.unwrap();
    let container = client.prepare("container 2", "").await.unwrap();
    let snapshots = upper.rsplitn(3, '/').last().unwrap().to_owned();
    let paths = [
        outside.clone(),
        "/".to_owned(),
        String::new(),
        format!("{upper}/../../{outside}"),
        format!("{upper}/"),
        format!("{snapshots}/../snapshots/1/fs"),
        format!("{snapshots}/+1/fs"),
        format!("{snapshots}/01/fs"),
        format!("{snapshots}/{}/fs", u64::MAX),
        format!("{snapshots}/99999999999999999999999/fs"),
        format!("{snapshots}/-1/fs"),
        format!("{snapshots}/../mounts"),
    ];
    let overlay = |upper: &str| Mount {
        r#type: "overlay".to_owned(),
        source: "overlay".to_owned(),
        options: vec![format!("upperdir={upper}"), format!("lowerdir={outside}")],
        ..Mount::default()
    };
    let bind =
        |source: &str| Mount { r#type: "bind".to_owned(), source: source.to_owned(), ..Mount::default() };
    let mut all: Vec<Vec<Mount>> =
        paths.iter().flat_map(|path| [vec![overlay(path)], vec![bind(path)]]).collect();
    all.extend([vec![], vec![overlay(&upper), overlay(&upper)], container, vec![Mount::default()]]);
    let blob = daemon.blob(&layer("data"));
    for mounts in all {
        let refused = client.apply(Some(blob.clone()), mounts.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{mounts:?}: {refused:?}");
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    client.apply(Some(blob), ours).await.unwrap();
    for key in ["extract-1 x", "container", "container 2"] {
        client.remove(key).await.unwrap();
    }
    nothing_left(&mut daemon, &mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_are_not_what_they_should_be_are_refused() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    let mounts = client.prepare("extract-1 x", "").await.unwrap();
    let tar = layer("data");
    let good = daemon.blob(&tar);
    let with = |change: fn(&mut Descriptor)| {
        let mut blob = good.clone();
        change(&mut blob);
        blob
    };
    let refusals = [
        (with(|blob| blob.digest.clear()), Code::InvalidArgument),
        (with(|blob| blob.digest = "sha256:../../../../etc/passwd".to_owned()), Code::InvalidArgument),
        (with(|blob| blob.digest = format!("sha512:{}", "0".repeat(128))), Code::InvalidArgument),
        (with(|blob| blob.digest = blob.digest.to_uppercase()), Code::InvalidArgument),
        (with(|blob| blob.size = -1), Code::InvalidArgument),
        (with(|blob| blob.media_type.clear()), Code::Unimplemented),
        (with(|blob| blob.media_type = "text/plain".to_owned()), Code::Unimplemented),
        // Not in the store, or of another length than said: containerd is asked, which is not there.
        (with(|blob| blob.size = i64::MAX), Code::Unavailable),
        (with(|blob| blob.digest = format!("sha256:{}", "0".repeat(64))), Code::Unavailable),
    ];
    for (blob, code) in refusals {
        let refused = client.apply(Some(blob.clone()), mounts.clone()).await.unwrap_err();
        assert_eq!(refused.code(), code, "{blob:?}: {refused:?}");
    }
    assert_eq!(client.apply(None, mounts.clone()).await.unwrap_err().code(), Code::InvalidArgument);

    let mut other = tar.clone();
    other[600] ^= 1;
    for bytes in [other, vec![0; tar.len()], vec![0xff; tar.len()]] {
        daemon.spoil(&good, &bytes);
        let refused = client.apply(Some(good.clone()), mounts.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
        assert!(refused.message().contains(&good.digest));
    }
    let truncated = daemon.blob(&tar[..700]);
    let refused = client.apply(Some(truncated), mounts.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");

    daemon.spoil(&good, &tar);
    let applied = client.apply(Some(good.clone()), mounts).await.unwrap();
    assert_eq!(applied, good);
    client.remove("extract-1 x").await.unwrap();
    nothing_left(&mut daemon, &mut client).await;
}

/// Ends the daemon; what it leaves is an empty root.
async fn nothing_left(daemon: &mut Daemon, client: &mut Client) {
    client
        .snapshots
        .cleanup(containerd_snapshots::api::snapshots::v1::CleanupRequest::default())
        .await
        .unwrap();
    assert_eq!(client.list().await.0, []);
    daemon.stop();
    whole(daemon.root());
    let all = open(daemon.root());
    assert_eq!(super::files(&all), Vec::<String>::new());
    for directory in [all.store().root().snapshots(), all.store().root().mounts()] {
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
    }
}
