//! `cimsnap cim anatomy`: the dump of an image that lies in the repository, and of images whose bytes lie.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cimsnap::cim::anatomy::{AnatomyOptions, DEFAULT_LIMIT, anatomy};

use crate::cli::Shell;
use crate::mutations::mutated;
use crate::support::hostile::{Files, directory, sample};

const CASES: u64 = 300;

/// A case takes milliseconds; this is for machines that are busy with something else.
const PATIENCE: Duration = Duration::from_secs(20);

fn dump(files: &Files, image: &str, anonymous: bool, limit: Option<usize>) -> (String, u64) {
    let mut out = Vec::new();
    let faults = anatomy(&*directory(files), image, &mut out, AnatomyOptions { anonymous, limit }).unwrap();
    (String::from_utf8(out).unwrap(), faults)
}

/// Compares with a file in the repository. `CIMSNAP_UPDATE_DATA=1` writes it.
fn is_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/anatomy").join(name);
    if std::env::var_os("CIMSNAP_UPDATE_DATA").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    let differs = text.lines().zip(golden.lines()).find(|(line, golden)| line != golden);
    assert!(text == golden, "{name} is out of date; the first difference is {differs:?}");
}

#[test]
fn the_dump_of_a_fork_is_the_golden_one() {
    let version = format!("cimsnap {}", env!("CARGO_PKG_VERSION"));
    for (name, anonymous) in [("fork.txt", false), ("fork-anonymous.txt", true)] {
        let (text, faults) = dump(&sample(), "b.cim", anonymous, Some(DEFAULT_LIMIT));
        assert_eq!(faults, 0);
        is_golden(name, &text.replace(&version, "cimsnap VERSION"));
    }
}

/// Dumps a changed image in every way; returns whether the change shows as a fault.
fn run(sound: &Files, case: u64) -> bool {
    let size: usize = sound.values().map(Vec::len).sum();
    let files = mutated(sound, case);
    let mut has_faults = false;
    for image in ["a.cim", "b.cim"].into_iter().filter(|&image| files.contains_key(image)) {
        let started = Instant::now();
        let (text, faults) = dump(&files, image, case.is_multiple_of(3), None);
        assert!(text.is_ascii() && text.len() < 16 * size, "case {case}: {} bytes", text.len());
        assert!(started.elapsed() < PATIENCE, "case {case}");
        let (cut, same) = dump(&files, image, case.is_multiple_of(3), Some(10));
        assert!(cut.len() < 64 << 10 && same == faults, "case {case}: {} bytes", cut.len());
        has_faults |= faults > 0;
    }
    has_faults
}

#[test]
fn changed_bytes_never_make_a_dump_panic_or_grow() {
    let sound = sample();
    let half = |odd| (0..CASES).filter(|case| case % 2 == odd && run(&sound, *case)).count();
    let found = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        half(0) + other.join().expect("no case fails")
    });
    assert!(found as u64 > CASES / 10, "only {found} dumps tell of faults");
}

#[test]
fn tables_that_all_lead_to_one_another_are_read_once() {
    // A directory of file tables that names the same table over and over: 8192 times a thousand records.
    let mut files = sample();
    let image = files["a.cim"].clone();
    let set = u64::from_le_bytes(image[56..64].try_into().unwrap());
    let region =
        files.keys().filter(|name| name.starts_with("region_01")).nth(usize::try_from(set >> 48).unwrap());
    let region = region.unwrap().clone();
    let filesystem = usize::try_from(set & 0xFFFF_FFFF_FFFF).unwrap();
    let bytes = files.get_mut(&region).unwrap();
    let tables = u64::from_le_bytes(bytes[filesystem + 8..filesystem + 16].try_into().unwrap());
    let first = usize::try_from(tables & 0xFFFF_FFFF_FFFF).unwrap();
    let entry = bytes[first..first + 16].to_vec();
    let moved = bytes.len().next_multiple_of(8);
    bytes.resize(moved, 0);
    (0..8192).for_each(|_| bytes.extend_from_slice(&entry));
    let offset = tables & !0xFFFF_FFFF_FFFF | moved as u64;
    bytes[filesystem + 8..filesystem + 16].copy_from_slice(&offset.to_le_bytes());
    bytes[filesystem + 16..filesystem + 20].copy_from_slice(&8192_u32.to_le_bytes());
    let size: usize = files.values().map(Vec::len).sum();
    let (text, faults) = dump(&files, "a.cim", false, None);
    assert!(faults > 0 && text.contains("! structures overlap too often"), "{faults}");
    assert!(text.len() < 64 * size, "{} bytes of {size}", text.len());
}

#[test]
fn the_command_ends_as_the_image_is() {
    let shell = Shell::new();
    shell.image("x.cim", |writer| crate::support::put(writer, "name of a file", b"data"));
    let text = shell.ok("anatomy x.cim");
    assert!(text.starts_with("anatomy 1, cimsnap ") && text.contains("\"name of a file\""), "{text}");
    let anonymous = shell.ok("anatomy --anonymous x.cim");
    assert!(!anonymous.contains("name of") && !anonymous.contains("x.cim"), "{anonymous}");
    assert_eq!(shell.ok("anatomy --json x.cim"), text);
    assert_eq!(shell.fails("anatomy absent.cim").0, 4);
    fs::write(shell.path("text.cim"), "not an image").unwrap();
    assert_eq!(shell.fails("anatomy text.cim").0, 5);
}

#[test]
fn the_dump_of_ten_small_files_is_small() {
    let shell = Shell::new();
    shell.image("x.cim", |writer| {
        for number in 0..10 {
            crate::support::put(writer, &format!("{number}{}", "x".repeat(250)), &vec![1; number * 8000]);
        }
    });
    let len = shell.ok("anatomy --all x.cim").len();
    assert!(len < 100_000, "{len} bytes");
}
