//! The program that starts containerd and its registry, and pulls.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs it in a directory with an image, and returns what it prints.
pub(crate) fn pullbench(root: &Path, args: &[&str], layout: &Path) -> String {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    for setup in ["containerd.sh", "pull-peers.sh"] {
        let installed = Command::new(project.join("tests/setup").join(setup)).status().unwrap();
        assert!(installed.success(), "{setup}: {installed}");
    }
    let peers = project.join("target/tools/peers/bin");
    let path = format!("{}:{}", peers.display(), env::var("PATH").unwrap());
    let output = Command::new(built("pullbench"))
        .env("PATH", path)
        .env("CIMSNAP", env!("CARGO_BIN_EXE_cimsnap"))
        .args(args)
        .arg("-dir")
        .args([root, layout])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Builds one of the programs in Go, and returns its path.
pub(crate) fn built(name: &str) -> std::path::PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = project.join("target/tools/bin").join(name);
    let mut build = Command::new("go");
    build.current_dir(project.join("tests/containerd")).args(["build", "-o"]).arg(&program);
    let built = build.arg(format!("./cmd/{name}")).status().unwrap();
    assert!(built.success(), "{built}");
    program
}
