//! Which engine writes images, and why.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::native::Cimfs;

/// What is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// Whatever suits this machine.
    #[default]
    Auto,
    /// The library of Windows.
    Native,
    /// This library's own.
    Portable,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// The library of Windows.
    Native,
    /// This library's own.
    Portable,
}

/// What was found of the library of Windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Nobody named a library, and this system has none of its own.
    NotOfThisSystem,
    /// It cannot be loaded.
    NotLoaded(String),
    /// It cannot do what it is to do.
    Unfit(String),
    /// It has all that it takes.
    Sound(String),
}

/// An engine, and why it is that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The engine.
    pub engine: EngineKind,
    /// Why, as a sentence without a full stop.
    pub reason: String,
}

/// What writes images here.
#[derive(Clone, Debug)]
pub struct Engines {
    /// The engine for what lies over nothing. What lies over an image is written by the engine of that one.
    pub lowest: EngineKind,
    /// The library of the native engine, if it can be had.
    pub library: Option<Cimfs>,
}

impl Engines {
    /// The portable engine alone.
    pub const PORTABLE: Self = Self { lowest: EngineKind::Portable, library: None };
}

/// Why the engine that is wanted cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the native engine cannot be used: {0}")]
pub struct NoNativeEngine(String);

impl Probe {
    /// Looks at the library at a path, or at that of the system. `system` is [`std::env::consts::OS`].
    pub fn take(path: Option<&Path>, system: &str) -> Self {
        if path.is_none() && system != WINDOWS {
            return Self::NotOfThisSystem;
        }
        let library = match Cimfs::find(path) {
            Ok(library) => library,
            Err(error) => return Self::NotLoaded(format!("{error}: {}", error.source)),
        };
        let (path, lacks) = (library.path().display(), library.lacks_to_write());
        match lacks.is_empty() {
            true => Self::Sound(format!("{path} has all functions that it takes")),
            false => Self::Unfit(format!("{path} has no {}", lacks.join(", "))),
        }
    }

    /// Says in words what was found.
    fn words(&self) -> &str {
        match self {
            Self::NotOfThisSystem => "only Windows has the library for it, unless a path names one",
            Self::NotLoaded(words) | Self::Unfit(words) | Self::Sound(words) => words,
        }
    }
}

const WINDOWS: &str = "windows";

/// Decides for an engine. By default that is the library's of the node on Windows, because it always agrees with the
/// driver, and the portable one everywhere else.
pub fn choose(choice: EngineChoice, probe: &Probe, system: &str) -> Result<Decision, NoNativeEngine> {
    let decided = |engine, reason: String| Ok(Decision { engine, reason });
    let (is_sound, words) = (matches!(probe, Probe::Sound(_)), probe.words());
    match choice {
        EngineChoice::Portable => {
            decided(EngineKind::Portable, "the portable engine is asked for".to_owned())
        }
        EngineChoice::Native if is_sound => decided(EngineKind::Native, words.to_owned()),
        EngineChoice::Native => Err(NoNativeEngine(words.to_owned())),
        EngineChoice::Auto if system != WINDOWS => {
            decided(EngineKind::Portable, format!("the native engine is for Windows, and this is {system}"))
        }
        EngineChoice::Auto if is_sound => decided(EngineKind::Native, words.to_owned()),
        EngineChoice::Auto => decided(EngineKind::Portable, words.to_owned()),
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Portable => "portable",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probes() -> [Probe; 4] {
        let text = || "what was found".to_owned();
        [Probe::NotOfThisSystem, Probe::NotLoaded(text()), Probe::Unfit(text()), Probe::Sound(text())]
    }

    fn kinds(choice: EngineChoice, system: &str) -> [Option<EngineKind>; 4] {
        probes().map(|probe| choose(choice, &probe, system).ok().map(|decision| decision.engine))
    }

    #[test]
    fn each_wish_meets_each_machine() {
        let (native, portable) = (Some(EngineKind::Native), Some(EngineKind::Portable));
        for system in ["linux", "windows"] {
            assert_eq!(kinds(EngineChoice::Portable, system), [portable; 4]);
            assert_eq!(kinds(EngineChoice::Native, system), [None, None, None, native]);
        }
        assert_eq!(kinds(EngineChoice::Auto, "linux"), [portable; 4]);
        assert_eq!(kinds(EngineChoice::Auto, "windows"), [portable, portable, portable, native]);
    }

    #[test]
    fn reasons_say_what_was_found() {
        let reason = |choice, probe: &Probe, system| choose(choice, probe, system).unwrap().reason;
        let [_, not_loaded, ..] = probes();
        assert_eq!(reason(EngineChoice::Auto, &not_loaded, "windows"), "what was found");
        assert!(reason(EngineChoice::Auto, &Probe::NotOfThisSystem, "linux").ends_with("this is linux"));
        let refused = choose(EngineChoice::Native, &Probe::NotOfThisSystem, "linux").unwrap_err();
        assert!(refused.to_string().contains("only Windows has the library"), "{refused}");
    }

    #[test]
    fn a_library_is_probed() {
        assert_eq!(Probe::take(None, "linux"), Probe::NotOfThisSystem);
        let absent = Probe::take(Some(Path::new("/does/not/exist")), "linux");
        let Probe::NotLoaded(words) = absent else { panic!("{absent:?}") };
        assert!(words.starts_with("cannot load /does/not/exist: "), "{words}");
    }
}
