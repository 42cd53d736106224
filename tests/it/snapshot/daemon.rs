//! The daemon as a process: it is killed, started twice, and started again.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};

use cimsnap::layer::digest::Digest;
use cimsnap::mount::Mounter;
use tonic::Code;

use super::grpc::{Client, Descriptor};
use super::layer;
use super::root::{Root, whole};
use crate::fuse::{eventually, mounter};

/// The media type of a layer that is not compressed.
pub(super) const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// What a daemon says of its work where nothing may go wrong.
const QUIET: &str = "[log]\nlevel = \"error\"\n";

/// A daemon, its root, and the directories of a containerd that there is not.
pub(super) struct Daemon {
    root: Root,
    place: tempfile::TempDir,
    process: Option<Child>,
    /// What the configuration says above all tables.
    says: String,
    more: String,
    variables: &'static [(&'static str, &'static str)],
}

impl Daemon {
    pub(super) fn start() -> Self {
        Self::start_with(QUIET, &[])
    }

    /// Starts a daemon with more in its configuration, above all tables.
    pub(super) fn saying(says: &str) -> Self {
        Self::with(says, QUIET, &[])
    }

    /// Starts a daemon with more tables in its configuration, and more in its environment.
    pub(super) fn start_with(more: &str, variables: &'static [(&'static str, &'static str)]) -> Self {
        Self::with("", more, variables)
    }

    fn with(says: &str, more: &str, variables: &'static [(&'static str, &'static str)]) -> Self {
        let mut daemon = Self::unstarted();
        (daemon.says, daemon.more, daemon.variables) = (says.to_owned(), more.to_owned(), variables);
        daemon.restart();
        daemon
    }

    /// Makes all that a daemon needs.
    pub(super) fn unstarted() -> Self {
        let (root, place) = (Root::new(), tempfile::tempdir().unwrap());
        let (says, more) = (String::new(), QUIET.to_owned());
        let daemon = Self { root, place, process: None, says, more, variables: &[] };
        fs::create_dir_all(daemon.blobs()).unwrap();
        daemon
    }

