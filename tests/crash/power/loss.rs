//! What a power loss may leave of what was done.
//!
//! * Names, modes and the making of files reach the disk in the order in which they were done, as journals have it. How far is
//!   not known, but for what a sync says: that of a file has its making on the disk, that of a directory the names in it.
//! * Data reaches the disk in any order, or not at all, but for what a sync of its file says.

use std::collections::BTreeMap;
use std::fmt;

use super::disk::{Change, Disk, Number};

/// What becomes of data that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is not there.
    Lost,
    /// The file is as long as it would be, and nothing is in what was added.
    Zeros,
    /// Only so many bytes of it are there.
    Torn(usize),
}

/// A moment at which power is lost, and what is not there afterwards.
#[derive(Debug)]
pub(crate) struct Loss {
    /// How many changes were made by then.
    pub(crate) at: usize,
    /// How many of these have their names on the disk.
    names: usize,
    /// Data that is not as it was written.
    data: BTreeMap<usize, Fate>,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, names, data } = self;
        write!(f, "power lost after {at} changes, names of {names} kept, data {data:?}")
    }
}

impl Loss {
    /// Returns what is on the disk afterwards.
    pub(crate) fn leave(&self, changes: &[Change], mut disk: Disk) -> Disk {
        for (at, change) in changes[..self.at].iter().enumerate() {
            if !is_data(change) && at >= self.names {
                continue;
            }
            match (change, self.data.get(&at)) {
                (_, None) | (Change::SetLen { .. }, Some(Fate::Zeros)) => disk.apply(change),
                (_, Some(Fate::Lost)) => {}
                (Change::Write { number, offset, bytes }, Some(Fate::Zeros)) => {
                    let len = disk.len(*number).max(offset + bytes.len());
                    disk.set_len(*number, len);
                }
                (Change::Write { number, offset, bytes }, Some(Fate::Torn(kept))) => {
                    disk.write(*number, *offset, &bytes[..*kept]);
                }
                (change, Some(fate)) => panic!("{change:?} cannot be {fate:?}"),
            }
        }
        disk
    }
}

/// Returns the losses that are tried. Without `holes`, what is there of a file has none.
pub(crate) fn losses(changes: &[Change], holes: bool) -> Vec<Loss> {
    let mut all = Vec::new();
    for at in 0..=changes.len() {
        let done = &changes[..at];
        let (settled, loose) = (settled_names(done), loose_data(done));
        let every = |fate: Fate| loose.iter().map(|(at, _)| (*at, fate)).collect::<BTreeMap<_, _>>();
        let mut lose = |names, data| all.push(Loss { at, names, data });
        for names in [settled, at] {
            lose(names, BTreeMap::new());
            lose(names, every(Fate::Lost));
        }
        if holes {
            lose(at, every(Fate::Zeros));
        }
        for number in loose.iter().map(|(_, number)| *number) {
            let of_file = loose.iter().filter(|(_, of)| *of == number);
            lose(at, of_file.map(|(at, _)| (*at, Fate::Lost)).collect());
        }
        for kept in torn(done) {
            lose(at, BTreeMap::from([(at - 1, Fate::Torn(kept))]));
        }
        // Between two syncs, this is where most is at stake.
        if matches!(changes.get(at), None | Some(Change::Sync { .. })) {
            for names in settled..at {
                lose(names, BTreeMap::new());
                lose(names, every(Fate::Lost));
            }
            for (write, _) in loose.iter().filter(|_| holes) {
                lose(at, BTreeMap::from([(*write, Fate::Lost)]));
            }
        }
    }
    all
}

fn is_data(change: &Change) -> bool {
    matches!(change, Change::Write { .. } | Change::SetLen { .. })
}

/// Returns where a write that comes last may break off: at a block of the disk and at a page, somewhere in it.
fn torn(done: &[Change]) -> Vec<usize> {
    let Some(Change::Write { bytes, .. }) = done.last() else { return Vec::new() };
    let half = bytes.len() / 2;
    let mut breaks = vec![half / 512 * 512, half / 4096 * 4096, 512];
    breaks.retain(|kept| (1..bytes.len()).contains(kept));
    breaks.dedup();
    breaks
}

/// Returns writes, with their files, that no sync has brought to the disk.
fn loose_data(done: &[Change]) -> Vec<(usize, Number)> {
    let mut loose = Vec::new();
    for (at, change) in done.iter().enumerate() {
        match change {
            Change::Write { number, .. } | Change::SetLen { number, .. } => loose.push((at, *number)),
            Change::Sync { number, .. } => loose.retain(|(_, of)| of != number),
            _ => {}
        }
    }
    loose
}

/// Returns how many changes have their names on the disk for sure.
fn settled_names(done: &[Change]) -> usize {
    let mut settled = 0;
    for (at, change) in done.iter().enumerate() {
        if let Change::Sync { number, names } = change {
            let told_of = done[..at].iter().rposition(|change| is_settled_by(change, *number, *names));
            settled = settled.max(told_of.map_or(0, |last| last + 1));
        }
    }
    settled
}

/// Returns whether the sync of a file or directory has a change on the disk. One of data alone brings along the making of
/// its file, which would not be found otherwise.
fn is_settled_by(change: &Change, synced: Number, names: bool) -> bool {
    match change {
        Change::Make { number, .. } if *number == synced => true,
        Change::Make { parent, .. } => names && *parent == synced,
        Change::Rename { parents, number, .. } => names && (parents.contains(&synced) || *number == synced),
        Change::Remove { parent, .. } => names && *parent == synced,
        Change::Mode { number, .. } => names && *number == synced,
        _ => false,
    }
}
