//! What keeps containerd and the daemon from working together, and what to do about it.
//!
//! ```text
//!   containerd_config ─► plugins      what containerd is told of us
//!   reach                             who answers on the sockets
//!   machine                           kernel, file system, access to the root
//!   mounts                            servers of mounted images
//!   windows                           the build of Windows
//!   self_test                         images that are written, mounted and compared
//! ```

mod containerd_config;
#[cfg_attr(windows, path = "windows_machine.rs")]
mod machine;
mod mounts;
mod plugins;
mod pods;
mod reach;
mod release;
mod self_test;
#[cfg(test)]
mod tests;
mod windows;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self_test::{Event, Export, Outcome, Report, SelfTest, Step, Verdict};

use super::{Config, WindowsBuild, system};
use crate::differ::Release;
use crate::engine::Decision;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All is well.
    Ok,
    /// It works, and could work better.
    Warning,
    /// It does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// How bad it is.
    pub health: Health,
    /// What was seen.
    pub seen: String,
    /// What to do about it; empty if there is nothing to do.
    pub advice: String,
}

impl Symptom {
    fn ok(seen: impl Into<String>) -> Self {
        Self { health: Health::Ok, seen: seen.into(), advice: String::new() }
    }

    fn warning(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { health: Health::Warning, seen: seen.into(), advice: advice.into() }
    }

    fn error(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { health: Health::Error, seen: seen.into(), advice: advice.into() }
    }
}

/// Returns where the configuration of containerd is, if nobody says.
pub fn default_containerd_config() -> PathBuf {
    system::containerd_config()
}

/// Looks at everything: the machine, both daemons, and what containerd is told of ours.
pub fn examine(config: &Config, containerd_config: &Path) -> Vec<Symptom> {
    let mut symptoms = machine::kernel();
    symptoms.extend(machine::root(&config.root));
    symptoms.extend(mounts::examine(&config.root));
    symptoms.extend(WindowsBuild::running().map(windows::examine).unwrap_or_default());
    symptoms.push(engine(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut release = None;
    match runtime {
        Ok(runtime) => {
            symptoms.push(runtime.block_on(reach::daemon(&config.grpc.address, config.grpc.uid)));
            let (symptom, found) = runtime.block_on(reach::containerd(&config.containerd.address));
            symptoms.push(symptom);
            release = found;
        }
        Err(error) => symptoms.push(Symptom::error(format!("no threads can be started: {error}"), "")),
    }
    symptoms.extend(release.map(release::symptom));
    match containerd_config::load(containerd_config) {
        Ok(told) => symptoms.extend(plugins::examine(&told, config, release)),
        Err(symptom) => symptoms.push(symptom),
    }
    symptoms
}

/// Says what writes images here.
fn engine(config: &Config) -> Symptom {
    match config.decide_engine() {
        Ok(Decision { engine, reason }) => {
            Symptom::ok(format!("images of Windows are written by the {engine} engine: {reason}"))
        }
        Err(error) => Symptom::error(
            error.to_string(),
            "set engine to auto or portable, or cimfs_library to a library that can",
        ),
    }
}
