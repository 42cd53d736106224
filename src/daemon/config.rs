//! The configuration of the daemon: one file, one struct. What its fields' documentation says is what people read of the
//! keys, in the file that [`Config::to_toml`] writes and in `docs/configuration.md`.

mod keys;
mod text;

pub use keys::{Key, Table};

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};

use super::{Limits, Tracing, system};
use crate::engine::EngineChoice;

/// The configuration of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where images and snapshots are kept: a directory of a local file system. All images have to be in one place. On Linux
    /// its path is UTF-8 and has none of `:`, `,`, `\` and `"` in it, since overlays name it among their options.
    #[schemars(extend("kind" = "absolute path", "windows" = r"%ProgramData%\cimsnap\root"))]
    pub root: PathBuf,
    /// Layers that are converted at once; as many as there are processors if not given, or a few where Windows is known to
    /// crash otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 4)]
    pub workers: Option<NonZeroUsize>,
    /// What writes images of Windows: the library of the node, which agrees with its driver, is `native`, and the daemon itself
    /// `portable`. By `auto` that is the library on builds of Windows that mount images, if it has all functions that it
    /// takes, and the daemon everywhere else. It is said of images that lie over nothing: what lies over another one is
    /// written by the engine that wrote that. Images of Linux are written by the daemon in any case.
    pub engine: EngineChoice,
    /// The library of the native engine; that of the system if not given, `cimfs.dll`, which only Windows has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("kind" = "absolute path"), example = r"C:\cimsnap\cimfs.dll")]
    pub cimfs_library: Option<PathBuf>,
    /// Whether executables in images of Windows are stored with their sections page-aligned, as Windows does, which lets it
    /// map them without a copy. Each section takes up to 4 KiB more. Layers that are there already stay as they are.
    pub expand_pe: bool,
    /// Whether an image is on the disk before containerd hears of it. Without it pulls take less long, and those of the last
    /// moments before a power loss may have to be done again.
    pub sync: bool,
    /// Whether a namespace of containerd gets layers that another namespace has without fetching their blobs. Then the digests in
    /// an image's configuration are enough to use a layer: `docs/security.md` says what follows from that.
    pub share: bool,
    /// How much is done at once.
    pub limits: Limits,
    /// How containerd reaches the daemon.
    pub grpc: Grpc,
    /// How the daemon reaches containerd.
    pub containerd: Containerd,
    /// What the daemon says of its work.
    pub log: Log,
    /// Where the daemon tells numbers.
    pub metrics: MetricsPages,
    /// Whom the daemon tells of the stages of requests.
    pub tracing: Tracing,
}

/// How containerd reaches the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Grpc {
    /// The socket that the daemon listens on, or on Windows the pipe. containerd's own configuration names it too.
    #[schemars(extend("kind" = "path", "windows" = r"\\.\pipe\cimsnap"))]
    pub address: PathBuf,
    /// Who may connect, as chmod(1) has it in octal digits. To pipes only administrators may.
    #[schemars(extend("kind" = "octal digits", "windows" = "refused"))]
    pub mode: String,
    /// The user whose the socket is, as a number.
    #[schemars(extend("windows" = "refused"))]
    pub uid: u32,
    /// The group whose the socket is, as a number.
    #[schemars(extend("windows" = "refused"))]
    pub gid: u32,
    /// How many seconds the daemon waits for requests under way when it is to end.
    pub drain_seconds: u64,
}

/// How the daemon reaches containerd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Containerd {
    /// The socket that containerd listens on, or on Windows its pipe.
    #[schemars(extend("kind" = "path", "windows" = r"\\.\pipe\containerd-containerd"))]
    pub address: PathBuf,
    /// Where the blobs are. They are read from there where they can be, and through the socket where not.
    #[schemars(extend(
        "kind" = "path",
        "windows" = r"%ProgramData%\containerd\root\io.containerd.content.v1.content"
    ))]
    pub content_root: PathBuf,
}

/// What the daemon says of its work: on its standard error, or as a service of Windows in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`; or a list of those by module, as `info,cimsnap::store=debug`. The daemon
    /// reads it again on SIGHUP, and as a service of Windows when `sc.exe control cimsnap paramchange` says so.
    #[schemars(extend("kind" = "level, or a list of them"))]
    pub level: String,
    /// How each message looks.
    pub format: LogFormat,
}

