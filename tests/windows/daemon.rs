//! The daemon, and those who ask it over its pipe.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio, id};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};

use crate::wine::{WINE, windows_path};

/// A daemon that runs.
struct Daemon {
    child: Child,
    place: tempfile::TempDir,
    /// What it says, until it ends.
    log: Option<JoinHandle<Vec<String>>>,
}

impl Daemon {
    /// Starts a daemon, and waits until it serves.
    fn start(name: &str) -> Self {
        Self::start_below(name, "")
    }

    /// Starts one whose root lies below another directory.
    fn start_below(name: &str, above: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = windows_path(&place.path().join(above).join("root"));
        let pipe = format!(r"\\.\pipe\cimsnap-{}-{name}", id());
        let text = format!("root = '{root}'\n[grpc]\naddress = '{pipe}'\n");
        fs::write(place.path().join("config.toml"), text).unwrap();
        let mut command = WINE.run(&WINE.program);
        command.args(["daemon", "--config", &windows_path(&place.path().join("config.toml"))]);
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut daemon = Self { child, place, log: None };
        let log = daemon.child.stderr.take().unwrap();
        let mut lines = BufReader::new(log).lines().map(Result::unwrap);
        let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("serving")).collect();
        assert!(daemon.child.try_wait().unwrap().is_none(), "{said:?}");
        daemon.log = Some(thread::spawn(move || lines.collect()));
        daemon
    }

    fn config(&self) -> String {
        windows_path(&self.place.path().join("config.toml"))
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    /// Asks for all snapshots.
    fn snapshots(&self) -> String {
        WINE.cimsnap(&["snapshot", "ls", "--json", "--config", &self.config()])
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Presses Ctrl-C, which is what Wine makes of the signal. Returns what the daemon says from then on.
    fn interrupt(&mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let status = self.child.wait().unwrap();
        let said = self.log.take().unwrap().join().unwrap();
        assert!(status.success(), "{status}: {said:?}");
        said
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_daemon_answers_over_its_pipe() {
    let daemon = Daemon::start("answers");
    assert!(daemon.root().join("cimsnap.redb").is_file());
    assert_eq!(daemon.snapshots(), "");
    let report = WINE.cimsnap(&["fsck", "--config", &daemon.config()]);
    assert!(report.starts_with("sound: 0 snapshots"), "{report}");
}

#[test]
fn a_root_may_lie_deeper_than_windows_had_paths() {
    let above = ["a-directory-among-many-others"; 10].join("/");
    let daemon = Daemon::start_below("deep", &above);
    let root = daemon.place.path().join(above).join("root");
    assert!(root.as_os_str().len() > 300 && root.join("cimsnap.redb").is_file());
    assert_eq!(daemon.snapshots(), "");
    let report = WINE.cimsnap(&["fsck", "--config", &daemon.config()]);
    assert!(report.starts_with("sound: 0 snapshots"), "{report}");
}

#[test]
fn many_are_answered_at_once() {
    let daemon = Daemon::start("many");
    thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| daemon.snapshots())).collect();
        for answer in asked {
            assert_eq!(answer.join().unwrap(), "");
        }
    });
}

#[test]
fn a_second_daemon_is_refused() {
    let daemon = Daemon::start("second");
    let mut command = WINE.run(&WINE.program);
    let output = command.args(["daemon", "--config", &daemon.config()]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("is in use by another cimsnap"), "{text}");
    assert_eq!(daemon.snapshots(), "");
}

#[test]
fn a_daemon_ends_calmly() {
    let mut daemon = Daemon::start("ends");
    assert_eq!(daemon.snapshots(), "");
    let said = daemon.interrupt();
    assert!(said.last().is_some_and(|line| line.contains("ended")), "{said:?}");
    assert_eq!(daemon.snapshots(), "");
}

#[test]
fn what_a_daemon_has_left_can_be_looked_at() {
    let mut daemon = Daemon::start("left");
    daemon.kill();
    assert_eq!(daemon.snapshots(), "");
}
