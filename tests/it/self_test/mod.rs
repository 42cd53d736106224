//! `cimsnap doctor --self-test`, with our own library in the place of `cimfs.dll`: as it is, and sabotaged.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::native::stub::compile;
use crate::support::built_library;

/// A machine on which a self-test runs.
struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["volumes", "images"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        fs::write(root.path().join("config.toml"), "").unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Compiles a library that does to ours what `sabotage` says.
    fn sabotaged(&self, sabotage: &str) -> PathBuf {
        let library = compile(self.root.path(), include_str!("sabotage.c"));
        let says = format!("{}\n{sabotage}\n", built_library().display());
        fs::write(self.path("stub.so.says"), says).unwrap();
        library
    }

    fn run(&self, library: &Path, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        command.args(["doctor", "--self-test", "--config"]).arg(self.path("config.toml"));
        command.arg("--cimfs-library").arg(library).arg("--directory").arg(self.path("images")).args(words);
        command
            .env("CIMSNAP_VOLUMES", self.path("volumes"))
            .env("CIMSNAP_PROGRAM", env!("CARGO_BIN_EXE_cimsnap"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        self.is_clean(&output);
        output
    }

    fn json(&self, library: &Path) -> (Option<i32>, Value) {
        let output = self.run(library, &["--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        (output.status.code(), value)
    }

    /// Fails unless images and volumes are gone.
    fn is_clean(&self, output: &Output) {
        let left = |name: &str| {
            let entries = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap().file_name());
            entries.filter(|name| name != ".lock").collect::<Vec<_>>()
        };
        assert!(output.status.signal().is_none(), "{output:?}");
        assert_eq!((left("images"), left("volumes")), (vec![], vec![]), "{output:?}");
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        assert!(!mounts.contains(self.path("volumes").to_str().unwrap()), "{mounts}");
    }
}

fn steps(report: &Value) -> &[Value] {
    report["steps"].as_array().unwrap()
}

/// Returns the steps with an outcome.
fn with_outcome<'v>(report: &'v Value, outcome: &str) -> Vec<&'v str> {
    let steps = steps(report).iter().filter(|step| step["outcome"] == outcome);
    steps.map(|step| step["step"].as_str().unwrap()).collect()
}

fn step<'v>(report: &'v Value, name: &str) -> &'v Value {
    steps(report)
        .iter()
        .find(|step| step["step"] == name)
        .unwrap_or_else(|| panic!("no step {name}: {report:#}"))
}

#[test]
fn our_library_passes_every_step() {
    let bench = Bench::new();
    let (code, report) = bench.json(&built_library());
    assert_eq!(with_outcome(&report, "failed"), [""; 0], "{report:#}");
    assert_eq!(with_outcome(&report, "skipped"), [""; 0], "{report:#}");
    assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("passed")));
    assert_eq!(steps(&report).len(), 31);
    assert_eq!(report["exports"].as_array().unwrap().len(), 28);
    let compared = step(&report, "compare the volume of native fork.cim")["detail"].as_str().unwrap();
    assert!(compared.contains(" names, "), "{compared}");
}

