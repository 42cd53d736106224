//! What the kernel knows it does not ask again: a stopped server is not missed.

use std::fs;
use std::io::Read;
use std::path::Path;

use rustix::process::{Pid, Signal};

use super::{Scene, servers};
use crate::support::{mkdir, put};

/// Stops a server as long as it lives.
struct Stopped(Pid);

impl Stopped {
    fn new(at: &Path) -> Self {
        let server = i32::try_from(servers(at)[0]).unwrap();
        let server = Pid::from_raw(server).unwrap();
        rustix::process::kill_process(server, Signal::STOP).unwrap();
        Self(server)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        rustix::process::kill_process(self.0, Signal::CONT).unwrap();
    }
}

/// Lists, stats, reads, and looks for what is not there.
fn use_everything(at: &Path) -> usize {
    let mut seen = 0;
    for entry in fs::read_dir(at).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        seen += 1;
        if metadata.is_dir() {
            seen += use_everything(&entry.path());
        } else {
            let mut data = Vec::new();
            fs::File::open(entry.path()).unwrap().read_to_end(&mut data).unwrap();
            seen += data.len();
        }
    }
    assert!(!at.join("absent").exists());
    seen
}

#[test]
fn the_second_look_asks_nobody() {
    let scene = Scene::new(|writer| {
        for directory in ["a", "a/b", "c"] {
            mkdir(writer, directory);
            for number in 0..50 {
                put(writer, &format!("{directory}/file{number}"), &vec![7; 1000 * number]);
            }
        }
    });
    let mount = scene.mount();
    let first = use_everything(&mount.path(""));
    let (sender, receiver) = std::sync::mpsc::channel();
    let at = mount.path("");
    let stopped = Stopped::new(&at);
    std::thread::spawn(move || sender.send(use_everything(&at)));
    let second = receiver.recv_timeout(std::time::Duration::from_secs(10));
    drop(stopped);
    assert_eq!(second, Ok(first), "the kernel asked the server, which does not answer");
}
