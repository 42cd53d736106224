//! The daemon as a process, told to have a library write.

use serde_json::json;
use tonic::Code;

use super::super::daemon::Daemon;
use super::super::root::open as open_portable;
use super::{listing, row};
use crate::import::registry::{base, delta};
use crate::native::stub::failing;
use crate::support::built_library;

async fn pull(daemon: &Daemon, key: &str, parent: &str, blob: &[u8]) -> Result<(), tonic::Status> {
    let mut client = daemon.client().await;
    let mounts = client.prepare(&format!("ns/1/extract-1 {key}"), parent).await?;
    client.apply(Some(daemon.blob(blob)), mounts).await?;
    client.commit(&format!("ns/1/extract-1 {key}"), key).await
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_written_by_the_library_that_the_configuration_names() {
    let says = format!("engine = \"native\"\ncimfs_library = {:?}\n", built_library());
    let mut daemon = Daemon::saying(&says);
    pull(&daemon, "base", "", &base().bytes()).await.unwrap();
    pull(&daemon, "top", "base", &delta("SAM", "one", "1").bytes()).await.unwrap();
    let info = daemon.answer(&["snapshot", "info", "top"]);
    assert_eq!((&info["image"]["engine"], &info["image"]["tree"]), (&json!("native"), &json!("")));
    let report = daemon.answer(&["fsck", "--deep"]);
    assert_eq!((&report["sound"], &report["unread"]), (&json!(true), &json!(0)));
    let doctor = daemon.answer(&["doctor"]);
    let said = format!("images of Windows are written by the native engine: {}", built_library().display());
    let symptoms = doctor["symptoms"].as_array().unwrap();
    assert!(symptoms.iter().any(|it| it["seen"].as_str().unwrap().starts_with(&said)), "{symptoms:#?}");
    daemon.stop();

    let other = super::Root::new();
    let (all, portable) = (open_portable(daemon.root()), open_portable(other.path()));
    super::pull(&portable, &[base().bytes(), delta("SAM", "one", "1").bytes()]);
    assert!(row(&all, "top").is_native());
    assert!(listing(&all, "top") == listing(&portable, "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_library_says_reaches_the_client() {
    let place = tempfile::tempdir().unwrap();
    let library = failing(place.path(), "CimCreateFile", 0x8007_0005);
    let daemon = Daemon::saying(&format!("engine = \"native\"\ncimfs_library = {:?}\n", library.path()));
    let error = pull(&daemon, "base", "", &base().bytes()).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    let says = "cannot make /Files: CimCreateFile: access is denied (HRESULT 0x80070005)";
    assert!(error.message().contains(says), "{error}");
}
