//! The tests of this directory that are written in Go, as containerd and Kubernetes are.

use std::process::Command;

use super::PROJECT;
use super::go_program::go_tests;

fn program() -> Command {
    let mut command = Command::new(PROJECT.join("target/tools/bin/deploy.test"));
    command.current_dir(PROJECT.join("tests/deploy")).env("CIMSNAP", env!("CARGO_BIN_EXE_cimsnap"));
    command
}

go_tests! {
    program:
    configurations: "TestConfigurations",
    containerd_is_told: "TestContainerdIsTold",
    faults_of_fragments: "TestFaultsOfFragments",
    faults_of_manifests: "TestFaultsOfManifests",
    fragments: "TestFragments",
    installer_reads_containerd: "TestInstallerReadsContainerd",
    installer_reads_plugins: "TestInstallerReadsPlugins",
    manifests: "TestManifests",
    a_new_runtime: "TestNewRuntime",
    others_keep_theirs: "TestOthersKeepTheirs",
    twice_is_once: "TestTwiceIsOnce",
    unpacks_of_all_versions: "TestUnpacksOfAllVersions",
}
