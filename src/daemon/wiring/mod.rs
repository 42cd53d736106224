//! What containerd has to be told of us: a fragment, which its own configuration imports.

mod fragment;
mod imports;
#[cfg(test)]
mod tests;

pub use fragment::{Pods, fragment};
pub use imports::{import, remove};

/// Why containerd cannot be told of us.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WiringError {
    /// What containerd is told is not what it should be.
    #[error("the configuration of containerd is no TOML")]
    Parse(#[from] toml::de::Error),
    /// Names of plugins were others.
    #[error("the configuration of containerd is of version {0}, and only those from 3 on can be extended")]
    Version(i64),
    /// Something that should be a table is none.
    #[error("{0} in the configuration of containerd is no table")]
    NoTable(String),
    /// The fragment cannot be written.
    #[error("the fragment cannot be written")]
    Write(#[from] toml::ser::Error),
}