    /// Returns the directory of its socket, its configuration and its log.
    pub(super) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Returns the number of the process.
    pub(super) fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.place.path().join("cimsnap.sock")
    }

    fn blobs(&self) -> PathBuf {
        self.place.path().join("content/blobs/sha256")
    }

    /// Stores a blob, and describes it.
    pub(super) fn blob(&self, bytes: &[u8]) -> Descriptor {
        let digest = Digest::of(bytes);
        fs::write(self.blobs().join(digest.hex()), bytes).unwrap();
        let size = bytes.len().try_into().unwrap();
        Descriptor { media_type: TAR.to_owned(), digest: digest.to_string(), size }
    }

    /// Changes a blob behind its digest.
    pub(super) fn spoil(&self, blob: &Descriptor, bytes: &[u8]) {
        let digest: Digest = blob.digest.parse().unwrap();
        fs::write(self.blobs().join(digest.hex()), bytes).unwrap();
    }

    /// Has the daemon tell metrics from its next start on, and returns where.
    pub(super) fn telling(&mut self) -> SocketAddr {
        // Whoever takes the port between this and the start makes the test fail, which nothing here does.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        self.more = format!("{}[metrics]\naddress = \"{address}\"\n", self.more);
        self.restart();
        address
    }

    /// Asks what is being converted, and returns how it answers.
    fn top(&self) -> serde_json::Value {
        self.answer(&["top", "--once"])
    }

    /// Asks with our own command, whose answer is one object.
    pub(super) fn answer(&self, words: &[&str]) -> serde_json::Value {
        serde_json::from_slice(&self.ask(words).stdout).unwrap()
    }

    /// Asks with our own command.
    pub(super) fn ask(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        command.args(words).args(["--json", "--config"]).arg(self.place.path().join("config.toml"));
        command.output().unwrap()
    }

    pub(super) fn command(&self, socket: &Path) -> Command {
        let content = self.place.path().join("content");
        let config = self.place.path().join("config.toml");
        let text = format!(
            "{}root = {:?}\n[grpc]\naddress = {socket:?}\ndrain_seconds = 2\n[containerd]\naddress = {:?}\ncontent_root = {content:?}\n",
            self.says,
            self.root.path(),
            self.place.path().join("no-containerd.sock"),
        );
        fs::write(&config, text + &self.more).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        command.args(["daemon", "--config"]).arg(config).envs(self.variables.iter().copied());
        command
    }

    pub(super) fn restart(&mut self) {
        self.start_as(self.command(&self.socket()));
    }

    pub(super) fn start_as(&mut self, mut command: Command) {
        let log = File::create(self.log_file()).unwrap();
        self.process = Some(command.stderr(log).spawn().unwrap());
        self.await_socket();
    }

    /// Waits until the daemon listens.
    pub(super) fn await_socket(&self) {
        let socket = self.socket();
        eventually("a daemon that listens", || UnixStream::connect(&socket).is_ok());
    }

    fn log_file(&self) -> PathBuf {
        self.place.path().join("log")
    }

    /// Returns what the daemon has said since it was started.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    pub(super) async fn client(&self) -> Client {
        Client::connect(&self.socket()).await
    }

    pub(super) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Waits until the daemon has ended by itself, and returns how, and its log.
    pub(super) fn ended(&mut self) -> (ExitStatus, String) {
        let status = self.process.take().unwrap().wait().unwrap();
        (status, self.log())
    }

    /// Ends the daemon as systemd does, and returns what it complained of.
    pub(super) fn stop(&mut self) -> String {
        let mut process = self.process.take().unwrap();
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = process.wait().unwrap();
        assert!(status.success(), "{}", self.log());
        self.log()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applied_layer_survives_a_kill() {
    let mut daemon = Daemon::start();
    let key = "ns/1/extract-1 base";
    apply_and_kill(&mut daemon, key, &layer(&"data".repeat(1 << 20))).await;
    let mut client = daemon.client().await;
    client.commit(key, "base").await.unwrap();
    client.prepare("ns/3/container", "base").await.unwrap();
    daemon.stop();
    let all = super::root::open(daemon.root());
    assert_eq!(super::shown(&all, "ns/3/container"), "data".repeat(1 << 20));
    drop(all);
    whole(daemon.root());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_layer_that_a_kill_takes_is_missed() {
    let mut daemon = Daemon::start();
    let key = "ns/1/extract-1 base";
    apply_and_kill(&mut daemon, key, &layer("data")).await;
    let mut client = daemon.client().await;
    let error = client.commit(key, "base").await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::FailedPrecondition);
    assert!(error.message().ends_with("its layer is not there: pull the image again"), "{error}");
    daemon.stop();
    whole(daemon.root());
}

/// Applies a layer, and kills the daemon as soon as it has said that it is done.
async fn apply_and_kill(daemon: &mut Daemon, key: &str, layer: &[u8]) {
    let mut client = daemon.client().await;
    let mounts = client.prepare(key, "").await.unwrap();
    // Takes the snapshot along to the disk.
    client.prepare("ns/2/other", "").await.unwrap();
    client.apply(Some(daemon.blob(layer)), mounts).await.unwrap();
    daemon.kill();
    daemon.restart();
}

#[test]
fn who_can_connect_can_have_the_daemon_end_in_order() {
    let mut daemon = Daemon::start();
    daemon.stop();
    let calls = daemon.place.path().join("calls");
    let inner = daemon.command(&daemon.socket());
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-e", "trace=rt_sigaction,bind", "-o"]).arg(&calls);
    command.arg("--").arg(inner.get_program()).args(inner.get_args());
    daemon.start_as(command);
    daemon.stop();
    let calls = fs::read_to_string(calls).unwrap();
    let first = |wanted: &str| calls.lines().position(|call| call.contains(wanted)).unwrap();
    assert!(first("rt_sigaction(SIGTERM, {") < first("bind("), "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_leaves_nothing_mounted_below_layers() {
    let mut daemon = Daemon::start();
    let mut client = daemon.client().await;
    let mounts = client.prepare("ns/1/extract-1 base", "").await.unwrap();
    client.apply(Some(daemon.blob(&layer("data"))), mounts).await.unwrap();
    client.commit("ns/1/extract-1 base", "base").await.unwrap();
    client.prepare("ns/2/extract-2 next", "base").await.unwrap();
    let below = || {
        let snapshots = daemon.root().join("snapshots");
        mounter().list().unwrap().iter().filter(|mount| mount.at.starts_with(&snapshots)).count()
    };
    assert_eq!(below(), 1);
    daemon.kill();
    daemon.restart();
    let snapshots = daemon.root().join("snapshots");
    assert!(mounter().list().unwrap().iter().all(|mount| !mount.at.starts_with(&snapshots)));
    daemon.client().await.stat("base").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_is_refused_and_does_no_harm() {
    let daemon = Daemon::start();
    let mut client = daemon.client().await;
    client.prepare("container", "").await.unwrap();
    let refused = |socket: &Path| -> Output {
        let output = daemon.command(socket).output().unwrap();
        assert!(!output.status.success());
        output
    };
    let other = daemon.place.path().join("other.sock");
    let text = String::from_utf8(refused(&other).stderr).unwrap();
    assert!(text.contains("is in use by another cimsnap"), "{text}");
    assert!(!other.exists());
    let text = String::from_utf8(refused(&daemon.socket()).stderr).unwrap();
    assert!(text.contains("is in use by another cimsnap"), "{text}");
    daemon.client().await.stat("container").await.unwrap();
    client.remove("container").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_a_kill_left_is_replaced_and_others_are_not() {
    let mut daemon = Daemon::start();
    daemon.kill();
    assert!(daemon.socket().exists());
    daemon.restart();
    assert_eq!(daemon.client().await.stat("none").await.unwrap_err().code(), Code::NotFound);
    daemon.stop();
    assert!(!daemon.socket().exists());
    let _taken = std::os::unix::net::UnixListener::bind(daemon.socket()).unwrap();
    let output = daemon.command(&daemon.socket()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("another process listens on"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_does_not_keep_the_daemon_from_ending() {
    let mut daemon = Daemon::start();
    let _silent = UnixStream::connect(daemon.socket()).unwrap();
    // Once another client is answered, the first one has been let in.
    assert_eq!(daemon.client().await.stat("none").await.unwrap_err().code(), Code::NotFound);
    daemon.stop();
}

/// Asks for a page as simply as can be.
pub(super) fn get(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: it\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_told_over_http() {
    let mut daemon = Daemon::start();
    daemon.stop();
    let address = daemon.telling();
    let mut client = daemon.client().await;
    let blob = daemon.blob(&layer("told"));
    for (number, expected) in ["converted", "reused"].iter().enumerate() {
        let key = format!("extract-{number} x");
        let mounts = client.prepare(&key, "").await.unwrap();
        client.apply(Some(blob.clone()), mounts).await.unwrap();
        let told = get(address, "GET /metrics");
        assert!(told.contains(&format!("cimsnap_layers_total{{outcome=\"{expected}\"}} 1\n")), "{told}");
        assert!(told.contains(&format!("cimsnap_snapshots{{kind=\"active\"}} {}\n", number + 1)), "{told}");
    }
    assert!(get(address, "GET /healthz").ends_with("\r\n\r\nok\n"));
    assert!(get(address, "GET /debug").contains("\"work\": []"));
    assert!(get(address, "GET /else").starts_with("HTTP/1.1 404"));
    assert!(get(address, "POST /metrics").starts_with("HTTP/1.1 405"));
    // Who connects and says nothing keeps nobody from asking.
    let silent: Vec<_> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert!(get(address, "GET /healthz").starts_with("HTTP/1.1 200"));
    drop(silent);
    assert_eq!(daemon.stop(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_converted_is_shown_meanwhile() {
    let daemon = Daemon::start();
    let mut client = daemon.client().await;
    assert_eq!(daemon.top(), serde_json::json!([]));
    // A blob that comes when somebody writes it.
    let digest = Digest::of(b"later");
    let fifo = daemon.blobs().join(digest.hex());
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let blob = Descriptor { media_type: TAR.to_owned(), digest: digest.to_string(), size: 0 };
    let mounts = client.prepare("extract-1 later", "").await.unwrap();
    let applying = tokio::spawn(async move { client.apply(Some(blob), mounts).await });
    eventually("work that waits", || daemon.top()[0]["waits"] == true);
    let told = daemon.top();
    assert_eq!(
        (&told[0]["snapshot"], &told[0]["blob"]),
        (&"extract-1 later".into(), &digest.to_string().into())
    );
    let mut writer = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    eventually("work under way", || daemon.top()[0]["waits"] == false);
    writer.write_all(b"not what was promised").unwrap();
    drop(writer);
    assert!(applying.await.unwrap().is_err());
    assert_eq!(daemon.top(), serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_send_is_logged_as_escapes() {
    use crate::support::printed::{HOSTILE, printable};

    let mut daemon = Daemon::start_with("[log]\nlevel = \"info\"\n", &[]);
    let mut client = daemon.client().await;
    let mounts = client.prepare(HOSTILE, "").await.unwrap();
    client.prepare("child", &format!("missing {HOSTILE}")).await.unwrap_err();
    let blob = Descriptor { media_type: HOSTILE.to_owned(), digest: HOSTILE.to_owned(), size: 5 };
    client.apply(Some(blob), mounts).await.unwrap_err();
    let log = daemon.stop();
    assert!(log.contains("\\u{202e}"), "{log}");
    let output = Command::new("true").output().unwrap();
    printable("the log", &std::process::Output { stderr: log.into_bytes(), ..output });
}
