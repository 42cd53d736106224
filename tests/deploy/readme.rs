//! Every command of `README.md`, and what the page shows that it prints.

use std::fs;
use std::path::Path;

use super::PROJECT;
use super::page::{Step, normalised, run, steps, substitute};

/// What other tests run, or are.
const ELSEWHERE: &[&str] = &[
    "make demo # shows it at work, and leaves nothing behind",
    "make test # installs what the tests compare with, checks everything",
];

/// What stands for something that the machine of a test does not have.
const SUBSTITUTES: &[(&str, &str)] = &[
    ("cimsnap daemon &", "cimsnap daemon & await 'a daemon' test -S /run/cimsnap/cimsnap.sock"),
    ("docker.io/library/debian:latest", "$registry/debian:latest"),
    ("ctr images pull", "ctr images pull --plain-http"),
    ("localhost:5000/", "$registry/"),
];

/// What the page takes for granted.
const GRANTED: &[&str] = &[
    "cp cimsnap /usr/local/bin/",
    "mount --bind \"$directory/doc\" /usr/share/doc",
    "push_image app:1.0 -from \"$directory/share\" -at usr/share",
    "push_image debian:latest -from \"$directory/etc\" -at etc",
    "cp --recursive \"$directory/layouts/app:1.0\" layout",
];

#[test]
fn every_command_of_the_page_prints_what_it_shows() {
    let page = fs::read_to_string(PROJECT.join("README.md")).unwrap();
    let mut steps = steps(&page, "# ");
    let (elsewhere, rest) = steps.split_at(ELSEWHERE.len());
    assert!(elsewhere.iter().map(|step| &step.command).eq(ELSEWHERE), "{elsewhere:?}");
    assert!(rest.iter().filter(|step| !step.shown.is_empty()).count() > 5, "{rest:?}");
    steps.drain(..ELSEWHERE.len());
    substitute(&mut steps, SUBSTITUTES);
    let told = configuring();
    let mut commands = GRANTED.to_vec();
    commands.extend(told.iter().map(|step| step.command.as_str()));
    commands.extend(steps.iter().map(|step| step.command.as_str()));
    let printed = run(&commands, lay_out).split_off(commands.len() - steps.len());
    for (Step { command, shown }, printed) in steps.iter().zip(printed) {
        if !shown.is_empty() {
            assert_eq!(normalised(&printed), normalised(shown), "{command}");
        }
    }
}

/// How containerd comes to know of the daemon, to which the page has a link.
fn configuring() -> Vec<Step> {
    let page = fs::read_to_string(PROJECT.join("docs/operations.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Configure containerd\n")).unwrap();
    let mut told = steps(section, "# ");
    let end = told.iter().position(|step| step.command == "systemctl restart containerd").unwrap();
    told.truncate(end + 1);
    told
}

/// Files of every kind that an image keeps in a place of its own, and what its images hold.
fn lay_out(machine: &Path) {
    let files = [
        "doc/apt/changelog.gz",
        "doc/apt/copyright",
        "doc/apt/examples/apt.conf",
        "doc/apt/examples/configure-index",
        "doc/apt/examples/preferences",
        "doc/apt/examples/sources.list",
        "doc/apt/NEWS.Debian.gz",
        "doc/apt/README.md.gz",
        "doc/dpkg/copyright",
        "etc/debian_version",
        "share/doc/copyright",
        "share/misc/magic",
        "share/perl/strict.pm",
        "share/zoneinfo/UTC",
    ];
    for (number, file) in files.iter().enumerate() {
        let path = machine.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let large = file.repeat(20_000);
        let len = if number % 2 == 0 { 40 } else { large.len() };
        fs::write(path, &large.as_bytes()[..len]).unwrap();
    }
}
