//! The tests of this directory that are written in Go, as containerd and Kubernetes are.

use std::process::{Command, Output};

use super::PROJECT;

fn program(arguments: &[&str]) -> Output {
    Command::new(PROJECT.join("target/tools/bin/deploy.test"))
        .args(arguments)
        .current_dir(PROJECT.join("tests/deploy"))
        .env("CIMSNAP", env!("CARGO_BIN_EXE_cimsnap"))
        .output()
        .unwrap()
}

fn run(name: &str) {
    let output = program(&["-test.v", "-test.run", &format!("^{name}$")]);
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let passed = printed.contains(&format!("--- PASS: {name} ")) && !printed.contains("--- SKIP: ");
    assert!(output.status.success() && passed, "{name}: {}\n{printed}{errors}", output.status);
}

macro_rules! tests {
    ($($name:ident: $test:literal,)*) => {
        $(#[test] fn $name() { run($test); })*

        #[test]
        fn every_test_stands_here() {
            let output = program(&["-test.list", "."]);
            let mut there: Vec<&str> = str::from_utf8(&output.stdout).unwrap().lines().collect();
            let mut here = vec![$($test),*];
            there.sort_unstable();
            here.sort_unstable();
            assert_eq!(here, there);
        }
    };
}

tests! {
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
}
