//! Layers that hcsshim writes, which containerd's own snapshotter does that with, through our library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::convert::cimsnap;
use crate::node::TOOLS;
use crate::wine::{WINE, prefix, project, windows_path};

/// A build of Windows whose library hcsshim uses.
const BUILD: u32 = 26100;

/// Makes a copy of Wine that has our library in the place of that of Windows.
fn wine_with_library() -> tempfile::TempDir {
    let library = &WINE.library;
    let wine = prefix();
    // Programs stay as they are, so links to them will do; links do not lead to other disks.
    let copy = tempfile::tempdir_in(project().join("target")).unwrap();
    fs::create_dir(copy.path().join("drive_c")).unwrap();
    for (how, name) in [
        ("-al", "drive_c/windows"),
        ("-a", "dosdevices"),
        ("-a", "user.reg"),
        ("-a", "userdef.reg"),
        ("-a", ".update-timestamp"),
    ] {
        let status = Command::new("cp").arg(how).arg(wine.join(name)).arg(copy.path().join(name)).status();
        assert!(status.unwrap().success(), "{name}");
    }
    let registry = fs::read_to_string(wine.join("system.reg")).unwrap();
    fs::write(copy.path().join("system.reg"), with_build(&registry)).unwrap();
    fs::copy(library, copy.path().join("drive_c/windows/system32/cimfs.dll")).unwrap();
    copy
}

/// Has a registry, as Wine writes it, say that Windows is of the build.
fn with_build(registry: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((name @ (r#""CurrentBuild""# | r#""CurrentBuildNumber""#), _)) => {
            format!("{name}=\"{BUILD}\"\n")
        }
        _ => format!("{line}\n"),
    };
    registry.lines().map(line).collect()
}

/// Has hcsshim make images of layers, one over the other.
fn import(blobs: &[PathBuf], to: &Path) {
    let wine = wine_with_library();
    let mut command = WINE.run(&TOOLS.join("windows/hcsshim.exe"));
    command.env("WINEPREFIX", wine.path()).arg(windows_path(to));
    let output = command.args(blobs.iter().map(|blob| windows_path(blob))).output().unwrap();
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
