//! Our library for Windows, as programs that link `cimfs.dll` see it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::machine::{Machine, finish};
use crate::wine::{WINE, project, windows_path};

/// Returns the functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(project().join("src/capi/cimfs.h")).unwrap();
    let (_, functions) = header.split_once("extern \"C\"").unwrap();
    let words = functions.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("Cim")).map(str::to_owned).collect()
}

#[test]
fn the_library_exports_what_the_header_declares() {
    let output = Command::new("x86_64-w64-mingw32-objdump").arg("-p").arg(&WINE.library).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, table) = text.split_once("[Ordinal/Name Pointer] Table").expect("a table of names");
    let lines = table.lines().skip(1).take_while(|line| line.trim_start().starts_with('['));
    let exported: BTreeSet<String> =
        lines.filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect();
    assert_eq!(exported, declared());
    assert_eq!(exported.len(), 28);
}

/// Runs a self-test on a machine, and returns its exit code and its report.
fn self_test(machine: &Machine, words: &[&str]) -> (Option<i32>, Value) {
    let place = tempfile::tempdir().unwrap();
    let mut command = machine.run(&WINE.program);
    command.args(["doctor", "--self-test", "--json", "--directory", &windows_path(place.path())]).args(words);
    let output = finish(&mut command);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{errors}"));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "files are left");
    (output.status.code(), report)
}

/// Returns the steps with an outcome.
fn with_outcome<'v>(report: &'v Value, outcome: &str) -> Vec<&'v str> {
    let steps = report["steps"].as_array().unwrap().iter().filter(|step| step["outcome"] == outcome);
    steps.map(|step| step["step"].as_str().unwrap()).collect()
}

/// Everything but the mount runs under Wine, and the report says so.
fn runs_up_to_the_mount(report: &Value) {
    assert_eq!(with_outcome(report, "failed"), [""; 0], "{report:#}");
    let skipped = with_outcome(report, "skipped");
    let needs_driver = |step: &&str| step.starts_with("mount ") || step.starts_with("compare the volume of ");
    assert!(skipped.len() == 8 && skipped.iter().all(needs_driver), "{skipped:?}");
    let ok = with_outcome(report, "ok");
    for step in [
        "write native fork.cim",
        "compare by the library native fork.cim",
        "compare by the library portable fork.cim",
    ] {
        assert!(ok.contains(&step), "{step}: {report:#}");
    }
    let mount =
        report["steps"].as_array().unwrap().iter().find(|step| step["step"] == "mount native base.cim");
    let detail = mount.unwrap()["detail"].as_str().unwrap();
    assert!(detail.starts_with("Wine has no CimFS driver: CimMountImage: "), "{detail}");
    assert!(report["system"].as_str().unwrap().contains("run by Wine"), "{report:#}");
}

#[test]
fn the_self_test_runs_up_to_the_mount_and_reads_the_version_resource() {
    let (code, report) = self_test(&Machine::default(), &["--cimfs-library", &windows_path(&WINE.library)]);
    runs_up_to_the_mount(&report);
    assert_eq!((code, report["verdict"].as_str()), (Some(3), Some("incomplete")));
    assert_eq!(report["library_version"], concat!(env!("CARGO_PKG_VERSION"), ".0"));
    let exports = report["exports"].as_array().unwrap();
    assert!(exports.len() == 28 && exports.iter().all(|export| export["found"] == true), "{exports:?}");
}

#[test]
fn the_self_test_finds_the_library_of_the_system() {
    let (_, report) = self_test(&Machine::with_library(), &[]);
    runs_up_to_the_mount(&report);
    let library = report["library"].as_str().unwrap().to_lowercase();
    assert_eq!(library, r"c:\windows\system32\cimfs.dll");
}

#[test]
fn without_a_library_the_self_test_fails() {
    let (code, report) = self_test(&Machine::default(), &[]);
    assert_eq!((code, report["verdict"].as_str()), (Some(3), Some("failed")));
    assert_eq!(with_outcome(&report, "failed"), ["load the library"]);
    assert!(
        with_outcome(&report, "ok").contains(&"compare by the portable reader portable fork.cim"),
        "{report:#}"
    );
}
