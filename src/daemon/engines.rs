//! What writes images on this machine.

use std::env::consts::OS;
use std::path::Path;

use super::{Config, WindowsBuild};
use crate::engine::native::Cimfs;
use crate::engine::{Decision, EngineChoice, Engines, NoNativeEngine, Probe, choose};

impl Config {
    /// Decides what writes images of Windows, and says why.
    pub fn decide_engine(&self) -> Result<Decision, NoNativeEngine> {
        decide(self.engine, self.cimfs_library.as_deref(), WindowsBuild::running(), OS)
    }

    /// Makes what was decided ready. The library may be needed for what lies over its images, whatever is wanted now.
    pub(super) fn engines(&self, decision: &Decision) -> Engines {
        let path = self.cimfs_library.as_deref();
        let is_sound = matches!(Probe::take(path, OS), Probe::Sound(_));
        let library = is_sound.then(|| Cimfs::find(path).ok()).flatten();
        Engines { lowest: decision.engine, library }
    }
}

/// Where images cannot be mounted, the library of the system may be of any age: it is not taken unless it is asked for.
fn decide(
    choice: EngineChoice,
    library: Option<&Path>,
    build: Option<WindowsBuild>,
    system: &str,
) -> Result<Decision, NoNativeEngine> {
    let probe = match build.filter(|build| choice == EngineChoice::Auto && !build.mounts_images()) {
        Some(build) => Probe::Unfit(format!("{build} cannot mount CIM images")),
        None => Probe::take(library, system),
    };
    choose(choice, &probe, system)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineKind;

    #[test]
    fn a_system_without_the_library_writes_with_the_portable_engine() {
        for choice in [EngineChoice::Auto, EngineChoice::Portable] {
            assert_eq!(decide(choice, None, None, "linux").unwrap().engine, EngineKind::Portable);
        }
        let refused = decide(EngineChoice::Native, None, None, "linux").unwrap_err();
        assert!(refused.to_string().ends_with("unless a path names one"), "{refused}");
    }

    #[test]
    fn builds_that_mount_no_images_get_them_from_the_portable_engine() {
        let build = WindowsBuild { number: 20348, revision: 1 };
        let decision = decide(EngineChoice::Auto, None, Some(build), "windows").unwrap();
        assert_eq!(decision.engine, EngineKind::Portable);
        assert_eq!(decision.reason, "Windows Server 2022 (20348.1) cannot mount CIM images");
    }

    #[test]
    fn a_library_that_is_not_there_is_named() {
        let absent = Some(Path::new("/does/not/exist"));
        let build = Some(WindowsBuild { number: 26100, revision: 1 });
        let decision = decide(EngineChoice::Auto, absent, build, "windows").unwrap();
        assert_eq!(decision.engine, EngineKind::Portable);
        assert!(decision.reason.starts_with("cannot load /does/not/exist: "), "{}", decision.reason);
        assert!(decide(EngineChoice::Native, absent, build, "windows").is_err());
    }
}
