//! The whole program on Windows: compiled for it, and run by Wine.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod convert;
mod daemon;
#[expect(dead_code, reason = "one kind of image is enough")]
#[path = "../make_image/generator/mod.rs"]
mod generator;
mod growth;
mod hcsshim;
#[path = "../it/support/held.rs"]
mod held;
mod library;
mod machine;
mod native;
mod node;
mod process;
mod pull;
mod pull_native;
mod pulled;
mod served;
mod service;
mod wine;

use machine::finish;
use wine::{WINE, compile, windows_path};

/// Runs tests that were compiled for Windows, none of which may fail or be left out.
fn pass(program: &std::path::Path) {
    let stand_in = windows_path(&compile("node", "dll", &["-shared"]));
    let output = finish(WINE.run(program).env("CIMSNAP_STAND_IN", stand_in));
    let printed = String::from_utf8_lossy(&output.stdout);
    let passed = printed.contains("test result: ok. ") && printed.contains(" 0 failed; 0 ignored; ");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && passed, "{}\n{printed}{errors}", output.status);
}

#[test]
fn the_tests_of_the_library_pass() {
    pass(&WINE.library_tests);
}

#[test]
fn the_integration_tests_pass() {
    pass(&WINE.integration_tests);
}
