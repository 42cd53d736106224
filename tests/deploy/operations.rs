//! Every command of `docs/operations.md`.

use std::fs;

use super::PROJECT;
use super::page::{run, steps, substitute};

/// What stands for something that the machine of a test does not have.
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

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let page = fs::read_to_string(PROJECT.join("docs/operations.md")).unwrap();
    let of_windows: Vec<String> = steps(&page, "> ").into_iter().map(|step| step.command).collect();
    assert_eq!(of_windows, OF_WINDOWS);
    let mut steps = steps(&page, "# ");
    substitute(&mut steps, SUBSTITUTES);
    let mut commands = vec!["push_image alpine:latest"];
    commands.extend(steps.iter().map(|step| step.command.as_str()));
    commands.extend(["[ ! -e /var/lib/cimsnap ]", "[ ! -e /run/cimsnap/cimsnap.sock ]"]);
    run(&commands, |_| ());
}
