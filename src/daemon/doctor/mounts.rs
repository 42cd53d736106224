//! Images that are mounted, and whether their servers answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Symptom;
use crate::cim::error_chain;
use crate::mount::{Liveness, MountEntry, MountError, Mounter, Patience, PatientMounter, SystemMounter};

/// How long servers may take to answer, all of them together.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the mounts below a root.
pub(super) fn examine(root: &Path) -> Vec<Symptom> {
    match ask(root) {
        Ok(mounts) if mounts.is_empty() => Vec::new(),
        Ok(mounts) => {
            let broken: Vec<_> = mounts.iter().filter_map(symptom).collect();
            let all_well = || vec![Symptom::ok("the servers of all mounted images answer")];
            if broken.is_empty() { all_well() } else { broken }
        }
        Err(error) => vec![Symptom::error(error_chain(&error), "run as root")],
    }
}

fn ask(root: &Path) -> Result<Vec<(MountEntry, Liveness)>, MountError> {
    let patience = Patience { liveness: PATIENCE, ..Patience::default() };
    let mounter = PatientMounter::new(Arc::new(SystemMounter::this_program()?), patience);
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let mut mounts = mounter.list()?;
    mounts.retain(|mount| mount.at.starts_with(&root));
    let liveness = mounter.liveness(&mounts);
    Ok(mounts.into_iter().zip(liveness).collect())
}

fn symptom((mount, liveness): &(MountEntry, Liveness)) -> Option<Symptom> {
    let (image, at) = (mount.image.display(), mount.at.display());
    match liveness {
        Liveness::Serving => None,
        Liveness::Dead => Some(Symptom::warning(
            format!("the server of {image} on {at} is dead"),
            "restart the containers that use the image",
        )),
        Liveness::Hung => Some(Symptom::error(
            format!("the server of {image} on {at} does not answer"),
            "look at the disk of the image and at the process `cimsnap fuse-serve` that serves it: continue or kill it, and \
             restart the containers that use the image",
        )),
    }
}