/// Where the daemon tells numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsPages {
    /// Where the daemon serves its numbers over HTTP; nowhere if not given. Whoever reaches it can read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("kind" = "address and port"), example = "127.0.0.1:9473")]
    pub address: Option<SocketAddr>,
}

/// How each message of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object of JSON a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            root: system::root(),
            workers: None,
            engine: EngineChoice::default(),
            cimfs_library: None,
            expand_pe: false,
            sync: true,
            share: false,
            limits: Limits::default(),
            grpc: Grpc::default(),
            containerd: Containerd::default(),
            log: Log::default(),
            metrics: MetricsPages::default(),
            tracing: Tracing::default(),
        }
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self { address: system::socket(), mode: "0600".to_owned(), uid: 0, gid: 0, drain_seconds: 30 }
    }
}

impl Default for Containerd {
    fn default() -> Self {
        Self { address: system::containerd(), content_root: system::content_root() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{} is no configuration", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        source: Box<toml::de::Error>,
    },
    /// A value makes no sense.
    #[error("{key}: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfigError {
    pub(super) fn value(key: &'static str, reason: impl Into<String>) -> Self {
        Self::Value { key, reason: reason.into() }
    }
}

impl Config {
    /// Returns where the configuration is, if nobody says.
    pub fn default_path() -> PathBuf {
        system::config()
    }

    /// Reads a file. One that is not given may be absent, which leaves everything as it is by default.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let file = path.map_or_else(Self::default_path, Path::to_owned);
        let text = match fs::read_to_string(&file) {
            Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|source| ConfigError::Read { path: file.clone(), source })?,
        };
        let parsed: Result<Self, _> = toml::from_str(&text);
        let config = parsed.map_err(|source| ConfigError::Parse { path: file, source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }

    /// Checks what the types do not say.
    pub fn check(&self) -> Result<(), ConfigError> {
        system::check(self)?;
        if !self.root.is_absolute() {
            return Err(ConfigError::value("root", "it must be an absolute path"));
        }
        // Systems look for a library without a directory in places of their own.
        if self.cimfs_library.as_ref().is_some_and(|library| !library.is_absolute()) {
            return Err(ConfigError::value("cimfs_library", "it must be an absolute path"));
        }
        self.log.targets().map(drop)?;
        self.tracing.check()
    }
}

impl Log {
    /// Returns what is said.
    pub(super) fn targets(&self) -> Result<Targets, ConfigError> {
        let bad = |error: &dyn Error| ConfigError::value("log.level", error.to_string());
        // A word alone would be taken for a module of which everything is told, also one that was to be a level.
        for word in self.level.split(',').filter(|part| !part.contains('=')) {
            word.trim().parse::<LevelFilter>().map_err(|error| bad(&error))?;
        }
        self.level.parse().map_err(|error: ParseError| bad(&error))
    }
}

impl Grpc {
    /// Returns how long the daemon waits for requests under way.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Returns who may connect.
    pub fn mode(&self) -> Option<u32> {
        u32::from_str_radix(&self.mode, 8).ok().filter(|mode| *mode <= 0o777)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, text).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn what_is_not_said_is_as_by_default() {
        assert_eq!(load("").unwrap(), Config::default());
        let root = std::path::absolute("/srv/cim").unwrap();
        let text = format!("root = '{}'\n[log]\nlevel = \"debug\"\n", root.display());
        let config = load(&text).unwrap();
        assert_eq!(config.root, root);
        assert_eq!(config.log, Log { level: "debug".into(), ..Log::default() });
        assert_eq!(config.grpc, Grpc::default());
    }

    #[test]
    fn the_default_can_be_written_and_read() {
        assert_eq!(load(&Config::default().to_toml().unwrap()).unwrap(), Config::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "rot = \"/srv\"",
            "[grpc]\nadress = \"/x\"",
            "root = \"relative\"",
            "root = \"/a:b\"",
            "workers = 0",
            "[limits]\nmounts = 0",
            "engine = \"best\"",
            "cimfs_library = \"cimfs.dll\"",
            "[grpc]\nmode = \"rw\"",
            "[log]\nlevel = \"loud\"",
            "[log]\nlevel = \"info,a=b=c\"",
            "[log]\nformat = \"xml\"",
            "[metrics]\naddress = \"localhost\"",
            "[tracing]\nendpoint = \"localhost:4318\"",
        ] {
            assert!(load(text).is_err(), "{text}");
        }
        assert!(Config::load(Some(Path::new("/does/not/exist"))).is_err());
    }
}
