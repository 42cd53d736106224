//! The unit of systemd, read by systemd.

use std::fs;
use std::process::{Command, Output};

use super::PROJECT;

/// Has systemd read the unit, changed by `change`, as one that starts the program of this build.
fn verify(change: impl Fn(String) -> String) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let unit = directory.path().join("cimsnap.service");
    let text = fs::read_to_string(PROJECT.join("deploy/linux/cimsnap.service")).unwrap();
    fs::write(&unit, change(text.replace("/usr/local/bin/cimsnap", env!("CARGO_BIN_EXE_cimsnap")))).unwrap();
    Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&unit)
        .output()
        .unwrap()
}

#[test]
fn systemd_reads_the_unit() {
    let output = verify(|text| text);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn faults_are_found() {
    for (from, to) in [
        ("Type=notify", "Type=notified"),
        ("KillMode", "Killmode"),
        ("[Service]", "[Servic]"),
        ("ExecStart=", "ExecStart=relative/"),
        ("RestartSec=1", "RestartSec=soon"),
    ] {
        let output = verify(|text| text.replace(from, to));
        assert!(!output.status.success() || !output.stderr.is_empty(), "{to}: {output:?}");
    }
}

#[test]
fn the_daemon_is_private_has_descriptors_and_is_always_started_again() {
    let text = fs::read_to_string(PROJECT.join("deploy/linux/cimsnap.service")).unwrap();
    for line in [
        "UMask=0077",
        "RuntimeDirectory=cimsnap",
        "RuntimeDirectoryMode=0711",
        "LimitNOFILE=1048576",
        "Restart=always",
        "StartLimitIntervalSec=0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
}
