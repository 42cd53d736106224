//! A node of Windows: containerd and the daemon, and a registry to pull from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::finish;
use crate::process::Process;
use crate::served::{Daemon, Setting};
use crate::wine::{project, windows_path};

/// What the snapshotter is called.
pub(crate) const SNAPSHOTTER: &str = "cimsnap";

/// Where images are pulled to, unless something else is said.
pub(crate) const NAMESPACE: &str = "default";

/// What containerd is told of cimsnap on nodes that are told nothing else.
const FRAGMENT: &str = include_str!("../../deploy/windows/containerd.toml");

/// What containerd needs no tests for here, and what makes disks as it starts, which Wine does not.
const DISABLED: &str = "'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime', \
                        'io.containerd.podsandbox.controller.v1.podsandbox', 'io.containerd.internal.v1.opt', \
                        'io.containerd.snapshotter.v1.cimfs'";

/// Where containerd is, and the registry.
pub(crate) static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| {
    for script in ["containerd.sh", "windows-containerd.sh"] {
        let status = Command::new(project().join("tests/setup").join(script)).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "tests/setup/{script}");
    }
    project().join("target/tools")
});

pub(crate) struct Node {
    /// Where the registry answers.
    pub(crate) host: String,
    _containerd: Process,
    _registry: Process,
    /// It has the machine that all of this runs on, so it goes last.
    pub(crate) daemon: Daemon,
}

impl Node {
    /// Starts everything.
    pub(crate) fn start(name: &str, setting: Setting) -> Self {
        let daemon = Daemon::start_in(name, setting);
        let (registry, host) = serve_images(daemon.place());
        let containerd = serve_containerd(&daemon);
        Self { host, _containerd: containerd, _registry: registry, daemon }
    }

    /// What has `ctr` do something in a namespace.
    pub(crate) fn asked(&self, namespace: &str, words: &[&str]) -> Command {
        let mut command = self.daemon.machine.run(&TOOLS.join("windows/ctr.exe"));
        command.args(["--address", &self.daemon.pipes.containerd, "--namespace", namespace]).args(words);
        command
    }

    /// Has `ctr` do something, which must succeed. Returns what it prints.
    pub(crate) fn ctr(&self, namespace: &str, words: &[&str]) -> String {
        let output = finish(&mut self.asked(namespace, words));
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Brings an image from a layout into the registry, and returns how to call it.
    pub(crate) fn push(&self, layout: &Path) -> String {
        let name = format!("{}/windows", self.host);
        let tar = self.daemon.place().join("layout.tar");
        let status = Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(layout).arg(".").status();
        assert!(status.unwrap().success());
        let import = ["images", "import", "--local", "--no-unpack", "--all-platforms", "--base-name", &name];
        self.ctr(NAMESPACE, &[&import[..], &[&windows_path(&tar)]].concat());
        let reference = format!("{name}:latest");
        self.ctr(NAMESPACE, &["images", "push", "--local", "--plain-http", &reference]);
        self.remove(NAMESPACE, &reference);
        reference
    }

    /// What pulls an image into a namespace.
    pub(crate) fn pulling(&self, namespace: &str, reference: &str) -> Command {
        let words =
            ["images", "pull", "--plain-http", "--platform", "windows/amd64", "--snapshotter", SNAPSHOTTER];
        self.asked(namespace, &[&words[..], &[reference]].concat())
    }

    /// Removes an image, and what nobody needs any more.
    pub(crate) fn remove(&self, namespace: &str, reference: &str) {
        self.ctr(namespace, &["images", "rm", "--sync", reference]);
    }
}

/// Starts a registry on a port of its own choice.
fn serve_images(place: &Path) -> (Process, String) {
    let (config, files) = (place.join("registry.yaml"), place.join("registry"));
    let text = format!(
        "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
        files.display()
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(TOOLS.join("bin/docker-registry"));
    command.arg("serve").arg(config);
    let listens = "listening on ";
    let (process, line) = Process::start(command, listens);
    let (_, address) = line.split_once(listens).unwrap();
    (process, address.split(['"', ' ', ',']).next().unwrap().to_owned())
}

/// Starts containerd with what nodes are told of cimsnap.
fn serve_containerd(daemon: &Daemon) -> Process {
    let place = daemon.place();
    let at = |name: &str| windows_path(&place.join(name));
    let fragment = FRAGMENT.replace(r"\\.\pipe\cimsnap", &daemon.pipes.daemon);
    fs::write(place.join("fragment.toml"), fragment.replace(r"C:\ProgramData\cimsnap", &at("root"))).unwrap();
    let text = format!(
        "version = 3\nimports = ['{}']\nroot = '{}'\nstate = '{}'\ntemp = '{}'\n\
         disabled_plugins = [{DISABLED}]\n[grpc]\naddress = '{}'\n",
        at("fragment.toml"),
        at("containerd"),
        at("state"),
        at("temporary"),
        daemon.pipes.containerd,
    );
    fs::write(place.join("containerd.toml"), text).unwrap();
    let mut command = daemon.machine.run(&TOOLS.join("windows/containerd.exe"));
    command.args(["--config", &at("containerd.toml")]);
    Process::start(command, "successfully booted").0
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let given_up = Instant::now() + Duration::from_secs(300);
    while !holds() {
        assert!(Instant::now() < given_up, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
