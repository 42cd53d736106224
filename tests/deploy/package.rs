//! The package for Debian that the scripts in `deploy/package` make of the program of this build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PROJECT;

/// Packs the program, without the symbols that a debug build has, and without taking time to compress.
pub(super) fn pack(to: &Path) -> PathBuf {
    let program = to.join("cimsnap");
    let strip =
        Command::new("strip").arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_cimsnap")).status().unwrap();
    assert!(strip.success());
    let mut script = Command::new(PROJECT.join("deploy/package/deb.sh"));
    script
        .env("DIST", to)
        .env("CIMSNAP", &program)
        .env("COMPRESSION", "none")
        .env("SOURCE_DATE_EPOCH", "1000000000");
    let output = script.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    to.join(format!("cimsnap_{}_amd64.deb", env!("CARGO_PKG_VERSION")))
}

fn ask(package: &Path, question: &str) -> String {
    let output = Command::new("dpkg-deb").arg(question).arg(package).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_package_has_all_that_an_operator_needs() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [package, again] = directories.each_ref().map(|directory| pack(directory.path()));
    assert!(fs::read(&package).unwrap() == fs::read(again).unwrap(), "it is another one each time");

    let listed = ask(&package, "--contents");
    for (mode, path) in [
        ("-rw-r--r--", "etc/cimsnap/config.toml"),
        ("-rwxr-xr-x", "usr/bin/cimsnap"),
        ("-rw-r--r--", "usr/lib/systemd/system/cimsnap.service"),
        ("-rw-r--r--", "usr/share/bash-completion/completions/cimsnap"),
        ("-rw-r--r--", "usr/share/doc/cimsnap/changelog.gz"),
        ("-rw-r--r--", "usr/share/doc/cimsnap/copyright"),
        ("-rw-r--r--", "usr/share/doc/cimsnap/docs/operations.md"),
        ("-rw-r--r--", "usr/share/doc/cimsnap/examples/grafana/cimsnap.json"),
        ("-rw-r--r--", "usr/share/fish/vendor_completions.d/cimsnap.fish"),
        ("-rw-r--r--", "usr/share/man/man1/cimsnap-daemon.1.gz"),
        ("-rw-r--r--", "usr/share/zsh/vendor-completions/_cimsnap"),
    ] {
        let line = listed.lines().find(|line| line.ends_with(&format!(" ./{path}")));
        let line = line.unwrap_or_else(|| panic!("no {path}: {listed}"));
        assert!(
            line.starts_with(mode) && line.contains(" root/root ") && line.contains(" 2001-09-09 "),
            "{line}"
        );
    }
    assert!(!listed.contains("LICENSE") && !listed.contains("/usr/local"), "{listed}");

    let control = ask(&package, "--field");
    for line in ["Package: cimsnap", "Architecture: amd64", concat!("Version: ", env!("CARGO_PKG_VERSION"))] {
        assert!(control.lines().any(|told| told == line), "{control}");
    }
    assert!(control.contains("\nDepends: libc6 (>= "), "{control}");
    // No address of anybody's: names below `invalid` never lead anywhere.
    assert!(
        control.contains("\nMaintainer: cimsnap contributors <contributors@cimsnap.invalid>\n"),
        "{control}"
    );
}

#[test]
fn the_package_starts_the_program_where_it_puts_it() {
    let directory = tempfile::tempdir().unwrap();
    let package = pack(directory.path());
    let root = directory.path().join("root");
    assert!(Command::new("dpkg-deb").arg("--extract").args([&package, &root]).status().unwrap().success());
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/cimsnap.service")).unwrap();
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/")).unwrap();
    let program = root.join(started.split(' ').next().unwrap());
    let config = root.join("etc/cimsnap/config.toml");
    let check = Command::new(program).args(["config", "check"]).arg(config).output().unwrap();
    assert!(check.status.success(), "{check:?}");
    let notices = fs::read_to_string(root.join("usr/share/doc/cimsnap/THIRD-PARTY.txt")).unwrap();
    assert!(notices.contains("\nredb ") && notices.contains("Permission is hereby granted"));
}
