//! A store to look at, and the program to look with.

use std::fs;
use std::io::Cursor;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cimsnap::layer::digest::Digest;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{Mounter, Unmount};
use cimsnap::snapshot::{CommitRequest, NewSnapshot, SnapshotError, SnapshotOptions, Snapshots};
use serde_json::Value;

use crate::import::tars::Tar;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cimsnap");

/// A directory with a configuration, and whatever a daemon keeps there.
pub(super) struct Bed {
    directory: tempfile::TempDir,
}

impl Bed {
    pub(super) fn new() -> Self {
        let bed = Self { directory: tempfile::tempdir().unwrap() };
        let text = format!(
            "root = {:?}\n[grpc]\naddress = {:?}\n[containerd]\naddress = {:?}\ncontent_root = {:?}\n",
            bed.root(),
            bed.path("cimsnap.sock"),
            bed.path("containerd.sock"),
            bed.content(),
        );
        fs::write(bed.path("config.toml"), text).unwrap();
        bed
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// Where containerd would keep its blobs.
    pub(super) fn content(&self) -> PathBuf {
        self.path("content")
    }

    pub(super) fn images(&self) -> PathBuf {
        self.root().join("cim")
    }

    /// Opens the store, as the daemon does.
    pub(super) fn open(&self) -> Snapshots {
        let mounter = Arc::new(FuseMounter::new(PROGRAM));
        once_free(|| Snapshots::open(self.root(), mounter.clone(), SnapshotOptions::default()))
    }

    /// Opens the store, and leaves it as it is.
    pub(super) fn look(&self) -> Snapshots {
        let mounter = Arc::new(FuseMounter::new(PROGRAM));
        once_free(|| Snapshots::open_as_it_is(self.root(), mounter.clone(), SnapshotOptions::default()))
    }

    /// Has containerd keep the blobs of [`Bed::filled`].
    pub(super) fn keep_blobs(&self) {
        let blobs = self.content().join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        for blob in [base(), top()] {
            fs::write(blobs.join(Digest::of(&blob).hex()), blob).unwrap();
        }
    }

    /// Makes a store with an image of two layers: `base`, and `top` over it.
    pub(super) fn filled() -> Self {
        let bed = Self::new();
        let snapshots = bed.open();
        pull(&snapshots, "base", "", base());
        pull(&snapshots, "top", "base", top());
        bed
    }

    /// Runs `cimsnap`, with words that hold no spaces and the configuration.
    pub(super) fn run(&self, words: &str) -> Output {
        self.command(&words.split(' ').collect::<Vec<_>>()).output().unwrap()
    }

    /// Calls `cimsnap` with words and the configuration.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words).arg("--config").arg(self.path("config.toml")).stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed, and returns what it prints.
    pub(super) fn ok(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the lines of JSON that a command prints.
    pub(super) fn json(&self, words: &str) -> Vec<Value> {
        let text = String::from_utf8(self.run(&format!("{words} --json")).stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts the daemon, and waits until it answers.
    pub(super) fn daemon(&self) -> Daemon {
        let log = fs::File::create(self.path("daemon.log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["daemon", "--config"]).arg(self.path("config.toml")).stdin(Stdio::null());
        let mut daemon = Daemon(command.stderr(log).spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(30);
        while UnixStream::connect(self.path("cimsnap.sock")).is_err() {
            let log = || fs::read_to_string(self.path("daemon.log")).unwrap();
            assert!(daemon.0.try_wait().unwrap().is_none() && Instant::now() < deadline, "{}", log());
            thread::sleep(Duration::from_millis(5));
        }
        daemon
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let mounter = FuseMounter::new(PROGRAM);
        let mounts = mounter.list().unwrap();
        for mount in mounts.iter().filter(|mount| mount.at.starts_with(self.root())) {
            mounter.unmount(&mount.at, Unmount::Detach).unwrap();
        }
    }
}

/// A daemon, killed when it is dropped.
pub(super) struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Opens a store. What another test starts has our locks too, for the moment until it is the program that it will be.
fn once_free(open: impl Fn() -> Result<Snapshots, SnapshotError>) -> Snapshots {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match open() {
            Ok(snapshots) => return snapshots,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::yield_now();
    }
}

/// Does what containerd does to unpack a layer.
pub(super) fn pull(snapshots: &Snapshots, name: &str, parent: &str, layer: Vec<u8>) {
    let key = format!("extract-1-AAAA {name}");
    let mounts = snapshots
        .prepare(NewSnapshot { key: key.clone(), parent: parent.into(), ..NewSnapshot::default() })
        .unwrap();
    let stream = LayerStream::open(Cursor::new(layer), StreamOptions::default()).unwrap();
    let target = snapshots.extraction(&mounts, None).unwrap().unwrap();
    snapshots.fill(&target, stream, None, Duration::ZERO).unwrap();
    snapshots.commit(&CommitRequest { name: name.into(), key, ..CommitRequest::default() }).unwrap();
}

pub(super) fn base() -> Vec<u8> {
    Tar::new().dir("etc").file("etc/hosts", &"127.0.0.1 localhost\n".repeat(1000)).bytes()
}

pub(super) fn top() -> Vec<u8> {
    Tar::new().dir("etc").file("etc/motd", &"hello\n".repeat(5000)).bytes()
}

/// The names of all files of a directory.
pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}
