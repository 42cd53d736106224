//! The demo, on this machine, built without optimisation and with small images.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::PROJECT;
use super::page::normalised;

/// Demos share a directory.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn demo() -> Command {
    let mut command = Command::new(PROJECT.join("deploy/demo/demo.sh"));
    command.env("CIMSNAP_DEMO_PROFILE", "dev").env("CIMSNAP_DEMO_MIB", "4").env("CIMSNAP_DEMO_ROUNDS", "1");
    // As a shell starts what a Ctrl-C is to end.
    command.process_group(0);
    command
}

/// What a demo could leave outside of its directory.
fn traces() -> Vec<String> {
    let directory = format!("{}/", PROJECT.join("target/demo").display());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut found: Vec<String> =
        mounts.lines().filter(|line| line.contains(&directory)).map(str::to_owned).collect();
    for process in fs::read_dir("/proc").unwrap() {
        // Who has gone meanwhile has left nothing.
        let line = fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        found.extend(line.contains(&directory).then_some(line));
    }
    let groups = ["/sys/fs/cgroup/cimsnap-demo", "/sys/fs/cgroup/pids/cimsnap-demo"];
    found.extend(groups.iter().filter(|group| fs::exists(group).unwrap()).map(|&group| group.to_owned()));
    found
}

#[test]
fn it_shows_what_it_says_and_leaves_nothing() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let output = demo().output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    for claim in [
        "SOFTWARE_BASE: ",
        "which begin with regf",
        "[ZoneTransfer]",
        "of them the image shows: 0\n",
        "sound: 0 errors",
        "\nwritten in a container\n",
        "\ncimsnap to overlayfs ",
        "\nno mount, no process, no network namespace, no control group is left",
        "\nThe whole took ",
    ] {
        assert!(printed.contains(claim), "{claim:?} is missing: {printed}");
    }
    assert!(!printed.contains("delete with 0 whiteouts"), "{printed}");
    assert!(!printed.contains("not measured"), "{printed}");
    readme_shows_some_of(&printed);
    assert_eq!(traces(), Vec::<String>::new());
    assert!(!PROJECT.join("target/demo/state").exists());
}

/// Looks for all lines of it that the README shows, in their order.
fn readme_shows_some_of(printed: &str) {
    let readme = fs::read_to_string(PROJECT.join("README.md")).unwrap();
    let shown = readme.split("```console\n").find(|block| block.starts_with("== ")).unwrap();
    let shown = normalised(shown.split("```").next().unwrap());
    let printed = normalised(printed);
    let mut lines = printed.lines();
    for line in shown.lines().filter(|line| *line != "…") {
        assert!(lines.any(|printed| printed == line), "{line:?} is not printed, or not there:\n{printed}");
    }
}

/// Starts a demo, and waits until it prints a line.
fn until(line: &str) -> Child {
    let mut child = demo().stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let printed = BufReader::new(child.stdout.take().unwrap());
    let mut lines = printed.lines().map(|line| line.unwrap());
    assert!(lines.any(|printed| printed.starts_with(line)), "{line} is not printed");
    // A demo whose output nobody reads any more would end by itself.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Ends a demo once it prints a line, after which nothing of it is left.
fn ended_at(line: &str, end: impl FnOnce(Pid), code: i32) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = until(line);
    end(pid(&child));
    assert_eq!(child.wait().unwrap().code(), Some(code));
    assert_eq!(traces(), Vec::<String>::new());
    assert!(!PROJECT.join("target/demo/state").exists());
}

#[test]
fn an_interrupt_leaves_nothing() {
    ended_at("$ cimsnap bench", |group| kill_process_group(group, Signal::INT).unwrap(), 130);
}

#[test]
fn a_termination_leaves_nothing() {
    ended_at("== Look into the image of Windows", |demo| kill_process(demo, Signal::TERM).unwrap(), 143);
}

#[test]
fn all_ends_with_a_demo_that_is_killed() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = until("== Pull the image of Linux");
    kill_process(pid(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !traces().iter().all(|trace| trace.starts_with("/sys/")) {
        assert!(Instant::now() < deadline, "{:?}", traces());
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn it_says_what_it_needs() {
    let bin = tempfile::tempdir().unwrap();
    for (program, text) in [("id", "echo 1000"), ("cargo", "echo cargo 1.70.0")] {
        let path = bin.path().join(program);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let output = demo().env("PATH", path).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("* root") && complaint.contains("* Rust 1.90"), "{complaint}");
    assert!(output.stdout.is_empty(), "{output:?}");
}
