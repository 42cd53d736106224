//! Images of Windows that containerd for Windows pulls.

use std::fs;
use std::process::Stdio;

use crate::node::{NAMESPACE, until};
use crate::pulled::{Pulled, files};

#[test]
fn an_image_that_is_pulled_is_the_same_as_on_linux() {
    let pulled = Pulled::start("pull", 8 << 20);
    pulled.pull(NAMESPACE);
    pulled.is_as_on_linux();
    let images = || files(&pulled.made());
    let made = images();
    pulled.pull("other");
    assert_eq!(images(), made, "what is there was made again");
    pulled.node.remove("other", &pulled.reference);
    pulled.is_freed();
}

#[test]
fn the_shim_is_told_what_it_asks_for() {
    let pulled = Pulled::start("shim", 1 << 20);
    pulled.pull(NAMESPACE);
    let template = pulled.node.daemon.root().join("sandbox.vhdx");
    fs::write(&template, "blank").unwrap();
    let container = pulled.over("prepare", "container");
    pulled.is_for_the_shim(&container, "rw");
    pulled.is_for_the_shim(&pulled.over("view", "view"), "ro");
    let options = container.options.join(",");
    let said = format!("mount -t CimFS {} Z:\\ -o {options}\n", container.source);
    assert_eq!(pulled.snapshots(&["mounts", "Z:\\", "container"]), said);
    pulled.is_not_committed("container");
    // Once something was removed, containerd collects views by itself: `ctr` does not hold them.
    pulled.snapshots(&["rm", "view", "container"]);
    fs::remove_file(&template).unwrap();
    pulled.is_freed();
}

#[test]
fn an_image_is_pulled_after_the_daemon_was_killed() {
    let mut pulled = Pulled::start("killed", 48 << 20);
    let images = pulled.made();
    let mut command = pulled.node.pulling(NAMESPACE, &pulled.reference);
    let mut pull = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the daemon writes", || files(&images).values().any(|(length, _)| *length > 1 << 20));
    pulled.node.daemon.kill();
    assert!(!pull.wait().unwrap().success());
    pulled.node.daemon.restart();
    pulled.is_found_again();
    pulled.pull(NAMESPACE);
    pulled.is_as_on_linux();
    pulled.is_freed();
}
