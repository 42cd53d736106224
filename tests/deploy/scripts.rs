//! Scripts of the shell, as shellcheck reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::PROJECT;

/// Checks scripts with all that they source.
fn check(scripts: &[PathBuf]) -> Output {
    Command::new("shellcheck").arg("-xa").args(scripts).current_dir(&*PROJECT).output().unwrap()
}

/// All scripts that are programs, of a directory and of those in it. The others are parts of these.
fn scripts(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scripts(&path, found);
        } else {
            let text = fs::read(&path).unwrap();
            let shells = [&b"#!/bin/sh"[..], b"#!/usr/bin/env bash"];
            found.extend(shells.iter().any(|shell| text.starts_with(shell)).then_some(path));
        }
    }
}

#[test]
fn scripts_have_no_fault() {
    let mut found = Vec::new();
    for directory in ["deploy", "tests"] {
        scripts(&PROJECT.join(directory), &mut found);
    }
    assert!(found.len() > 25, "{found:?}");
    let output = check(&found);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn faults_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let (script, part) = (directory.path().join("script"), directory.path().join("part"));
    fs::write(&part, "rm $1\n").unwrap();
    fs::write(&script, format!("#!/usr/bin/env bash\n. {}\n", part.display())).unwrap();
    assert!(!check(&[script]).status.success());
}
