//! A daemon that serves a pipe.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::id;

use crate::machine::Machine;
use crate::process::Process;
use crate::wine::{WINE, windows_path};

/// A daemon that runs, in a directory of its own.
pub(crate) struct Daemon {
    process: Process,
    place: tempfile::TempDir,
    root: PathBuf,
    /// What its pipe is called, and that of its containerd.
    pub(crate) pipes: Pipes,
    /// What it runs on. It goes last.
    pub(crate) machine: Machine,
}

/// What a daemon runs on, and what it is told.
#[derive(Default)]
pub(crate) struct Setting {
    pub(crate) machine: Machine,
    /// Where its root lies, below a directory of its own.
    pub(crate) above: String,
    /// What its configuration says above all tables.
    pub(crate) says: String,
}

pub(crate) struct Pipes {
    pub(crate) daemon: String,
    pub(crate) containerd: String,
}

impl Daemon {
    /// Starts a daemon, and waits until it serves.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_in(name, Setting::default())
    }

    /// Starts one in another setting than most.
    pub(crate) fn start_in(name: &str, Setting { machine, above, says }: Setting) -> Self {
        let pipe = |of: &str| format!(r"\\.\pipe\{of}-{}-{name}", id());
        let pipes = Pipes { daemon: pipe("cimsnap"), containerd: pipe("containerd") };
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join(above).join("root");
        let text = format!(
            "{says}root = '{}'\n[grpc]\naddress = '{}'\n[containerd]\naddress = '{}'\ncontent_root = '{}'\n",
            windows_path(&root),
            pipes.daemon,
            pipes.containerd,
            windows_path(&place.path().join("containerd/io.containerd.content.v1.content")),
        );
        let config = place.path().join("config.toml");
        fs::write(&config, text).unwrap();
        Self { process: serve(&machine, &config), place, root, pipes, machine }
    }

    /// Starts it again after a kill.
    pub(crate) fn restart(&mut self) {
        self.process = serve(&self.machine, &self.place().join("config.toml"));
    }

    /// Where there is room for those who use it, too.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn config(&self) -> String {
        windows_path(&self.place().join("config.toml"))
    }

    /// Returns the number of its process on Linux.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it calmly. Returns what it says from then on.
    pub(crate) fn interrupt(&mut self) -> Vec<String> {
        let (status, said) = self.process.interrupt();
        assert!(status.success(), "{status}: {said:?}");
        said
    }
}

fn serve(machine: &Machine, config: &Path) -> Process {
    let mut command = machine.run(&WINE.program);
    command.args(["daemon", "--config", &windows_path(config)]);
    Process::start(command, "serving").0
}
