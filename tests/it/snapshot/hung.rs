//! Servers of mounts that are stopped, as by a dead disk: they hold up the containers of their image, and nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{Liveness, Mounter, Patience, PatientMounter, Unmount};
use cimsnap::snapshot::{Code, SnapshotOptions, Snapshots};
use rustix::process::{Pid, Signal, kill_process};
use tonic::Code as Status;

use super::daemon::{Daemon, get};
use super::grpc::Client;
use super::root::{Root, open, unmount_below};
use super::{code, image, layer, new, shown};
use crate::fuse::{eventually, mounter, servers};

fn signal(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(process.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// Servers of mounts that are stopped until this is dropped.
struct Stopped(Vec<u32>);

impl Stopped {
    fn new(at: &[&Path]) -> Self {
        let servers: Vec<u32> = at.iter().flat_map(|at| servers(at)).collect();
        assert_eq!(servers.len(), at.len());
        servers.iter().for_each(|&server| signal(server, Signal::STOP));
        Self(servers)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // They may be gone.
        for &server in &self.0 {
            let _ = kill_process(Pid::from_raw(server.try_into().unwrap()).unwrap(), Signal::CONT);
        }
    }
}

/// Pulls an image of one layer and shows it, and returns where it is mounted.
async fn shown_image(daemon: &Daemon, client: &mut Client, name: &str) -> PathBuf {
    let key = format!("ns/1/extract-1 {name}");
    let mounts = client.prepare(&key, "").await.unwrap();
    client.apply(Some(daemon.blob(&layer(name))), mounts).await.unwrap();
    client.commit(&key, name).await.unwrap();
    let mounts = client.prepare(&format!("container of {name}"), name).await.unwrap();
    lower(&mounts[0].options)
}

fn lower(options: &[String]) -> PathBuf {
    options.iter().find_map(|option| option.strip_prefix("lowerdir=")).unwrap().into()
}

/// Counts the threads of a process that wait for a mount.
fn waiting_threads(process: u32) -> usize {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default());
    names.filter(|name| name.trim() == "mount").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_holds_up_the_containers_of_its_image_alone() {
    let mut daemon = Daemon::start();
    daemon.stop();
    let address = daemon.telling();
    let mut client = daemon.client().await;
    let hung = shown_image(&daemon, &mut client, "hung").await;
    let also = shown_image(&daemon, &mut client, "also hung").await;
    let well = shown_image(&daemon, &mut client, "well").await;
    let idle = shown_image(&daemon, &mut client, "idle").await;
    let stopped = Stopped::new(&[&hung, &also, &idle]);

    for number in 0..10 {
        for name in ["hung", "also hung"] {
            let error = client.prepare(&format!("new {number}"), name).await.unwrap_err();
            assert_eq!(error.code(), Status::Unavailable, "{error}");
            assert!(error.message().contains("does not answer"), "{error}");
        }
        let key = format!("new {number}");
        let mounts = client.prepare(&key, "well").await.unwrap();
        assert_eq!(fs::read_to_string(lower(&mounts[0].options).join("file")).unwrap(), "well");
        client.remove(&key).await.unwrap();
    }
    assert_eq!(waiting_threads(daemon.id()), 2, "one for each image that hangs");

    // What shows a hung image can be removed, and the image be unmounted that nothing shows any more.
    client.remove("container of idle").await.unwrap();
    client.remove("idle").await.unwrap();
    client.cleanup().await.unwrap();
    eventually("an idle image that is unmounted", || mounter().mounted(&idle).unwrap().is_none());
    client.stat("hung").await.unwrap();
    for words in
        ["gc", "gc --dry-run", "snapshot ls", "snapshot info container of hung", "snapshot usage", "fsck"]
    {
        let words: Vec<_> = words.splitn(3, ' ').collect();
        let output = daemon.ask(&words);
        assert!(output.status.success(), "{words:?}: {output:?}");
    }
    let page = get(address, "GET /metrics");
    assert!(page.contains("cimsnap_broken_mounts 2\n"), "{page}");
    let log = daemon.log();
    assert!(log.contains("the mount hangs") && log.contains(hung.to_str().unwrap()), "{log}");
    let (hung_listed, well_listed) = (listed(&hung), listed(&well));
    assert!(hung_listed.ends_with(" (hung)"), "{hung_listed}");
    assert!(well_listed.ends_with(well.to_str().unwrap()), "{well_listed}");
    let doctor = daemon.answer(&["doctor"]).to_string();
    let told = format!("on {} does not answer", hung.display());
    assert!(doctor.contains(&told) && !doctor.contains(well.to_str().unwrap()), "{doctor}");

    // It ends, and starts again.
    daemon.stop();
    daemon.restart();
    let mut client = daemon.client().await;
    client.prepare("after the start", "well").await.unwrap();
    assert_eq!(client.prepare("not yet", "hung").await.unwrap_err().code(), Status::Unavailable);
    drop(stopped);
    eventually("no thread that waits", || waiting_threads(daemon.id()) == 0);
    let mounts = client.prepare("then", "hung").await.unwrap();
    assert_eq!(fs::read_to_string(lower(&mounts[0].options).join("file")).unwrap(), "hung");
    daemon.stop();
}

/// Returns what `cimsnap cim mounts` says of a mount.
fn listed(at: &Path) -> String {
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_cimsnap")).args(["cim", "mounts"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find(|line| line.contains(at.to_str().unwrap())).unwrap().to_owned()
}

/// Opens a root with little patience, and a program that serves its mounts.
fn impatient(root: &Path, program: &Path) -> Snapshots {
    let soon = Duration::from_millis(300);
    let patience = Patience { liveness: soon, mount: soon, unmount: Duration::from_secs(10) };
    let mounter = PatientMounter::new(Arc::new(FuseMounter::new(program)), patience);
    Snapshots::open(root, Arc::new(mounter), SnapshotOptions::default()).unwrap()
}

/// Makes a root with the images `slow` and `well`, and a program which serves mounts that stops `how` before it serves `slow`.
/// Returns the program, and the file where it names its process.
fn slow_program(root: &Root, how: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let all = open(root.path());
    image(&all, "slow", "", "slow");
    image(&all, "well", "", "well");
    let slow = super::row(&all, "slow").unwrap().image.unwrap();
    drop(all);
    let place = tempfile::tempdir().unwrap();
    let (program, process) = (place.path().join("program"), place.path().join("process"));
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *{}*) echo $$ >>{}; {how} ;; esac\nexec {} \"$@\"\n",
        slow.hex(),
        process.display(),
        env!("CARGO_BIN_EXE_cimsnap"),
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (place, program, process)
}

#[test]
fn a_server_that_is_stopped_before_it_mounts_holds_up_nothing_else() {
    let root = Root::new();
    let (_place, program, process) = slow_program(&root, "kill -STOP $$");
    let all = impatient(root.path(), &program);
    for _ in 0..10 {
        assert_eq!(code(all.view(new("slow view", "slow"))), Some(Code::Unavailable));
    }
    let processes = fs::read_to_string(process).unwrap();
    assert_eq!(processes.lines().count(), 1, "only one server is waited for");
    all.view(new("well view", "well")).unwrap();
    assert_eq!(shown(&all, "well view"), "well");
    all.cleanup().unwrap();
    all.usage("well view").unwrap();
    signal(processes.trim().parse().unwrap(), Signal::CONT);
    eventually("a mount that comes late", || all.view(new("slow view", "slow")).is_ok());
    assert_eq!(shown(&all, "slow view"), "slow");
}

#[test]
fn a_server_that_is_killed_before_it_mounts_is_replaced() {
    let root = Root::new();
    let once = tempfile::tempdir().unwrap();
    let how = format!("mkdir {0} && kill -STOP $$", once.path().join("once").display());
    let (_place, program, process) = slow_program(&root, &how);
    let all = impatient(root.path(), &program);
    assert_eq!(code(all.view(new("slow view", "slow"))), Some(Code::Unavailable));
    let process = fs::read_to_string(process).unwrap().trim().parse().unwrap();
    signal(process, Signal::KILL);
    eventually("another server", || all.view(new("slow view", "slow")).is_ok());
    assert_eq!(shown(&all, "slow view"), "slow");
}

#[test]
fn a_server_that_is_stopped_while_it_mounts_holds_up_nothing_else() {
    let root = Root::new();
    // Stopped on its way out of the call that mounts, so that the kernel waits for the first answer.
    let how = format!(
        "exec strace -qq -f -D -o /dev/null -e trace=mount -e inject=mount:signal=STOP {} \"$@\"",
        env!("CARGO_BIN_EXE_cimsnap")
    );
    let (_place, program, _) = slow_program(&root, &how);
    let all = impatient(root.path(), &program);
    assert_eq!(code(all.view(new("slow view", "slow"))), Some(Code::Unavailable));
    let slow = super::row(&all, "slow").unwrap().image.unwrap();
    let at = all.store().root().mount(&slow);
    assert!(mounter().mounted(&at).unwrap().is_some(), "it was stopped too early");
    let stopped = servers(&at);
    for _ in 0..3 {
        assert_eq!(code(all.view(new("slow view", "slow"))), Some(Code::Unavailable));
    }
    all.view(new("well view", "well")).unwrap();
    assert_eq!(shown(&all, "well view"), "well");
    all.cleanup().unwrap();
    drop(all);
    // The mount is left behind for the next start.
    let all = impatient(root.path(), Path::new(env!("CARGO_BIN_EXE_cimsnap")));
    eventually("a mount of another server", || all.view(new("slow view", "slow")).is_ok());
    assert_eq!(shown(&all, "slow view"), "slow");
    stopped.into_iter().for_each(|server| signal(server, Signal::KILL));
}

#[test]
fn a_mount_that_hangs_can_be_looked_at_and_unmounted() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "hung", "", "data");
    all.view(new("view", "hung")).unwrap();
    let at = all.store().root().mount(&super::row(&all, "hung").unwrap().image.unwrap());
    let link = root.path().join("link");
    std::os::unix::fs::symlink(&at, &link).unwrap();
    let stopped = Stopped::new(&[&at]);
    let patience = Patience { liveness: Duration::from_millis(100), ..Patience::default() };
    let patient = PatientMounter::new(Arc::new(mounter()), patience);
    for path in [&at, &link] {
        let mount = patient.mounted(path).unwrap().unwrap();
        assert_eq!(patient.liveness(&[mount]), [Liveness::Hung]);
    }
    mounter().unmount(&link, Unmount::Detach).unwrap();
    assert_eq!(mounter().mounted(&at).unwrap(), None);
    drop(stopped);
    drop(all);
    unmount_below(root.path());
}
