//! The scripts of PowerShell, read by a parser of its grammar and by checks of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::PROJECT;

/// The scripts, which are one program.
fn scripts() -> Vec<PathBuf> {
    let windows = PROJECT.join("deploy/windows");
    let parts = fs::read_dir(windows.join("parts")).unwrap().map(|part| part.unwrap().path());
    let all: Vec<_> = [windows.join("install.ps1")].into_iter().chain(parts).collect();
    assert!(all.len() > 4 && all.iter().all(|script| script.extension().is_some_and(|it| it == "ps1")));
    all
}

fn check(scripts: &[PathBuf]) -> Output {
    Command::new("/usr/bin/python3")
        .arg(PROJECT.join("tests/deploy/powershell.py"))
        .args(scripts)
        .env("PYTHONPATH", PROJECT.join("target/deploy/python"))
        .output()
        .unwrap()
}

/// Copies the scripts, one of them with something in the place of something else.
fn changed(from: &str, to: &str, directory: &Path) -> Vec<PathBuf> {
    let mut found = false;
    let mut copy = |script: &PathBuf| {
        let mut text = fs::read_to_string(script).unwrap();
        if !found && text.contains(from) {
            text = text.replacen(from, to, 1);
            found = true;
        }
        let path = directory.join(script.file_name().unwrap());
        fs::write(&path, text).unwrap();
        path
    };
    let copies = scripts().iter().map(&mut copy).collect();
    assert!(found, "{from} is in none of the scripts");
    copies
}

#[test]
fn the_scripts_are_sound() {
    for program in [scripts(), vec![sample()]] {
        let output = check(&program);
        assert!(output.status.success(), "{output:?}");
    }
}

/// The script that writes a sample image, a program of its own.
fn sample() -> PathBuf {
    PROJECT.join("deploy/windows/cim-sample.ps1")
}

#[test]
fn faults_are_found() {
    for (from, to, fault) in [
        ("function Install-Cimsnap {", "function Install-Cimsnap {{", "is no PowerShell"),
        ("function Wait-Pipe {", "function Await-Pipe {", "Await-Pipe is no approved verb"),
        ("Wait-Pipe -Name $Node.Pipe", "Wait-Pip -Name $Node.Pipe", "Wait-Pip is neither"),
        ("Wait-Pipe -Name $Node.Pipe", "Wait-Pipe -Nam $Node.Pipe", "Wait-Pipe has no -nam"),
        ("Wait-Pipe -Name $Node.Pipe", "Wait-Pipe -Name $Nod.Pipe", "$Nod has no value"),
        ("Wait-Pipe -Name $Node.Pipe", "iex $Node.Pipe", "iex is neither"),
        ("Wait-Pipe -Name $Node.Pipe", "Wait-Pipe -Name $Node.Pipe && exit", "&& is not in"),
        ("Remove-Item -LiteralPath", "rm -LiteralPath", "rm is neither"),
        ("Remove-Item -LiteralPath", "Remove-Item -FollowSymlink", "Remove-Item has no -followsymlink"),
        ("(SupportsShouldProcess = $true)]\n    param($Node)", "()]\n    param($Node)", "but not both"),
        (
            "if ($PSCmdlet.ShouldProcess($saved, 'forget what was saved'))",
            "if ($saved)",
            "without ShouldProcess",
        ),
        ("Set-StrictMode -Version 3.0", "", "Set-StrictMode is missing"),
        ("Set-StrictMode -Version 3.0", "Set-StrictMode -Version 3.0 # \u{2013}", "is not ASCII"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let output = check(&changed(from, to, directory.path()));
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && printed.contains(fault), "{to}: {output:?}");
    }
}
