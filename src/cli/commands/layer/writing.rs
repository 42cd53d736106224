//! What writes the image of a layer.

use std::env::consts::OS;
use std::path::PathBuf;

use cimsnap::cim::CimError;
use cimsnap::engine::native::Cimfs;
use cimsnap::engine::{EngineChoice, EngineKind, Probe, choose};
use clap::ValueEnum;

use crate::cli::Result;

/// The choice, as arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Writing {
    /// What writes the image
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// The library for the native engine, rather than that of the system
    #[arg(long, value_name = "PATH")]
    cimfs_library: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Engine {
    /// The native one on Windows, if the node has all that it takes; else the portable one
    #[default]
    Auto,
    /// The library of Windows
    Native,
    /// The program itself
    Portable,
}

impl Writing {
    /// Returns the library that writes the image, if it is one that does.
    pub(super) fn library(&self) -> Result<Option<Cimfs>> {
        let path = self.cimfs_library.as_deref();
        let choice = match self.engine {
            Engine::Auto => EngineChoice::Auto,
            Engine::Native => EngineChoice::Native,
            Engine::Portable => EngineChoice::Portable,
        };
        match choose(choice, &Probe::take(path, OS), OS)?.engine {
            EngineKind::Portable => Ok(None),
            EngineKind::Native => Ok(Some(Cimfs::find(path).map_err(CimError::from)?)),
        }
    }
}
