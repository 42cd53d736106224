//! Every verb is killed at each system call that changes something on the disk.
//!
//! A child process does the work, with strace between it and the kernel. The first child runs to its end and tells how
//! often it makes which call; each of the others is killed at one of them.

use std::process::Command;

use crate::cases::Case;
use crate::root::{Root, State, open, whole};
use crate::{TOLD, attempt, child, each, strace};

/// Kills the work of a case at every moment. Returns how many there are, and how many it does not survive.
pub(crate) fn run(index: usize, case: &Case) -> (usize, usize) {
    let original = Root::new();
    (case.prepare)(&open(original.path()));
    let before = whole(original.path());
    let finished = copy(&original);
    let kills = strace::moments(&mut child(index, finished.path(), true));
    let after = whole(finished.path());
    assert!(!kills.is_empty(), "{}: strace sees nothing", case.name);

    let failures = each(&kills, |kill| {
        let root = copy(&original);
        let told = kill.run(&mut child(index, root.path(), true)).contains(TOLD);
        let states = if told && case.kept { &[&after][..] } else { &[&before, &after][..] };
        let reason = survives(case, &root, states, &after).err()?;
        Some(format!("{}: {kill}{}: {reason}", case.name, if told { ", after it was told" } else { "" }))
    });
    (kills.len(), failures)
}

/// Copies a root that nobody has open.
fn copy(original: &Root) -> Root {
    let copy = Root::new();
    let from = original.path().join(".");
    let status = Command::new("cp").args(["-a", "--sparse=always", "-x"]).arg(from).arg(copy.path()).status();
    assert!(status.unwrap().success());
    copy
}

/// Checks a root whose work was killed: it is in one of the states, and comes to the last one when the work is done again.
fn survives(case: &Case, root: &Root, states: &[&State], last: &State) -> Result<(), String> {
    let found = attempt(|| whole(root.path()))?;
    if !states.contains(&&found) {
        return Err(format!("found {found:#?}\ninstead of one of {states:#?}"));
    }
    let found = attempt(|| {
        (case.work)(&open(root.path()));
        whole(root.path())
    })?;
    if found != *last {
        return Err(format!("repeated, it made {found:#?}\ninstead of {last:#?}"));
    }
    Ok(())
}
