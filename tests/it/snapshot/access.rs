//! Only the user of the daemon can access what it makes, whatever its parent process allows.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use cimsnap::mount::Mounter;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::daemon::Daemon;
use super::layer;
use crate::fuse::{mounter, servers};

/// Has a command start with the umask that hides nothing.
fn with_umask_0(inner: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    command
}

/// Returns the mode of each file and directory below one, by its path there. What containers see is left out.
fn modes(root: &Path) -> BTreeMap<String, u32> {
    let mounts: Vec<_> = mounter().list().unwrap().into_iter().map(|mount| mount.at).collect();
    let (mut found, mut left) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(path) = left.pop() {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let is_shown = name.starts_with("snapshots/") && (name.ends_with("/fs") || name.ends_with("/work"));
        if is_shown || mounts.contains(&path) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(name, metadata.mode());
    }
    found
}

fn umask_of(process: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap().trim().to_owned()
}

/// Pulls two layers in both ways, runs and commits a container, and removes some of it.
async fn work(daemon: &Daemon, work_dir: &Path) {
    let mut client = daemon.client().await;
    let pulled = [("base", "", "data"), ("large", "base", &"data".repeat(1 << 20))];
    for (name, parent, data) in pulled {
        let key = format!("ns/1/extract-1 {name}");
        let mounts = client.prepare(&key, parent).await.unwrap();
        client.apply(Some(daemon.blob(&layer(data))), mounts).await.unwrap();
        client.commit(&key, name).await.unwrap();
    }
    let mounts = client.prepare("ns/2/extract-2 by-hand", "large").await.unwrap();
    write_through(&mounts[0].options, work_dir);
    client.commit("ns/2/extract-2 by-hand", "by-hand").await.unwrap();
    client.prepare("ns/3/removed", "base").await.unwrap();
    client.remove("ns/3/removed").await.unwrap();
    let mounts = client.prepare("ns/4/container", "by-hand").await.unwrap();
    write_through(&mounts[0].options, work_dir);
    client.commit("ns/4/container", "committed").await.unwrap();
    client.prepare("ns/5/container", "committed").await.unwrap();
    client.prepare("ns/6/extract-3 begun", "committed").await.unwrap();
    assert!(daemon.ask(&["snapshot", "ls"]).status.success());
    client.cleanup().await.unwrap();
}

/// Writes a file as containerd and containers do.
fn write_through(options: &[String], at: &Path) {
    let options = std::ffi::CString::new(options.join(",")).unwrap();
    mount("overlay", at, "overlay", MountFlags::empty(), options.as_c_str()).unwrap();
    fs::write(at.join("written"), "data").unwrap();
    unmount(at, UnmountFlags::empty()).unwrap();
}

async fn assert_private(root: &Path) {
    let mut daemon = Daemon::unstarted();
    let work_dir = tempfile::tempdir().unwrap();
    let mut command = daemon.command(&daemon.socket());
    command.arg("--root").arg(root);
    daemon.start_as(with_umask_0(&command));
    work(&daemon, work_dir.path()).await;
    let modes = modes(root);
    for name in
        ["", "cimsnap.redb", "cimsnap.spare", "cim", "cim/.cim-writer.lock", "snapshots", "mounts", "empty"]
    {
        assert!(modes.contains_key(name), "{name}: {modes:#?}");
    }
    assert!(modes.keys().any(|name| name.starts_with("cim/region_")), "{modes:#?}");
    for (name, mode) in &modes {
        let expected = if mode & 0o170_000 == 0o040_000 { 0o700 } else { 0o600 };
        assert_eq!(mode & 0o7777, expected, "{name}");
    }
    assert_eq!(umask_of(daemon.id()), "0077");
    let mounted =
        mounter().list().unwrap().into_iter().filter(|mount| mount.at.starts_with(root.join("mounts")));
    let servers: Vec<u32> = mounted.flat_map(|mount| servers(&mount.at)).collect();
    assert!(!servers.is_empty());
    servers.into_iter().for_each(|server| assert_eq!(umask_of(server), "0077"));
    // Containers see the modes of their image.
    let uppers = fs::read_dir(root.join("snapshots")).unwrap().map(|entry| entry.unwrap().path().join("fs"));
    uppers.for_each(|upper| assert_eq!(fs::metadata(upper).unwrap().mode() & 0o7777, 0o755));
    assert_eq!(daemon.stop(), "");
    super::root::unmount_below(root);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_root_is_private() {
    let place = tempfile::tempdir().unwrap();
    assert_private(&place.path().canonicalize().unwrap().join("above/root")).await;
    let above = fs::metadata(place.path().join("above")).unwrap();
    assert_eq!(above.mode() & 0o7777, 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_root_that_everybody_can_access_becomes_private() {
    for mode in [0o755, 0o777] {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, Permissions::from_mode(mode)).unwrap();
        // It says so in its log, but that is a warning.
        assert_private(&root).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_an_earlier_version_has_filled_becomes_private() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap().join("root");
    let mut daemon = Daemon::unstarted();
    let work_dir = tempfile::tempdir().unwrap();
    let start = |daemon: &mut Daemon| {
        let mut command = daemon.command(&daemon.socket());
        command.arg("--root").arg(&root);
        daemon.start_as(command);
    };
    start(&mut daemon);
    work(&daemon, work_dir.path()).await;
    daemon.stop();
    let before = modes(&root);
    for (name, mode) in &before {
        let wide = if mode & 0o170_000 == 0o040_000 { 0o755 } else { 0o666 };
        fs::set_permissions(root.join(name), Permissions::from_mode(wide)).unwrap();
    }
    start(&mut daemon);
    daemon.client().await.stat("ns/5/container").await.unwrap();
    assert_eq!(modes(&root).into_iter().filter(|(name, _)| before.contains_key(name)).collect::<Vec<_>>(), {
        before.into_iter().filter(|(name, _)| root.join(name).exists()).collect::<Vec<_>>()
    });
    daemon.stop();
    super::root::unmount_below(&root);
}

#[test]
fn doctor_names_files_that_others_can_access() {
    let mut daemon = Daemon::start();
    let symptoms = |daemon: &Daemon| daemon.answer(&["doctor"])["symptoms"].to_string();
    assert!(symptoms(&daemon).contains("is accessible to its owner alone"));
    let database = daemon.root().join("cimsnap.redb");
    fs::set_permissions(&database, Permissions::from_mode(0o640)).unwrap();
    let told = symptoms(&daemon);
    assert!(told.contains("cimsnap.redb can be accessed by other users (owner 0, mode 0640)"), "{told}");
    fs::set_permissions(daemon.root(), Permissions::from_mode(0o755)).unwrap();
    let told = symptoms(&daemon);
    assert!(told.contains("can be accessed by other users (owner 0, mode 0755)"), "{told}");
    daemon.stop();
    daemon.restart();
    assert!(symptoms(&daemon).contains("is accessible to its owner alone"));
    daemon.stop();
    chown(daemon.root(), Some(1000), None).unwrap();
    let told = symptoms(&daemon);
    assert!(told.contains("is owned by user 1000 (mode 0700)"), "{told}");
    let output = daemon.command(&daemon.socket()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("is owned by user 1000 (mode 0700)"), "{text}");
    assert!(text.contains("run `chown 0 "), "{text}");
    chown(daemon.root(), Some(0), None).unwrap();
}
