//! The daemon, and those who ask it over its pipe.

use std::thread;

use crate::machine::finish;
use crate::served::{Daemon, Setting};
use crate::wine::WINE;

/// Asks for all snapshots.
fn snapshots(daemon: &Daemon) -> String {
    WINE.cimsnap(&["snapshot", "ls", "--json", "--config", &daemon.config()])
}

#[test]
fn a_daemon_answers_over_its_pipe() {
    let daemon = Daemon::start("answers");
    assert!(daemon.root().join("cimsnap.redb").is_file());
    assert_eq!(snapshots(&daemon), "");
    let report = WINE.cimsnap(&["fsck", "--config", &daemon.config()]);
    assert!(report.starts_with("sound: 0 snapshots"), "{report}");
}

#[test]
fn a_root_may_lie_deeper_than_windows_had_paths() {
    let above = ["a-directory-among-many-others"; 10].join("/");
    let daemon = Daemon::start_in("deep", Setting { above, ..Setting::default() });
    assert!(daemon.root().as_os_str().len() > 300 && daemon.root().join("cimsnap.redb").is_file());
    assert_eq!(snapshots(&daemon), "");
    let report = WINE.cimsnap(&["fsck", "--config", &daemon.config()]);
    assert!(report.starts_with("sound: 0 snapshots"), "{report}");
}

#[test]
fn many_are_answered_at_once() {
    let daemon = Daemon::start("many");
    thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| snapshots(&daemon))).collect();
        for answer in asked {
            assert_eq!(answer.join().unwrap(), "");
        }
    });
}

#[test]
fn a_second_daemon_is_refused() {
    let daemon = Daemon::start("second");
    let mut command = WINE.run(&WINE.program);
    let output = finish(command.args(["daemon", "--config", &daemon.config()]));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("is in use by another cimsnap"), "{text}");
    assert_eq!(snapshots(&daemon), "");
}

#[test]
fn a_daemon_ends_calmly() {
    let mut daemon = Daemon::start("ends");
    assert_eq!(snapshots(&daemon), "");
    let said = daemon.interrupt();
    assert!(said.last().is_some_and(|line| line.contains("ended")), "{said:?}");
    assert_eq!(snapshots(&daemon), "");
}

#[test]
fn what_a_daemon_has_left_can_be_looked_at() {
    let mut daemon = Daemon::start("left");
    daemon.kill();
    assert_eq!(snapshots(&daemon), "");
}
