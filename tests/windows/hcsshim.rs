//! Layers that hcsshim writes, which containerd's own snapshotter does that with, through our library.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::convert::cimsnap;
use crate::machine::{Machine, finish};
use crate::node::TOOLS;
use crate::wine::{project, windows_path};

/// Has hcsshim make images of layers, one over the other.
fn import(blobs: &[PathBuf], to: &Path) {
    let machine = Machine::with_library();
    let mut command = machine.run(&TOOLS.join("windows/hcsshim.exe"));
    command.arg(windows_path(to));
    let output = finish(command.args(blobs.iter().map(|blob| windows_path(blob))));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Tells what differs between two images, without times: those that layers do not say are in 1754 there.
fn differences(left: &Path, right: &Path) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
    let output = command.args(["cim", "diff", "--no-times"]).args([left, right]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    // In what order a file has its extended attributes differs from run to run there.
    let lines = str::from_utf8(&output.stdout).unwrap().lines().filter(|line| !line.ends_with(" (eas)"));
    lines.map(str::to_owned).collect()
}

#[test]
fn hcsshim_writes_the_same_but_for_what_is_known() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let layers = project().join("tests/data/layers");
    let blobs = ["windows-1-base.tar.gz", "windows-3-buildkit.tar.gz"].map(|name| layers.join(name));
    import(&blobs, &at("."));
    let [base, upper] = ["base.cim", "upper.cim"].map(|name| at(name).to_str().unwrap().to_owned());
    let [blob, over] = blobs.each_ref().map(|blob| blob.to_str().unwrap());
    cimsnap(&["layer", "import", blob, &base]);
    cimsnap(&["layer", "import", "--parent", &base, over, &upper]);

    // The library makes the root, and a link that does not say that it leads to a directory leads to a file.
    let known = ["M / (security)", "M /Files/Program Files/Layer 2/previous (kind)"];
    for (theirs, ours, known) in [("0.cim", base, &known[..1]), ("1.cim", upper, &known)] {
        assert!(cimsnap(&["cim", "check", "--deep", at(theirs).to_str().unwrap()]).starts_with("sound: "));
        assert_eq!(differences(&at(theirs), Path::new(&ours)), known);
    }
}