#[test]
fn the_report_can_be_read() {
    let bench = Bench::new();
    let output = bench.run(&built_library(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let mut lines = text.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with(&format!("cimsnap {} self-test on linux", env!("CARGO_PKG_VERSION")))
    );
    assert!(text.contains("exports all 28 known functions\n"), "{text}");
    assert_eq!(lines.last(), Some("passed: 31 ok, 0 failed, 0 skipped"));
}

/// What the library does wrong, and a step that must fail then.
const SABOTAGE: &[(&str, &str)] = &[
    ("data", "compare the volume of native base.cim"),
    ("end of data", "compare by the portable reader native base.cim"),
    ("attributes", "compare by the library native base.cim"),
    ("times", "compare the volume of native fork.cim"),
    ("security", "compare the volume of native base.cim"),
    ("eas", "compare the volume of native base.cim"),
    ("reparse", "compare the volume of native base.cim"),
    ("streams", "compare the volume of native base.cim"),
    ("links", "write native base.cim"),
    ("deletions", "write native fork.cim"),
    ("lookup", "write native base.cim"),
    ("read", "compare by the library portable fork.cim"),
    ("stat", "compare by the library portable base.cim"),
    ("mount another", "compare the volume of portable fork.cim"),
    ("mount nothing", "compare the volume of native base.cim"),
    ("mount refused", "mount portable base.cim"),
    ("commit", "write native base.cim"),
];

/// Runs a self-test for each part of the sabotage; two parts run side by side.
fn fails_from(first: usize) {
    for &(sabotage, failed) in SABOTAGE.iter().skip(first).step_by(2) {
        let bench = Bench::new();
        let (code, report) = bench.json(&bench.sabotaged(sabotage));
        assert_eq!((code, report["verdict"].as_str()), (Some(3), Some("failed")), "{sabotage}: {report:#}");
        assert!(with_outcome(&report, "failed").contains(&failed), "{sabotage}: {report:#}");
    }
}

#[test]
fn every_sabotage_fails_the_self_test() {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| fails_from(1));
        fails_from(0);
        other.join().expect("no case fails");
    });
}

#[test]
fn a_sabotage_of_nothing_passes() {
    let bench = Bench::new();
    let (code, report) = bench.json(&bench.sabotaged("nothing"));
    assert_eq!(with_outcome(&report, "failed"), [""; 0], "{report:#}");
    assert_eq!(code, Some(0));
}

#[test]
fn results_of_the_library_are_in_the_report() {
    let bench = Bench::new();
    let (_, report) = bench.json(&bench.sabotaged("mount refused"));
    let refused = step(&report, "mount native base.cim");
    assert_eq!(refused["hresult"], "0x80070005");
    assert_eq!(refused["detail"], "CimMountImage: access is denied (HRESULT 0x80070005)");
    let (_, report) = bench.json(&bench.sabotaged("data"));
    let differs = &step(&report, "compare the volume of native base.cim")["differences"];
    assert!(differs[0].as_str().unwrap().contains("data of "), "{differs:#}");
}

#[test]
fn an_interrupted_self_test_dismounts_and_deletes_everything() {
    let bench = Bench::new();
    let (code, report) = bench.json(&bench.sabotaged("interrupt"));
    assert_eq!((code, report["verdict"].as_str()), (Some(1), Some("interrupted")), "{report:#}");
    assert_eq!(step(&report, "dismount native base.cim")["outcome"], "ok");
    assert_eq!(step(&report, "write native fork.cim")["outcome"], "skipped");
}

#[test]
fn without_a_library_the_portable_engine_is_tested_alone() {
    let bench = Bench::new();
    let (code, report) = bench.json(&bench.path("absent.so"));
    assert_eq!((code, report["verdict"].as_str()), (Some(3), Some("failed")));
    assert_eq!(with_outcome(&report, "failed"), ["load the library"]);
    assert_eq!(step(&report, "compare by the portable reader portable fork.cim")["outcome"], "ok");
    assert_eq!(step(&report, "mount portable base.cim")["outcome"], "skipped");
}

#[test]
fn a_directory_that_cannot_be_written_is_a_failure() {
    let bench = Bench::new();
    let output = bench.run(&built_library(), &["--json", "--directory", "/proc"]);
    assert_eq!(output.status.code(), Some(2), "the option is there once");
    fs::remove_dir(bench.path("images")).unwrap();
    fs::write(bench.path("images"), "a file").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
    command.args(["doctor", "--self-test", "--config"]).arg(bench.path("config.toml")).arg("--directory");
    let output =
        command.arg(bench.path("images")).arg("--cimfs-library").arg(built_library()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("failed   make a directory: "), "{text}");
}
