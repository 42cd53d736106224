//! Volumes, through the library. Where it mounts them is told by its environment, so this runs in a process of its own.

use std::path::PathBuf;
use std::process::Command;

use cimsnap::sys::cimfs::{MountFlags, VolumeId, WideString};

use super::{our_library, write};
use crate::import::registry::base;
use crate::support::image_name;

const VOLUMES: &str = "CIMSNAP_VOLUMES";

#[test]
fn an_image_becomes_a_volume_and_goes() {
    match std::env::var_os(VOLUMES) {
        Some(volumes) => mount_and_dismount(volumes.into()),
        None => in_a_process_of_its_own("native::mounts::an_image_becomes_a_volume_and_goes"),
    }
}

fn in_a_process_of_its_own(test: &str) {
    let root = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(VOLUMES, root.path().join("volumes"))
        .env("CIMSNAP_PROGRAM", env!("CARGO_BIN_EXE_cimsnap"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}

fn mount_and_dismount(volumes: PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let layer = base().file("Files/hello", "hello").bytes();
    write(our_library(), root.path(), None, &image_name("x.cim"), &layer).unwrap();
    let library = our_library();
    let (at, name) = (WideString::path(root.path()).unwrap(), WideString::text("x.cim").unwrap());
    let volume = VolumeId { data1: 0x0102_0304, data2: 0x0506, data3: 0x0708, data4: [9; 8] };
    library.mount((&at, &name), MountFlags::CACHE_FILES, volume).unwrap();
    let shown = volumes.join("01020304-0506-0708-0909-090909090909");
    assert_eq!(std::fs::read(shown.join("Files/hello")).unwrap(), b"hello");
    let again = library.mount((&at, &name), MountFlags::empty(), volume).unwrap_err();
    assert_eq!(again.to_string(), "CimMountImage: it exists already (HRESULT 0x800700b7)");
    library.dismount(volume).unwrap();
    assert!(!shown.exists());
    let gone = library.dismount(volume).unwrap_err();
    assert_eq!(gone.to_string(), "CimDismountImage: it does not exist (HRESULT 0x80070002)");
}
