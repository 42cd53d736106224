//! What a daemon holds after many images have come and gone.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use cimsnap::layer::digest::Digest;

use crate::held::{Held, rounds};
use crate::machine::finish;
use crate::node::TOOLS;
use crate::served::{Daemon, Setting};
use crate::wine::{WINE, compile, project, windows_path};

/// The first rounds fill pools and caches.
const WARM: usize = 10;

/// Threads that idle have some handles.
const SLACK: usize = 16;

/// Who keeps a daemon busy.
struct Client {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Client {
    /// Starts one that knows of layers which the daemon finds.
    fn of(daemon: &Daemon) -> Self {
        let content = daemon.place().join("containerd/io.containerd.content.v1.content/blobs/sha256");
        fs::create_dir_all(&content).unwrap();
        let layers = ["windows-1-base.tar.gz", "windows-3-buildkit.tar.gz"].map(|name| {
            let blob = fs::read(project().join("tests/data/layers").join(name)).unwrap();
            let path = content.join(Digest::of(&blob).hex());
            fs::write(&path, blob).unwrap();
            windows_path(&path)
        });
        let mut command = daemon.machine.run(&TOOLS.join("windows/rounds.exe"));
        command.arg(&daemon.pipes.daemon).args(layers).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (orders, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, orders, answers: BufReader::new(answers) }
    }

    /// Has images come and go so many times.
    fn go_round(&mut self, times: usize) {
        writeln!(self.orders, "{times}").unwrap();
        let mut said = String::new();
        self.answers.read_line(&mut said).unwrap();
        assert_eq!(said.trim_end(), "done");
    }

    fn end(mut self) {
        drop(self.orders);
        assert!(self.process.wait().unwrap().success());
    }
}

/// Returns how many handles a daemon has.
fn handles(daemon: &Daemon, program: &Path) -> usize {
    let output = finish(daemon.machine.run(program).arg(&daemon.pipes.daemon));
    assert!(output.status.success(), "{output:?}");
    str::from_utf8(&output.stdout).unwrap().trim().parse().unwrap()
}

fn holds_no_more_after_many_rounds(name: &str, says: String) {
    let mut daemon = Daemon::start_in(name, Setting { says, ..Setting::default() });
    fs::write(daemon.root().join("sandbox.vhdx"), "blank").unwrap();
    let program = compile("handles", "exe", &["-lntdll"]);
    let mut client = Client::of(&daemon);
    client.go_round(WARM);
    let (held, had) = (Held::by(daemon.id()), handles(&daemon, &program));
    client.go_round(rounds(30));
    Held::by(daemon.id()).is_as_much_as(&held);
    let has = handles(&daemon, &program);
    println!("{had} handles, then {has}");
    assert!(has <= had + SLACK, "{had} handles, then {has}");
    client.end();
    let said = daemon.interrupt();
    assert!(!said.iter().any(|line| line.contains("WARN") || line.contains("ERROR")), "{said:#?}");
}

#[test]
fn a_daemon_holds_no_more_after_many_rounds() {
    holds_no_more_after_many_rounds("rounds", String::new());
}

#[test]
fn a_daemon_whose_library_writes_holds_no_more_after_many_rounds() {
    let says = format!("engine = 'native'\ncimfs_library = '{}'\n", windows_path(&WINE.library));
    holds_no_more_after_many_rounds("native-rounds", says);
}
