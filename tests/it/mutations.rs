//! Whatever the bytes of an image say, reading it ends, without a panic.
//!
//! Thousands of small changes to a sound image, one to three at a time, chosen by a seed. `CIMSNAP_SEED` chooses
//! another one, `CIMSNAP_CASES` how many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use cimsnap::cim::Guid;

use crate::support::format_writer::{Style, samples};
use crate::support::hostile::{Files, directory, read_everything, sample, write_over};

const SEED: u64 = 0x5EED;

/// Changed images that are read, and of these, how many are also written over.
const CASES: u64 = 1500;
const WRITTEN: u64 = 8;

/// A case takes milliseconds; this is for machines that are busy with something else.
const PATIENCE: Duration = Duration::from_secs(20);

/// xorshift64*: small, and good enough to choose bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Values that lie at the edge of something.
const EDGES: [u64; 10] = [0, 1, 2, 39, 40, 0xFF, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, u64::MAX];

#[derive(Debug)]
#[expect(dead_code, reason = "shown where a case fails")]
enum Mutation {
    Set { file: String, at: usize, bytes: Vec<u8> },
    Cut { file: String, len: usize },
    Copy { file: String, from: usize, to: usize, len: usize },
    Remove { file: String },
}

/// Most of the metadata is the upcase table, which would take most of the changes.
fn place(random: &mut Random, file: &str, len: usize) -> usize {
    const UPCASE: usize = 131_072;
    let at = random.below(len);
    let metadata = file == format!("region_{}_0", Guid::from_content([1; 16])) || len > UPCASE + 40;
    if metadata && random.below(16) > 0 {
        let rest = len - UPCASE.min(len);
        // The tables are written last.
        return len - 1 - random.below(rest.max(1));
    }
    at
}

fn mutate(files: &mut Files, random: &mut Random) -> Mutation {
    let names: Vec<String> = files.keys().cloned().collect();
    let file = names[random.below(names.len())].clone();
    let len = files[&file].len();
    let at = place(random, &file, len);
    match random.below(100) {
        0 => {
            files.remove(&file);
            return Mutation::Remove { file };
        }
        1..4 => {
            files.get_mut(&file).unwrap().truncate(at);
            return Mutation::Cut { file, len: at };
        }
        4..10 => {
            let (from, len) = (place(random, &file, len), 1 + random.below(64));
            let bytes = files.get_mut(&file).unwrap();
            let end = (from + len).min(bytes.len());
            let copied = bytes[from.min(end)..end].to_vec();
            let room = bytes.len() - at.min(bytes.len());
            let len = copied.len().min(room);
            bytes[at..at + len].copy_from_slice(&copied[..len]);
            return Mutation::Copy { file, from, to: at, len };
        }
        _ => {}
    }
    let bytes = match random.below(4) {
        0 => vec![random.next() as u8],
        1 => vec![files[&file].get(at).copied().unwrap_or(0) ^ (1 << random.below(8))],
        kind => {
            let width = [8, 4, 2, 1][random.below(4)];
            let edge = EDGES[random.below(EDGES.len())];
            let value = if kind == 2 { edge } else { edge.wrapping_sub(1 + random.next() % 64) };
            value.to_le_bytes()[..width].to_vec()
        }
    };
    // Fields lie at multiples of their width.
    let at = at - at % bytes.len();
    let end = (at + bytes.len()).min(len);
    files.get_mut(&file).unwrap()[at..end].copy_from_slice(&bytes[..end - at]);
    Mutation::Set { file, at, bytes }
}

/// Returns files with one to three changes, chosen by a number.
pub(crate) fn mutated(sound: &Files, case: u64) -> Files {
    changed(sound, SEED, case).0
}

fn changed(sound: &Files, seed: u64, case: u64) -> (Files, Vec<Mutation>) {
    let mut random = Random((seed ^ case.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1);
    let mut files = sound.clone();
    let count = 1 + random.below(3);
    let mutations = (0..count).map(|_| mutate(&mut files, &mut random)).collect();
    (files, mutations)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |number| number.parse().expect("a number"))
}

/// Changes the image and reads it; returns whether the change was noticed.
fn run(sound: &Files, seed: u64, case: u64) -> bool {
    let (files, mutations) = changed(sound, seed, case);
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let directory = directory(&files);
        let outcome = read_everything(&directory, &["a.cim", "b.cim"]);
        if case.is_multiple_of(WRITTEN) {
            write_over(&directory, "b.cim");
        }
        outcome
    }));
    let Ok(outcome) = outcome else { panic!("seed {seed}, case {case}: {mutations:#?}") };
    let took = started.elapsed();
    assert!(took < PATIENCE, "seed {seed}, case {case} took {took:?}: {mutations:#?}");
    let size: usize = sound.values().map(Vec::len).sum();
    assert!(outcome.names <= size as u64, "seed {seed}, case {case}: {} names", outcome.names);
    outcome.errors != Some(0)
}

/// Changes an image in many ways; at least a third of them must be noticed.
fn change(sound: &Files, cases: u64) {
    let seed = number("CIMSNAP_SEED", SEED);
    let half = |odd| (0..cases).filter(|case| case % 2 == odd).filter(|&case| run(sound, seed, case)).count();
    let found = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        half(0) + other.join().expect("no case fails")
    });
    assert!(found as u64 > cases / 3, "only {found} of {cases} changes were noticed");
}

#[test]
fn changed_bytes_never_make_reading_panic_or_hang() {
    change(&sample(), number("CIMSNAP_CASES", CASES));
}

#[test]
fn changed_bytes_of_other_versions_never_make_reading_panic_or_hang() {
    for major in [1, 3] {
        change(&samples(&Style::of_version(major)), number("CIMSNAP_CASES", CASES) / 3);
    }
}

#[test]
fn the_sound_image_has_no_fault() {
    let directory = directory(&sample());
    let outcome = read_everything(&directory, &["a.cim", "b.cim"]);
    assert_eq!((outcome.errors, outcome.failures), (Some(0), 0));
    assert_eq!(write_over(&directory, "b.cim").failures, 0);
    assert_eq!(read_everything(&directory, &["c.cim"]).errors, Some(0));
}
