//! Images are the same, wherever they are made.

use std::path::Path;
use std::process::Command;

use crate::generator::{Options, Os, generate};
use crate::wine::{WINE, windows_path};

/// The images that a conversion made, as it names them.
fn images(printed: &str) -> Vec<String> {
    let rows = printed.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    rows.map(|row| row["image"].as_str().unwrap().to_owned()).collect()
}

/// Runs the program of this system.
pub(crate) fn cimsnap(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cimsnap")).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn convert(run: impl Fn(&[&str]) -> String, layout: &str, to: &str) -> Vec<String> {
    let layout = format!("oci:{layout}");
    let platform = ["--platform", "windows/amd64"];
    images(&run(&[&["--json", "image", "convert", &layout, "--to", to][..], &platform].concat()))
}

#[test]
fn an_image_is_the_same_as_on_linux() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    generate(&Options::new(Os::Windows, 8 << 20), &at("layout")).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let here = convert(cimsnap, &text(&at("layout")), &text(&at("here")));
    let there =
        convert(|words| WINE.cimsnap(words), &windows_path(&at("layout")), &windows_path(&at("there")));
    assert_eq!(here, there);
    assert_eq!(here.len(), 7);
    for image in here {
        let of_linux = cimsnap(&["cim", "dump", &text(&at("here").join(&image))]);
        let of_windows = WINE.cimsnap(&["cim", "dump", &windows_path(&at("there").join(&image))]);
        assert!(of_linux == of_windows, "{image} differs");
        assert!(of_linux.lines().count() > 10, "{image}: {of_linux}");
    }
}
