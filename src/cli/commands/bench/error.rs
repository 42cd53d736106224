//! What keeps a bench from measuring.

use std::path::PathBuf;

use thiserror::Error;

/// What keeps a bench from measuring.
#[derive(Debug, Error)]
pub(crate) enum BenchError {
    #[error("there is no program {0}")]
    NoProgram(&'static str),
    #[error("{command}: {why}")]
    Command { command: String, why: String },
    #[error("containerd has no image for this platform that cimsnap has not unpacked already")]
    NoImage,
    #[error("cimsnap has layers of {0} already, so that unpacking it again says nothing")]
    Had(String),
    #[error("containerd knows of no snapshotter {0}")]
    NoSnapshotter(&'static str),
    #[error("{document} is not what containerd should have")]
    Document { document: String, source: serde_json::Error },
    #[error("mount {0}: not a mount that mount(8) can make")]
    Mount(String),
    #[error("{0} cannot be told")]
    Told(&'static str),
    #[error("containerd does not remove the snapshots of {0} that nobody needs")]
    Left(String),
    #[error("prepare {path}")]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("the bench was interrupted; nothing of it is left")]
    Interrupted,
}

impl BenchError {
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoProgram("ctr") => Some("it comes with containerd; PATH must lead to it"),
            Self::NoImage => Some("`--image REF` names one, which is fetched if it is not there"),
            Self::Had(_) => {
                Some("name an image that cimsnap has not unpacked, or remove it in all namespaces")
            }
            Self::NoSnapshotter(_) => Some("`cimsnap doctor` says what containerd has to be told"),
            _ => None,
        }
    }
}
