//! The socket: nobody but its users can connect to it, and nobody else can put another one in its place.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tonic::Code;

use super::daemon::Daemon;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Has the daemon try to listen, and returns why it does not.
fn refusal(daemon: &Daemon, socket: &Path) -> String {
    let output = daemon.command(socket).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{text}");
    text
}

#[test]
fn directories_above_a_socket_are_made_for_passing_through() {
    let daemon = Daemon::unstarted();
    let socket = daemon.place().join("run/cimsnap/x.sock");
    let mut process = daemon.command(&socket).spawn().unwrap();
    crate::fuse::eventually("a daemon that listens", || UnixStream::connect(&socket).is_ok());
    assert_eq!(mode(socket.parent().unwrap()), 0o711);
    assert_eq!(mode(&daemon.place().join("run")), 0o711);
    assert_eq!(mode(&socket), 0o600);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_socket_is_ready_before_it_has_its_name() {
    let mut daemon = Daemon::unstarted();
    let calls = daemon.place().join("calls");
    let inner = daemon.command(&daemon.socket());
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-e", "trace=umask,bind,/chmod,/chown,/rename", "-o"]).arg(&calls);
    command.arg("--").arg(inner.get_program()).args(inner.get_args());
    daemon.start_as(command);
    daemon.stop();
    let calls = fs::read_to_string(calls).unwrap();
    let masks: Vec<_> = calls.lines().filter(|call| call.contains("umask(")).collect();
    assert!(matches!(masks.as_slice(), [only] if only.contains("umask(077)")), "{calls}");
    let first = |wanted: &[&str]| {
        let found = calls.lines().position(|call| wanted.iter().all(|word| call.contains(word)));
        found.unwrap_or_else(|| panic!("{wanted:?}: {calls}"))
    };
    let order = [
        first(&["umask(077)"]),
        first(&["bind(", "cimsnap.new"]),
        first(&["chown", "cimsnap.new"]),
        first(&["chmod", "cimsnap.new", "0600"]),
        first(&["rename", "cimsnap.new", "cimsnap.sock"]),
    ];
    assert!(order.is_sorted(), "{calls}");
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    let daemon = Daemon::unstarted();
    let directory = daemon.place().join("above/directory");
    fs::create_dir_all(&directory).unwrap();
    let socket = directory.join("x.sock");
    for wide in [0o777, 0o775, 0o757, 0o1777] {
        set_mode(&directory, wide);
        let text = refusal(&daemon, &socket);
        let named = format!("{} is writable by other users (owner 0, mode {wide:04o})", directory.display());
        assert!(text.contains(&named) && text.contains("run `chmod go-w "), "{text}");
        assert!(!socket.exists());
    }
    set_mode(&directory, 0o755);
    let above = directory.parent().unwrap();
    set_mode(above, 0o777);
    let text = refusal(&daemon, &socket);
    assert!(text.contains("above is writable by other users (owner 0, mode 0777)"), "{text}");
    // Also where the rest of the path does not exist yet.
    let text = refusal(&daemon, &above.join("new/x.sock"));
    assert!(text.contains("above is writable by other users (owner 0, mode 0777)"), "{text}");
    assert!(!above.join("new").exists());
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let daemon = Daemon::unstarted();
    let directory = daemon.place().join("above/directory");
    fs::create_dir_all(&directory).unwrap();
    for owned in [directory.as_path(), directory.parent().unwrap()] {
        chown(owned, Some(1000), None).unwrap();
        let text = refusal(&daemon, &directory.join("x.sock"));
        let named = format!("{} is owned by user 1000 (mode 0755)", owned.display());
        assert!(text.contains(&named) && text.contains("run `chown 0 "), "{text}");
        chown(owned, Some(0), None).unwrap();
    }
}

#[test]
fn a_symlink_of_another_user_is_refused() {
    let daemon = Daemon::unstarted();
    let (directory, link) = (daemon.place().join("directory"), daemon.place().join("link"));
    fs::create_dir(&directory).unwrap();
    symlink(&directory, &link).unwrap();
    lchown(&link, Some(1000), None).unwrap();
    let text = refusal(&daemon, &link.join("x.sock"));
    assert!(text.contains("link is owned by user 1000"), "{text}");
}

#[test]
fn a_file_that_is_not_a_socket_is_kept() {
    let daemon = Daemon::unstarted();
    fs::write(daemon.socket(), "data").unwrap();
    let text = refusal(&daemon, &daemon.socket());
    assert!(text.contains("a file that is not a socket has this name"), "{text}");
    assert_eq!(fs::read_to_string(daemon.socket()).unwrap(), "data");
}

/// Runs commands that ask the daemon, and returns what each prints.
fn ask(daemon: &Daemon) -> Vec<Output> {
    drop(daemon.command(&daemon.socket()));
    let all =
        ["snapshot ls", "snapshot usage", "snapshot info x", "gc", "gc --dry-run", "fsck", "top --once"];
    let ask = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        command.args(words.split(' ')).arg("--config").arg(daemon.place().join("config.toml"));
        command.output().unwrap()
    };
    all.into_iter().map(ask).collect()
}

