//! A whole image: the command converts its layers side by side.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::layer::header;
use super::oci::{Layer, Oci};
use tar::EntryType;

const LAYERS: u64 = 4;
const LARGE: usize = 24 << 20;
const SMALL: u64 = 20_000;

/// Most memory that a command has taken.
pub(super) static PEAK: AtomicU64 = AtomicU64::new(0);

pub(super) fn convert() {
    let directory = tempfile::tempdir().unwrap();
    // Making the layers takes more than converting them, so another process does that.
    let mut make = Command::new(std::env::current_exe().unwrap());
    let made = make.env("CIMSNAP_MEMORY_LAYOUT", directory.path()).status().unwrap();
    assert!(made.success());
    let mut convert = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
    convert.current_dir(&directory).args(["image", "convert", "oci:layout", "--to", "out", "--no-sync"]);
    convert.args(["--platform", "linux/amd64"]).stdout(Stdio::null());
    watch(convert.spawn().unwrap());
    let images = fs::read_dir(directory.path().join("out")).unwrap();
    let is_image = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".cim");
    assert_eq!(images.filter(|file| is_image(file.as_ref().unwrap().file_name())).count() as u64, LAYERS);
}

/// Follows a process to its end.
fn watch(mut child: Child) {
    let status = format!("/proc/{}/status", child.id());
    loop {
        if let Some(peak) = super::peak_in(&fs::read_to_string(&status).unwrap_or_default()) {
            PEAK.store(peak, Ordering::Relaxed);
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        sleep(Duration::from_millis(1));
    }
}

/// Makes layers with a large file and many small ones each.
pub(super) fn make(directory: &std::ffi::OsStr) {
    let mut oci = Oci::new(&std::path::Path::new(directory).join("layout"));
    let layers: Vec<Layer> = (0..LAYERS).map(|number| Layer::gzip(&tar(number))).collect();
    oci.list("", oci.image("linux", &layers));
}

fn tar(layer: u64) -> Vec<u8> {
    let mut tar = header(EntryType::Regular, &format!("large {layer}"), "", LARGE as u64);
    // Words that differ, so that there is something to compress.
    tar.extend((0..LARGE as u64 / 8).flat_map(|at| (at * 0x9e37_79b9 + layer).to_le_bytes()));
    for number in 0..SMALL {
        let path = format!("{}/a file {number} of {layer}", number / 1000);
        tar.extend(header(EntryType::Regular, &path, "", 8));
        tar.extend_from_slice(&(number * LAYERS + layer + 1).to_le_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}
