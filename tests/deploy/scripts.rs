//! Scripts of the shell, as shellcheck reads them.

use std::fs;
use std::process::{Command, Output};

use super::PROJECT;

fn check(scripts: &[impl AsRef<std::ffi::OsStr>]) -> Output {
    // What is sourced is checked by itself, and as part of who sources it.
    let options = ["--shell=bash", "--external-sources", "--exclude=SC1091,SC2154,SC2034"];
    Command::new("shellcheck").args(options).args(scripts).current_dir(&*PROJECT).output().unwrap()
}

#[test]
fn the_demo_has_no_fault() {
    let scripts: Vec<_> = fs::read_dir(PROJECT.join("deploy/demo"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sh"))
        .collect();
    assert!(scripts.len() > 3, "{scripts:?}");
    let output = check(&scripts);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn faults_are_found() {
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(&script, "rm $1\n").unwrap();
    assert!(!check(&[script.path()]).status.success());
}
