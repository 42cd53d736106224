//! Tests that are written in Go, compiled to a program: each runs in a process of its own.

use std::process::Command;

/// Runs a test, none of whose parts may be left out.
pub(crate) fn run(mut program: Command, name: &str) {
    let output = program.args(["-test.v", "-test.run", &format!("^{name}$")]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let passed = printed.contains(&format!("--- PASS: {name} ")) && !printed.contains("--- SKIP: ");
    assert!(output.status.success() && passed, "{name}: {}\n{printed}{errors}", output.status);
}

/// Fails unless the tests that are known are all that the program has.
pub(crate) fn has_only(mut program: Command, known: &[&str]) {
    let output = program.args(["-test.list", "."]).output().unwrap();
    let mut there: Vec<&str> = str::from_utf8(&output.stdout).unwrap().lines().collect();
    let mut here = known.to_vec();
    there.sort_unstable();
    here.sort_unstable();
    assert_eq!(here, there);
}

/// Makes a test of each that the program has which a function returns.
macro_rules! go_tests {
    ($program:path: $($name:ident: $test:literal,)*) => {
        $(#[test] fn $name() { $crate::go_program::run($program(), $test); })*

        #[test]
        fn every_test_stands_here() {
            $crate::go_program::has_only($program(), &[$($test),*]);
        }
    };
}
pub(crate) use go_tests;
