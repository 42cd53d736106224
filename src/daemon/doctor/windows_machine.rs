//! What the machine must have.

use std::env;
use std::path::{Path, PathBuf};

use super::Symptom;

/// Looks at what the system can mount.
pub(super) fn kernel() -> Vec<Symptom> {
    let system = env::var_os("SystemRoot").map_or_else(|| r"C:\Windows".into(), PathBuf::from);
    let library = system.join(r"System32\cimfs.dll");
    let symptom = match library.exists() {
        true => Symptom::ok("the system has CimFS"),
        false => Symptom::error(
            format!("there is no {}", library.display()),
            "use Windows Server 2022 or later: older ones cannot mount images",
        ),
    };
    vec![symptom]
}

/// Nothing is known yet that a root may lie on and should not.
pub(super) fn root(_root: &Path) -> Vec<Symptom> {
    Vec::new()
}
