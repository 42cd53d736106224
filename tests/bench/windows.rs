//! Converting an image of Windows with the program for Windows, which Wine runs, beside that for Linux.
//!
//! ```text
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench windows
//! ```
//!
//! `report` makes a table of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

#[expect(dead_code, reason = "one kind of image is enough")]
#[path = "../make_image/generator/mod.rs"]
mod generator;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use generator::{Options, Os, generate};
use serde_json::{Value, json};
use support::{median, processor_time};

const RUNS: usize = 5;

/// The bytes of the layers.
const SIZE: u64 = 1 << 30;

/// Starts the program of a system.
type Start<'a> = &'a dyn Fn() -> Command;

/// How long a program ran, and how long of it on a processor, in seconds.
struct Took {
    wall: f64,
    /// Without what Wine's server has done for it.
    processor: f64,
}

fn main() {
    let root = support::scratch("windows-bench");
    let layout = root.join("layout");
    generate(&Options::new(Os::Windows, SIZE), &layout).unwrap();
    let program = built();
    let linux = || Command::new(env!("CARGO_BIN_EXE_cimsnap"));
    let windows = || on_windows(&program);
    let systems: [Start<'_>; 2] = [&linux, &windows];
    // Wine's server goes with the last program and takes a second to start: what runs at length does not wait for that.
    let mut session =
        on_windows(Path::new("cmd")).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let [mut conversions, mut starts] = [[vec![], vec![]], [vec![], vec![]]];
    // The first round warms the caches.
    for round in 0..=RUNS {
        for (system, start) in systems.iter().enumerate() {
            let (conversion, alone) = (convert(start(), &layout, &root.join("images")), begin(start()));
            if round > 0 {
                conversions[system].push(conversion);
                starts[system].push(alone);
            }
        }
    }
    let of =
        |[linux, windows]: &[Vec<Took>; 2]| json!({ "linux": medians(linux), "windows": medians(windows) });
    let results = json!({ "convert": of(&conversions), "start": of(&starts) });
    drop(session.stdin.take());
    session.wait().unwrap();
    println!("{results:#}");
    fs::remove_dir_all(&root).unwrap();
    support::keep("windows", &results);
}

fn medians(runs: &[Took]) -> Value {
    let of = |figure: fn(&Took) -> f64| median(runs.iter().map(figure).collect());
    json!({ "wall": of(|took| took.wall), "processor": of(|took| took.processor) })
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Brings the program for Windows up to date, and what runs it.
fn built() -> PathBuf {
    for (script, words) in
        [("tests/setup/windows.sh", &[][..]), ("tests/windows/cargo.sh", &["build", "--locked", "--release"])]
    {
        let status = Command::new(project().join(script)).args(words).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "{script}");
    }
    project().join("target/x86_64-pc-windows-gnu/release/cimsnap.exe")
}

fn on_windows(program: &Path) -> Command {
    let mut command = Command::new("wine");
    command.arg(program).env("WINEPREFIX", project().join("target/wine")).env("WINEDEBUG", "-all");
    command
}

/// Converts the image. Wine finds the paths of Linux on the disk that it works on.
fn convert(mut command: Command, layout: &Path, to: &Path) -> Took {
    drop(fs::remove_dir_all(to));
    command.args(["--quiet", "image", "convert", "--no-sync", "--platform", "windows/amd64"]);
    command.arg(format!("oci:{}", layout.display())).arg("--to").arg(to).current_dir("/");
    timed(command)
}

/// Starts the program, and has it do nothing.
fn begin(mut command: Command) -> Took {
    command.arg("--version");
    timed(command)
}

fn timed(mut command: Command) -> Took {
    let (start, worked) = (Instant::now(), processor_time());
    assert!(command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap().success(), "{command:?}");
    Took { wall: start.elapsed().as_secs_f64(), processor: processor_time() - worked }
}