#[test]
fn commands_refuse_a_socket_that_another_user_may_have_made() {
    let daemon = Daemon::unstarted();
    let fake = UnixListener::bind(daemon.socket()).unwrap();
    fake.set_nonblocking(true).unwrap();
    let refused = |why: &str| {
        for output in ask(&daemon) {
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && text.contains(why), "{text}");
        }
        assert!(
            daemon.answer(&["doctor"]).to_string().contains("the socket of the daemon cannot be trusted")
        );
        assert_eq!(fake.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a command has connected");
    };
    chown(daemon.socket(), Some(1000), None).unwrap();
    refused("cimsnap.sock is owned by user 1000");
    chown(daemon.socket(), Some(0), None).unwrap();
    for wide in [0o777, 0o1777, 0o770] {
        set_mode(daemon.place(), wide);
        refused("is writable by other users (owner 0, mode ");
    }
    set_mode(daemon.place(), 0o700);
    chown(daemon.place(), Some(1000), None).unwrap();
    refused("is owned by user 1000");
    chown(daemon.place(), Some(0), None).unwrap();
}

/// Starts the daemon with a socket as its descriptor 3, as systemd does.
fn pass(daemon: &Daemon, listener: UnixListener) -> Command {
    let inner = daemon.command(&daemon.socket());
    let mut command = Command::new("sh");
    command.args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\" 3<&0 </dev/null"]);
    command.arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::from(OwnedFd::from(listener)));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_passed_on_is_as_private_as_one_that_is_made() {
    let mut daemon = Daemon::unstarted();
    let bind = |mode| {
        drop(fs::remove_file(daemon.socket()));
        let listener = UnixListener::bind(daemon.socket()).unwrap();
        set_mode(&daemon.socket(), mode);
        listener
    };
    let refused = |daemon: &Daemon, listener| {
        let output = pass(daemon, listener).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    for wide in [0o666, 0o660, 0o602] {
        let text = refused(&daemon, bind(wide));
        assert!(text.contains(&format!("has mode {wide:04o}, and grpc.mode is 0600")), "{text}");
        assert!(text.contains("set SocketMode=0600"), "{text}");
    }
    let listener = bind(0o600);
    set_mode(daemon.place(), 0o777);
    let text = refused(&daemon, listener);
    assert!(text.contains("is writable by other users (owner 0, mode 0777)"), "{text}");
    set_mode(daemon.place(), 0o700);
    let name = format!("cimsnap-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let text = refused(&daemon, UnixListener::bind_addr(&address).unwrap());
    assert!(text.contains("it has no file, so that every user can connect"), "{text}");

    let command = pass(&daemon, bind(0o600));
    daemon.start_as(command);
    assert_eq!(daemon.client().await.stat("none").await.unwrap_err().code(), Code::NotFound);
    daemon.stop();
    assert!(daemon.socket().exists(), "the file is systemd's");
}
