//! The service, as the service manager of Wine knows it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::machine::{finish, shared};
use crate::wine::{WINE, compile, windows_path};

/// Services have one name in all of a system.
static ALONE: Mutex<()> = Mutex::new(());

const KEYS: [&str; 2] = [
    r"HKLM\SYSTEM\CurrentControlSet\Services\cimsnap",
    r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\cimsnap",
];

/// SERVICE_CONTROL_INTERROGATE
const INTERROGATE: &str = "4";
/// SERVICE_CONTROL_PARAMCHANGE
const PARAM_CHANGE: &str = "6";

/// An installed service, which is gone when this is dropped.
struct Service {
    /// Wine ends with its last program that is no service, and starts services when it starts.
    session: Child,
    place: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Service {
    fn install() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let session = WINE.run(Path::new("cmd")).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let service = Self { session, place: tempfile::tempdir().unwrap(), _alone: alone };
        drop(fs::remove_file(log()));
        service.configure("info");
        service.must("install", &["--config", &service.config()]);
        service
    }

    fn pipe() -> String {
        format!(r"\\.\pipe\cimsnap-service-{}", std::process::id())
    }

    fn config(&self) -> String {
        windows_path(&self.place.path().join("config.toml"))
    }

    fn configure(&self, level: &str) {
        let root = windows_path(&self.place.path().join("root"));
        let pipe = Self::pipe();
        let text = format!(
            "root = '{root}'\n[grpc]\naddress = '{pipe}'\ndrain_seconds = 2\n[log]\nlevel = '{level}'\n"
        );
        fs::write(self.place.path().join("config.toml"), text).unwrap();
    }

    fn must(&self, verb: &str, words: &[&str]) {
        let output = call(verb, words);
        assert!(
            output.status.success(),
            "{verb}: {output:?} {}",
            fs::read_to_string(log()).unwrap_or_default()
        );
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(call("uninstall", &[]));
        drop(self.session.stdin.take());
        drop(self.session.wait());
    }
}

fn call(verb: &str, words: &[&str]) -> Output {
    finish(WINE.run(&WINE.program).args(["service", verb]).args(words))
}

/// What the service says, and its exit code.
fn status() -> (Value, Option<i32>) {
    let output = call("status", &["--json"]);
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

fn log() -> PathBuf {
    // What Wine tells services of the directory of programs differs from what it tells others.
    shared().join("drive_c/users/Public/cimsnap/log/cimsnap.log")
}

/// Waits until the log has a line.
fn wait_for(text: &str) {
    let since = Instant::now();
    while !fs::read_to_string(log()).unwrap_or_default().contains(text) {
        assert!(since.elapsed() < Duration::from_secs(60), "{text}: {:?}", fs::read_to_string(log()));
        std::thread::yield_now();
    }
}

/// Returns what the registry has at a key, if anything.
fn registry(key: &str) -> Option<String> {
    let mut command = Command::new("wine");
    command.args(["reg", "query", key]).env("WINEPREFIX", shared()).env("WINEDEBUG", "-all");
    let output = finish(&mut command);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn registry_has(key: &str) -> bool {
    registry(key).is_some()
}

#[test]
fn a_service_starts_answers_and_ends() {
    let service = Service::install();
    assert!(KEYS.iter().all(|key| registry_has(key)));
    let (before, code) = status();
    assert_eq!((before["state"].as_str(), code), (Some("stopped"), Some(3)));
    let command = before["command"].as_str().unwrap();
    assert!(command.ends_with(&format!("service run --config {}", service.config())), "{command}");
    service.must("start", &[]);
    let (running, code) = status();
    assert_eq!((running["state"].as_str(), code), (Some("running"), Some(0)));
    assert!(running["process"].as_u64().is_some());
    assert_eq!(WINE.cimsnap(&["snapshot", "ls", "--json", "--config", &service.config()]), "");
    service.must("start", &[]);
    service.must("stop", &[]);
    assert_eq!(status().0["state"], "stopped");
    service.must("stop", &[]);
    let said = fs::read_to_string(log()).unwrap();
    assert!(said.lines().last().is_some_and(|line| line.ends_with("ended")), "{said}");
}

#[test]
fn a_service_ends_though_a_client_stays() {
    let service = Service::install();
    service.must("start", &[]);
    let mut command = WINE.run(&compile("hold", "exe", &[]));
    let held = command.arg(Service::pipe()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut held = held.unwrap();
    let mut said = String::new();
    BufReader::new(held.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said.trim_end(), "held");
    service.must("stop", &[]);
    assert_eq!(status().0["state"], "stopped");
    let log = fs::read_to_string(log()).unwrap();
    assert!(log.lines().last().is_some_and(|line| line.ends_with("ended")), "{log}");
    drop(held.stdin.take());
    held.wait().unwrap();
}

#[test]
fn the_system_waits_for_a_service_before_it_shuts_down() {
    let _service = Service::install();
    // Twice the two seconds that requests are given, and ten, in milliseconds.
    let said = registry(KEYS[0]).unwrap();
    let line = said.lines().find(|line| line.contains("PreshutdownTimeout")).unwrap_or(&said);
    assert!(line.ends_with(&format!("{:#x}", 14_000)), "{line}");
}

#[test]
fn nothing_of_a_service_is_left() {
    let service = Service::install();
    service.must("start", &[]);
    service.must("uninstall", &[]);
    assert!(!KEYS.iter().any(|key| registry_has(key)));
    let (left, code) = status();
    assert_eq!((left["state"].as_str(), code), (Some("not installed"), Some(4)));
    assert!(!call("uninstall", &[]).status.success());
}

#[test]
fn a_service_is_installed_once() {
    let service = Service::install();
    let output = call("install", &["--config", &service.config()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("is installed already"), "{text}");
    assert!(KEYS.iter().all(|key| registry_has(key)));
}

#[test]
fn a_configuration_that_cannot_be_used_is_told_at_once() {
    let service = Service::install();
    service.must("uninstall", &[]);
    let output = call("install", &["--config", r"C:\none.toml"]);
    assert!(!output.status.success());
    assert!(!registry_has(KEYS[0]));
}

#[test]
fn a_service_that_cannot_serve_says_so() {
    let service = Service::install();
    service.configure("loud");
    let output = call("start", &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("ended as soon as it was started"), "{text}");
}

#[test]
fn why_a_service_cannot_serve_is_in_its_log() {
    let service = Service::install();
    fs::write(service.place.path().join("root"), "a file").unwrap();
    assert!(!call("start", &[]).status.success());
    wait_for("ERROR ");
    assert_eq!(status().0["state"], "stopped");
}

#[test]
fn a_service_reads_its_configuration_again() {
    let service = Service::install();
    let control = compile("control", "exe", &["-ladvapi32"]);
    let send = |code: &str| {
        let sent = finish(WINE.run(&control).args(["cimsnap", code]));
        assert!(sent.status.success(), "{code}: {sent:?}");
    };
    service.must("start", &[]);
    service.configure("debug");
    send(PARAM_CHANGE);
    wait_for("read the configuration again level=\"debug\"");
    send(INTERROGATE);
    service.must("stop", &[]);
}

#[test]
fn only_the_service_manager_runs_a_service() {
    // Wine would take it for one that somebody is starting.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = call("run", &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("use `cimsnap daemon` in a console"), "{text}");
}
