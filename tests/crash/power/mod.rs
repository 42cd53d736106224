//! Power is lost at every moment of a verb. What a process has written stays when it is killed; here everything goes that no
//! sync has brought to the disk, or some of it.
//!
//! The child that does the work is recorded, once, by strace. What a loss would leave is made of the record, and the same
//! must hold of it as of a root whose process was killed.

mod call;
mod disk;
mod loss;
mod record;

use std::collections::HashMap;

use cimsnap::snapshot::SnapshotOptions;
use rustix::fs::Mode;
use tempfile::TempDir;

use crate::cases::Case;
use crate::root::{Root, State, open_with, unmount_below, whole_with};
use crate::{attempt, child, each};
use disk::{Change, Disk};
use loss::{Loss, losses};
use record::{Record, record};

/// The umask of all processes here, so that the modes of directories follow from the calls that make them.
const UMASK: u32 = 0o022;

pub(crate) fn set_umask() {
    rustix::process::umask(Mode::from_raw_mode(UMASK));
}

/// What came of a case.
struct Outcome {
    states: usize,
    failures: usize,
    /// Whether the case writes images, for which not everybody waits.
    writes_images: bool,
}

/// Loses power during a case. Returns how many states that leaves, and how many of these are no good.
pub(crate) fn run(index: usize, case: &Case) -> (usize, usize) {
    let patient = lose(index, case, true);
    if !patient.writes_images {
        return (patient.states, patient.failures);
    }
    let hasty = lose(index, case, false);
    (patient.states + hasty.states, patient.failures + hasty.failures)
}

fn lose(index: usize, case: &Case, sync: bool) -> Outcome {
    let options = SnapshotOptions { sync, ..SnapshotOptions::default() };
    let original = in_memory();
    (case.prepare)(&open_with(original.path(), options));
    unmount_below(original.path());
    let start = Disk::load(original.path());
    let before = whole_with(original.path(), options);

    let finished = restored(&start);
    let done = record(&mut child(index, finished.path(), sync), finished.path(), start.clone());
    unmount_below(finished.path());
    let differences = done.disk.differences(&Disk::load(finished.path()));
    assert!(differences.is_empty(), "{}: {differences:?} were changed by other means", case.name);
    let after = whole_with(finished.path(), options);

    let states = states(&done, &start, sync);
    let failures = each(&states, |(disk, loss, told)| {
        let root = restored(disk);
        let reason = survives(case, &root, options, (&before, &after), *told && case.kept).err()?;
        let told = if *told { ", after it was told" } else { "" };
        Some(format!("{}, sync {sync}: {loss}{told}: {reason}", case.name))
    });
    let writes_images = done.changes.iter().any(is_of_image);
    Outcome { states: states.len(), failures, writes_images }
}

fn is_of_image(change: &Change) -> bool {
    matches!(change, Change::Make { path, mode: None, .. } if path.starts_with("cim/"))
}

/// Returns what power losses leave, each state once, with one of the losses and whether the verb may have returned.
fn states(done: &Record, start: &Disk, holes: bool) -> Vec<(Disk, Loss, bool)> {
    let mut known = HashMap::new();
    let mut states: Vec<(Disk, Loss, bool)> = Vec::new();
    for loss in losses(&done.changes, holes) {
        let disk = loss.leave(&done.changes, start.clone());
        let told = loss.at >= done.told;
        let at = *known.entry(disk.digest()).or_insert(states.len());
        match states.get_mut(at) {
            Some((_, _, known_told)) => *known_told |= told,
            None => states.push((disk, loss, told)),
        }
    }
    states
}

/// A root that needs no disk.
fn in_memory() -> Root {
    Root(TempDir::new_in("/dev/shm").unwrap())
}

fn restored(disk: &Disk) -> Root {
    let root = in_memory();
    disk.write_to(root.path());
    root
}

/// Checks a root after a power loss.
fn survives(
    case: &Case,
    root: &Root,
    options: SnapshotOptions,
    (before, after): (&State, &State),
    told: bool,
) -> Result<(), String> {
    let is = |found: &State, state: &State| {
        if options.sync { found == state } else { is_rest(found, state, before) }
    };
    let found = attempt(|| whole_with(root.path(), options))?;
    if !is(&found, after) && (told || !is(&found, before)) {
        return Err(format!("found {found:#?}\nbetween {before:#?}\nand {after:#?}"));
    }
    let found = attempt(|| {
        (case.work)(&open_with(root.path(), options));
        whole_with(root.path(), options)
    })?;
    if !is(&found, after) {
        return Err(format!("repeated, it made {found:#?}\ninstead of {after:#?}"));
    }
    Ok(())
}

/// Returns whether a state is another one, but for images that were not there before the verb: nobody waited for them.
fn is_rest(found: &State, state: &State, before: &State) -> bool {
    let is_same = |(chain, name)| state.images.get(chain) == Some(name);
    let is_there = |chain| !state.images.contains_key(chain) || found.images.contains_key(chain);
    found.snapshots == state.snapshots
        && found.images.iter().all(is_same)
        && before.images.keys().all(is_there)
}
