//! What containerd waits for when it asks the daemon: each verb, as containerd sees it.
//!
//! ```text
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench daemon
//! ```
//!
//! The daemon waits for the disk, as it does by default. `report` makes a table of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

#[path = "../it/snapshot/grpc.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod grpc;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cimsnap::layer::digest::Digest;
use grpc::{Client, Descriptor};
use support::median;

const RUNS: usize = 51;
const LARGE: usize = 100_000;
const LAYERS: usize = 7;
const LISTED: usize = 1000;

type Results = BTreeMap<String, f64>;

#[tokio::main]
async fn main() {
    let root = support::scratch("daemon-bench");
    let mut daemon = Daemon::start(&root);
    let mut results = Results::new();
    results.insert("memory, new: MiB".to_owned(), daemon.resident());
    let mut client = Client::connect(&daemon.socket()).await;
    let [seven, large] = images(&daemon, &mut client, &mut results).await;
    for (name, image) in [("7 layers", seven), ("100,000 files", large)] {
        containers(&mut client, name, &image.to_string(), &mut results).await;
    }
    one_file(&daemon, &mut client, large, &mut results).await;
    listing(&mut client, &mut results).await;
    results.insert("memory, after all this: MiB".to_owned(), daemon.resident());
    println!("{results:#?}");
    drop(client);
    daemon.stop();
    fs::remove_dir_all(&root).unwrap();
    support::keep("daemon", &results);
}

/// Makes an image of many layers, and one of many files.
async fn images(daemon: &Daemon, client: &mut Client, results: &mut Results) -> [Digest; 2] {
    let mut below = None;
    for layer in 1..=LAYERS {
        below = Some(pull(daemon, client, &tar(&format!("layer-{layer}"), 100), below).await.chain);
    }
    let large = pull(daemon, client, &tar("large", LARGE), None).await;
    results.insert("commit, 100,000 files".to_owned(), large.commit);
    [below.unwrap(), large.chain]
}

/// Prepares snapshots of containers, while another one shows the image and while none does.
async fn containers(client: &mut Client, name: &str, parent: &str, results: &mut Results) {
    let mut alone = Vec::new();
    let mut beside = Vec::new();
    for shown in [false, true] {
        if shown {
            client.prepare("other", parent).await.unwrap();
        }
        for run in 0..RUNS {
            let key = format!("container-{run}");
            let took = timed(client.prepare(&key, parent)).await;
            client.remove(&key).await.unwrap();
            if shown { &mut beside } else { &mut alone }.push(took);
        }
    }
    client.remove("other").await.unwrap();
    results.insert(format!("prepare, {name}, not mounted"), median(alone));
    results.insert(format!("prepare, {name}, mounted"), median(beside));
}

/// Pulls layers of one file over an image of many.
async fn one_file(daemon: &Daemon, client: &mut Client, large: Digest, results: &mut Results) {
    let (mut all, mut syncs) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        syncs.push(sync_one(&daemon.place.join("synced")));
        all.push(pull(daemon, client, &tar(&format!("one-{run}"), 1), Some(large)).await);
    }
    results.insert("write a new file of 4 KiB and sync it".to_owned(), median(syncs));
    let of = |part: fn(&Pull) -> f64| median(all.iter().map(part).collect());
    results.insert("prepare, one file over 100,000".to_owned(), of(|pull| pull.prepare));
    results.insert("apply, one file over 100,000".to_owned(), of(|pull| pull.apply));
    results.insert("commit, one file over 100,000".to_owned(), of(|pull| pull.commit));
    results.insert(
        "all three, one file over 100,000".to_owned(),
        of(|pull| pull.prepare + pull.apply + pull.commit),
    );
}

/// What nobody can be faster than who waits for the disk.
fn sync_one(path: &Path) -> f64 {
    let start = Instant::now();
    let mut file = fs::File::create_new(path).unwrap();
    file.write_all(&[1; 4096]).unwrap();
    file.sync_all().unwrap();
    let took = start.elapsed().as_secs_f64();
    fs::remove_file(path).unwrap();
    took
}

async fn listing(client: &mut Client, results: &mut Results) {
    let (there, _) = client.list().await;
    for number in there.len()..LISTED {
        client.prepare(&format!("extract-{number} listed"), "").await.unwrap();
    }
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        assert_eq!(client.list().await.0.len(), LISTED);
        times.push(start.elapsed().as_secs_f64());
    }
    results.insert("list 1,000 snapshots".to_owned(), median(times));
}

/// How long each verb of a layer took.
struct Pull {
    chain: Digest,
    prepare: f64,
    apply: f64,
    commit: f64,
}

async fn pull(daemon: &Daemon, client: &mut Client, tar: &[u8], below: Option<Digest>) -> Pull {
    let blob = daemon.blob(tar);
    let chain = Digest::of(tar).over(below.as_ref());
    let (key, name) = (format!("extract-1 {chain}"), chain.to_string());
    let parent = below.map_or_else(String::new, |below| below.to_string());
    let start = Instant::now();
    let mounts = client.prepare(&key, &parent).await.unwrap();
    let prepare = start.elapsed().as_secs_f64();
    let apply = timed(client.apply(Some(blob), mounts)).await;
    let commit = timed(client.commit(&key, &name)).await;
    Pull { chain, prepare, apply, commit }
}

async fn timed<T>(work: impl Future<Output = Result<T, tonic::Status>>) -> f64 {
    let start = Instant::now();
    drop(work.await.unwrap());
    start.elapsed().as_secs_f64()
}

/// Makes a layer of files that no other layer has.
fn tar(name: &str, files: usize) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for number in 0..files {
        let data = format!("{name} {number}");
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(u64::try_from(data.len()).unwrap());
        let path = format!("{name}/{:03}/{number}", number % 256);
        builder.append_data(&mut header, path, data.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A daemon, and the files of a containerd that there is not.
struct Daemon {
    process: Child,
    place: PathBuf,
}

impl Daemon {
    fn start(place: &Path) -> Self {
        let config = place.join("config.toml");
        fs::create_dir_all(place.join("content/blobs/sha256")).unwrap();
        let text = format!(
            "root = {:?}\n[grpc]\naddress = {:?}\n[containerd]\naddress = {:?}\ncontent_root = {:?}\n[log]\nlevel = \"error\"\n",
            place.join("root"),
            place.join("sock"),
            place.join("none"),
            place.join("content"),
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        let process = command.args(["daemon", "--config"]).arg(&config).spawn().unwrap();
        let daemon = Self { process, place: place.to_owned() };
        while UnixStream::connect(daemon.socket()).is_err() {
            sleep(Duration::from_millis(1));
        }
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.place.join("sock")
    }

    fn blob(&self, bytes: &[u8]) -> Descriptor {
        let digest = Digest::of(bytes);
        fs::write(self.place.join("content/blobs/sha256").join(digest.hex()), bytes).unwrap();
        let media_type = "application/vnd.oci.image.layer.v1.tar".to_owned();
        Descriptor { media_type, digest: digest.to_string(), size: bytes.len().try_into().unwrap() }
    }

    /// Returns its resident memory, in MiB.
    fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}
