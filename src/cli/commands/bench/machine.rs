//! What the figures were measured on.

use std::fs;
use std::thread::available_parallelism;

use serde::Serialize;

use super::ctr::{self, Ctr};
use super::error::BenchError;

/// What the figures were measured on.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) processor: String,
    pub(super) processors: usize,
    pub(super) memory_bytes: u64,
    pub(super) containerd: String,
    pub(super) ctr: String,
    pub(super) runc: Option<String>,
    pub(super) cimsnap: &'static str,
}

impl Machine {
    pub(super) fn examine(ctr: &Ctr) -> Result<Self, BenchError> {
        let versions = ctr.ask(&["version"])?;
        let mut told =
            versions.lines().filter_map(|line| line.trim().strip_prefix("Version:")).map(str::trim);
        let client = told.next().unwrap_or("?");
        Ok(Self {
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: field("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            processors: available_parallelism().map_or(1, usize::from),
            memory_bytes: field("/proc/meminfo", "MemTotal").and_then(|line| kibibytes(&line)).unwrap_or(0),
            ctr: format!("{client} ({})", ctr.program().display()),
            containerd: told.next().unwrap_or("?").to_owned(),
            runc: ctr::run("runc", &["--version"]).ok().and_then(|printed| runc(&printed)),
            cimsnap: env!("CARGO_PKG_VERSION"),
        })
    }
}

fn runc(printed: &str) -> Option<String> {
    printed.lines().find_map(|line| line.strip_prefix("runc version ")).map(str::to_owned)
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Returns what stands behind the first colon of a name.
fn field(path: &str, name: &str) -> Option<String> {
    let text = text(path);
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn kibibytes(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}
