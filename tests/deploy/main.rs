//! What lies in `deploy/`: read by the parts that are to read it, or by checks of ours where those run on Windows alone.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod demo;
mod go;
#[path = "../go_program.rs"]
mod go_program;
mod licences;
mod operations;
mod package;
mod page;
mod powershell;
mod readme;
mod scripts;
mod unit;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The project, with all installed that these tests need.
static PROJECT: LazyLock<PathBuf> = LazyLock::new(|| {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    for script in ["containerd.sh", "deploy.sh"] {
        let status = Command::new(project.join("tests/setup").join(script)).status().unwrap();
        assert!(status.success(), "tests/setup/{script}: {status}");
    }
    project.to_owned()
});
