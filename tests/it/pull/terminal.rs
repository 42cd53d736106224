//! What a terminal shows of a pull.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use cimsnap::layer::digest::Digest;

use super::registry::Registry;
use super::server::Server;
use crate::cli::Shell;
use crate::cli::oci::{Layer, Oci};
use crate::import::tars::Tar;

/// More layers than are read at once anywhere.
const LAYERS: usize = 18;

/// How far the terminal has come.
#[derive(Default)]
struct Stage(Mutex<usize>, Condvar);

impl Stage {
    fn reach(&self, stage: usize) {
        *self.0.lock().unwrap() = stage;
        self.1.notify_all();
    }

    fn wait(&self, stage: usize) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |reached| *reached < stage).unwrap());
    }
}

#[test]
fn each_layer_has_a_line() {
    let (shell, registry, stage) = (Shell::new(), Registry::start(), Arc::new(Stage::default()));
    let mut oci = Oci::new(&shell.path("layout"));
    let layers: Vec<_> =
        (0..LAYERS).map(|at| Layer::gzip(&Tar::new().file(&format!("f{at}"), "data").bytes())).collect();
    let image = oci.image("linux", &layers);
    oci.list("", image.clone());
    registry.push(&oci, &image, "many", "1", None);
    let blobs: Vec<_> = layers.iter().map(|layer| Digest::of(&layer.blob).to_string()).collect();
    let seen = stage.clone();
    // No layer comes before one that waits was seen, and the lowest not before a converted one was.
    let proxy = Server::start(move |request| {
        match blobs.iter().position(|blob| request.target.ends_with(blob)) {
            Some(0) => seen.wait(2),
            Some(_) => seen.wait(1),
            None => {}
        }
        registry.answer(request)
    });
    let program = env!("CARGO_BIN_EXE_cimsnap");
    let typed = format!("{program} pull {}/many:1 --to {}", proxy.host(), shell.path("out").display());
    let mut script = Command::new("script");
    script
        .args(["-qec", &typed, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut terminal = script.spawn().unwrap();
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    let mut output = terminal.stdout.take().unwrap();
    loop {
        let len = output.read(&mut bytes).unwrap();
        if len == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&bytes[..len]));
        match (text.contains(" of 18 waits"), text.contains(" converted, ")) {
            (true, true) => stage.reach(2),
            (true, false) => stage.reach(1),
            _ => {}
        }
    }
    assert!(terminal.wait().unwrap().success(), "{text}");
    assert!(
        text.contains("layer 1 of 18") && text.contains("is ") && text.contains("cimsnap cim mount"),
        "{text}"
    );
}
