//! The upcase table, as runs of units that are mapped alike.

use sha2::{Digest, Sha256};

use super::Anatomy;
use super::fields::{dump, place};
use crate::cim::names::upcase::UPCASE_LEN;
use crate::cim::units::RegionOffset;

/// Runs on a line.
const RUNS_ON_A_LINE: usize = 8;

/// Units `first`, `first + step` … `last` are mapped to themselves plus `delta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u16,
    last: u16,
    step: u16,
    delta: i32,
}

/// Prints the table at an offset.
pub(super) fn print(anatomy: &mut Anatomy<'_, '_>, offset: RegionOffset) {
    anatomy.report.section(format_args!("upcase table"));
    let len = u64::try_from(UPCASE_LEN * 2).unwrap_or(u64::MAX);
    let Some(table) = anatomy.object("the upcase table", 0, offset, len) else { return };
    let mapped = mapped(table);
    let digest = Sha256::digest(table);
    anatomy.report.line(format_args!(
        "at={} mapped={} sha256={}",
        place(offset),
        mapped.len(),
        dump(&digest)
    ));
    for line in runs(&mapped).chunks(RUNS_ON_A_LINE) {
        let line: Vec<String> = line.iter().map(show).collect();
        anatomy.report.line(format_args!("  {}", line.join(" ")));
    }
}

/// Returns the units that are not mapped to themselves, each with what is added to it.
fn mapped(table: &[u8]) -> Vec<(u16, i32)> {
    let units = table.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let deltas = (0..=u16::MAX).zip(units).map(|(unit, upper)| (unit, i32::from(upper) - i32::from(unit)));
    deltas.filter(|(_, delta)| *delta != 0).collect()
}

fn runs(mapped: &[(u16, i32)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &(unit, delta) in mapped {
        if let Some(run) = runs.last_mut().filter(|run| run.delta == delta) {
            let step = unit - run.last;
            if step <= 2 && (run.first == run.last || step == run.step) {
                (run.last, run.step) = (unit, step);
                continue;
            }
        }
        runs.push(Run { first: unit, last: unit, step: 1, delta });
    }
    runs
}

fn show(&Run { first, last, step, delta }: &Run) -> String {
    let last = if first == last { String::new() } else { format!("-{last:04x}") };
    let step = if step == 2 { "/2" } else { "" };
    format!("{first:04x}{last}{step}{delta:+}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        let mapped =
            [(0x61, -32), (0x62, -32), (0xFF, 121), (0x101, -1), (0x103, -1), (0x105, -1), (0x106, -1)];
        let shown: Vec<String> = runs(&mapped).iter().map(show).collect();
        assert_eq!(shown, ["0061-0062-32", "00ff+121", "0101-0105/2-1", "0106-1"]);
    }
}
