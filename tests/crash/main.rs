//! Every verb of the snapshots is killed, and loses power, at each system call that changes something on the disk. Whatever
//! the moment: what was told is there, what is there is whole, nothing else is left, and the verb can be repeated.
//!
//! An argument chooses the tests whose name has it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod cases;
mod kill;
mod power;
mod root;
mod strace;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;

use cases::{CASES, Case};
use cimsnap::snapshot::SnapshotOptions;
use root::open_with;

/// Tells a child which case it is to work on, where, and whether it waits for the disk.
const CASE: &str = "CIMSNAP_CRASH_CASE";
const ROOT: &str = "CIMSNAP_CRASH_ROOT";
const SYNC: &str = "CIMSNAP_CRASH_SYNC";

/// What a child says when its verb has returned.
const TOLD: &str = "told";

/// What is done to a case of a number. Returns at how many moments, and how many of them it does not survive.
type Test = fn(usize, &Case) -> (usize, usize);

const TESTS: &[(&str, Test)] = &[("killed", kill::run), ("without power", power::run)];

fn main() -> ExitCode {
    power::set_umask();
    if let Ok(index) = std::env::var(CASE) {
        work(&CASES[index.parse::<usize>().unwrap()]);
        return ExitCode::SUCCESS;
    }
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for (index, case) in CASES.iter().enumerate() {
        for (how, test) in TESTS {
            let name = format!("{}, {how}", case.name);
            if !name.contains(&wanted) {
                continue;
            }
            let (moments, failures) = test(index, case);
            println!("{name} at {moments} moments: {}", if failures == 0 { "ok" } else { "FAILED" });
            *(if failures == 0 { &mut passed } else { &mut failed }) += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does what a child has to do.
fn work(case: &Case) {
    let sync = std::env::var(SYNC).unwrap() == true.to_string();
    let options = SnapshotOptions { sync, ..SnapshotOptions::default() };
    let snapshots = open_with(Path::new(&std::env::var_os(ROOT).unwrap()), options);
    (case.work)(&snapshots);
    println!("{TOLD}");
}

fn child(index: usize, root: &Path, sync: bool) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env(CASE, index.to_string()).env(ROOT, root).env(SYNC, sync.to_string());
    child
}

/// Has all processors try things, and prints why some fail. Returns how many do.
fn each<T: Sync>(things: &[T], failure: impl Fn(&T) -> Option<String> + Sync) -> usize {
    let (left, failures) = (Mutex::new(things.iter()), Mutex::new(0));
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while let Some(thing) = { left.lock().unwrap().next() } {
                    if let Some(reason) = failure(thing) {
                        println!("{reason}");
                        *failures.lock().unwrap() += 1;
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

/// Does something that may panic, and returns what it says then.
fn attempt<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| scope.spawn(work).join()).map_err(reason)
}

fn reason(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
