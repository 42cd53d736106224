//! Every command of `docs/operations.md`, run in the order of the page on a machine that lasts as long as that.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::PROJECT;
use super::package::pack;

/// What stands for something that the machine of a test does not have. Each has to be on the page.
const SUBSTITUTES: &[(&str, &str)] = &[
    // Both ways to install are tried, one after the other; the second one stays.
    ("tar --extract", "afresh && tar --extract"),
    ("cimsnap-0.1.0-", concat!("cimsnap-", env!("CARGO_PKG_VERSION"), "-")),
    ("cimsnap_0.1.0_", concat!("cimsnap_", env!("CARGO_PKG_VERSION"), "_")),
    ("_amd64.deb # on Debian: all of it, started by systemd", "_amd64.deb && systemctl is-active cimsnap"),
    // There is one version only.
    ("cimsnap_0.2.0_", concat!("cimsnap_", env!("CARGO_PKG_VERSION"), "_")),
    ("make install", "make --directory \"$project\" install"),
    ("cimsnap daemon", "foreground cimsnap daemon && systemctl start cimsnap"),
    ("docker.io/library/alpine:latest", "$registry/alpine:latest"),
    ("ctr images pull", "ctr images pull --plain-http"),
    ("echo works", "echo works | grep -x works"),
    ("snapshot info KEY", "snapshot info \"$(some_key)\""),
    ("crictl rmi --all", "crictl rmi --all && ctr images rm --sync \"$registry/alpine:latest\""),
    ("cimsnap snapshot ls # lists nothing any more", "says_nothing cimsnap snapshot ls --json"),
    ("cimsnap cim mounts # nothing either", "says_nothing cimsnap cim mounts #"),
];

/// Commands of Windows, which tests/windows/service.rs runs.
const OF_WINDOWS: &[&str] = &[
    r"cimsnap service install --config C:\cimsnap\config.toml",
    "cimsnap service start",
    "cimsnap service status",
];

/// Returns the lines of a page that begin with a prompt and stand in blocks of a console, without what aligns them.
fn commands(page: &str, prompt: &str) -> Vec<String> {
    let blocks = page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix(prompt));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let page = fs::read_to_string(PROJECT.join("docs/operations.md")).unwrap();
    assert_eq!(commands(&page, "> "), OF_WINDOWS);
    let mut script = commands(&page, "# ").join("\n");
    for (shown, run) in SUBSTITUTES {
        assert!(script.contains(shown), "the page does not say {shown:?} any more");
        script = script.replace(shown, run);
    }
    let machine = tempfile::tempdir_in(PROJECT.join("target")).unwrap();
    furnish(machine.path());
    fs::write(machine.path().join("commands"), script + "\n").unwrap();
    let output = Command::new(PROJECT.join("tests/deploy/operations/machine.sh"))
        .arg(machine.path())
        .current_dir(&*PROJECT)
        .output()
        .unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{printed}\n{errors}", output.status);
    assert!(printed.ends_with("\nall is run\n"), "{printed}\n{errors}");
}

/// Puts what is installed where an operator would have it.
fn furnish(machine: &Path) {
    let home = machine.join("home");
    fs::create_dir(&home).unwrap();
    pack(&home);
    let mut archive = Command::new(PROJECT.join("deploy/package/linux.sh"));
    archive.env("DIST", &home).env("CIMSNAP", home.join("cimsnap"));
    let output = archive.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
