//! Images of Windows that the library of the node writes, while containerd pulls them: our own library stands in its place.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use cimsnap::engine::EngineKind;

use crate::machine::{Machine, finish};
use crate::node::{NAMESPACE, until};
use crate::pulled::{Pulled, files};
use crate::served::Setting;
use crate::wine::{WINE, windows_path};

/// Starts a node that mounts images, where nothing is said of libraries.
fn on_a_node(name: &str, size: u64) -> Pulled {
    let setting = Setting { machine: Machine::with_library(), ..Setting::default() };
    Pulled::start_in(name, size, setting, EngineKind::Native)
}

/// Starts a node where the configuration names the library.
fn told(name: &str, size: u64) -> Pulled {
    let says = format!("engine = 'native'\ncimfs_library = '{}'\n", windows_path(&WINE.library));
    let setting = Setting { says, ..Setting::default() };
    Pulled::start_in(name, size, setting, EngineKind::Native)
}

/// Returns what `doctor` says of the engine.
fn engine(pulled: &Pulled) -> String {
    let daemon = &pulled.node.daemon;
    let mut command = daemon.machine.run(&WINE.program);
    let printed = finish(command.args(["doctor", "--json", "--config", &daemon.config()])).stdout;
    let answer: serde_json::Value = serde_json::from_slice(&printed).unwrap();
    let seen = answer["symptoms"].as_array().unwrap().iter().map(|symptom| symptom["seen"].as_str().unwrap());
    seen.filter(|seen| seen.starts_with("images of Windows are written by ")).collect()
}

#[test]
fn a_node_that_mounts_images_has_its_own_library_write_them() {
    let pulled = on_a_node("own-library", 8 << 20);
    let said = engine(&pulled);
    assert!(said.ends_with("the native engine: cimfs.dll has all functions that it takes"), "{said}");
    pulled.pull(NAMESPACE);
    pulled.is_as_on_linux();
    pulled.is_sound();
    let made = files(&pulled.made());
    pulled.pull("other");
    assert_eq!(files(&pulled.made()), made, "what is there was made again");
    pulled.node.remove("other", &pulled.reference);
    pulled.is_freed();
}

#[test]
fn the_shim_is_told_of_images_of_a_library() {
    let pulled = told("native-shim", 1 << 20);
    assert!(engine(&pulled).contains(&windows_path(&WINE.library)), "{}", engine(&pulled));
    pulled.pull(NAMESPACE);
    pulled.is_as_on_linux();
    let template = pulled.node.daemon.root().join("sandbox.vhdx");
    fs::write(&template, "blank").unwrap();
    pulled.is_for_the_shim(&pulled.over("prepare", "container"), "rw");
    pulled.snapshots(&["rm", "container"]);
    fs::remove_file(&template).unwrap();
    pulled.is_freed();
}

/// Begins to pull, kills the daemon as soon as something holds of its images, and starts it again.
fn kill_while_pulling(pulled: &mut Pulled, when: impl Fn(&Path) -> bool) {
    let images = pulled.made();
    let mut command = pulled.node.pulling(NAMESPACE, &pulled.reference);
    let mut pull = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the daemon is to be killed", || when(&images));
    pulled.node.daemon.kill();
    assert!(!pull.wait().unwrap().success());
    pulled.node.daemon.restart();
    pulled.is_sound();
    pulled.is_found_again();
}

#[test]
fn an_image_is_pulled_after_a_daemon_was_killed_that_wrote_with_a_library() {
    let mut pulled = told("native-killed", 24 << 20);
    let lowest = pulled.images[0].clone();
    // While the library writes, and when it has, but containerd has committed nothing.
    kill_while_pulling(&mut pulled, |images| files(images).values().any(|(length, _)| *length > 1 << 20));
    kill_while_pulling(&mut pulled, |images| images.join(&lowest).exists());
    pulled.pull(NAMESPACE);
    pulled.is_as_on_linux();
    pulled.is_sound();
    pulled.is_freed();
}
