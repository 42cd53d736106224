//! Every verb of the snapshots is killed at each system call that changes something on the disk. Whatever the moment: what
//! was told is there, what is there is whole, nothing else is left, and the verb can be repeated.
//!
//! A child process does the work, with strace between it and the kernel. The first child runs to its end and tells how
//! often it makes which call; each of the others is killed at one of them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod cases;
mod root;
mod strace;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;

use cases::{CASES, Case};
use root::{Root, open, whole};

/// Tells a child which case it is to work on, and where.
const CASE: &str = "CIMSNAP_CRASH_CASE";
const ROOT: &str = "CIMSNAP_CRASH_ROOT";

/// What a child says when its verb has returned.
const TOLD: &str = "told";

fn main() -> ExitCode {
    if let Ok(index) = std::env::var(CASE) {
        let snapshots = open(Path::new(&std::env::var_os(ROOT).unwrap()));
        (CASES[index.parse::<usize>().unwrap()].work)(&snapshots);
        println!("{TOLD}");
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (index, case) in CASES.iter().enumerate() {
        let (kills, failures) = run(index, case);
        println!("{}: killed at {kills} moments: {}", case.name, if failures == 0 { "ok" } else { "FAILED" });
        failed += usize::from(failures != 0);
    }
    println!("{} passed, {failed} failed", CASES.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Kills the work of a case at every moment. Returns how many there are, and how many it does not survive.
fn run(index: usize, case: &Case) -> (usize, usize) {
    let original = Root::new();
    (case.prepare)(&open(original.path()));
    let before = whole(original.path());
    let finished = copy(&original);
    let kills = strace::moments(&mut child(index, finished.path()));
    let after = whole(finished.path());
    assert!(!kills.is_empty(), "{}: strace sees nothing", case.name);

    let (left, failures) = (Mutex::new(kills.iter()), Mutex::new(0));
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some(kill) = { left.lock().unwrap().next() } {
                    let root = copy(&original);
                    let told = kill.run(&mut child(index, root.path())).contains(TOLD);
                    let states = if told && case.kept { &[&after][..] } else { &[&before, &after][..] };
                    if let Err(reason) = survives(case, &root, states, &after) {
                        println!(
                            "{}: {kill}{}: {reason}",
                            case.name,
                            if told { ", after it was told" } else { "" }
                        );
                        *failures.lock().unwrap() += 1;
                    }
                }
            });
        }
    });
    (kills.len(), failures.into_inner().unwrap())
}

/// Copies a root that nobody has open.
fn copy(original: &Root) -> Root {
    let copy = Root::new();
    let from = original.path().join(".");
    let status = Command::new("cp").args(["-a", "--sparse=always", "-x"]).arg(from).arg(copy.path()).status();
    assert!(status.unwrap().success());
    copy
}

fn child(index: usize, root: &Path) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env(CASE, index.to_string()).env(ROOT, root);
    child
}

/// Checks a root whose work was killed: it is in one of the states, and comes to the last one when the work is done again.
fn survives(case: &Case, root: &Root, states: &[&root::State], last: &root::State) -> Result<(), String> {
    let found = thread::scope(|scope| scope.spawn(|| whole(root.path())).join()).map_err(reason)?;
    if !states.contains(&&found) {
        return Err(format!("found {found:#?}\ninstead of one of {states:#?}"));
    }
    let repeat = || {
        (case.work)(&open(root.path()));
        whole(root.path())
    };
    let found = thread::scope(|scope| scope.spawn(repeat).join()).map_err(reason)?;
    if found != *last {
        return Err(format!("repeated, it made {found:#?}\ninstead of {last:#?}"));
    }
    Ok(())
}

fn reason(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
