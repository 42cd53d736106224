//! Forking images again: those that are damaged, and those above them, which consist of the same files.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::forks::{self, Forked, Place};
use super::survey::Survey;
use super::{Fault, Remedy, Report, SnapshotError, Snapshots, Subject};
use crate::cim::{Guid, files};
use crate::layer::digest::Digest;
use crate::store::{ImageRow, Look, Promise};

/// Images to be forked again.
pub(super) struct Plan {
    wanted: BTreeMap<Digest, Fork>,
    /// Layers that are still damaged.
    bad: HashSet<Guid>,
}

/// What an image is made of.
#[derive(Clone, Copy)]
struct Fork {
    parent: Option<Digest>,
    layer: Guid,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) done: HashSet<Digest>,
    /// Why not.
    pub(super) failed: HashMap<Digest, String>,
}

impl Plan {
    /// Finds what must be forked again.
    pub(super) fn new(survey: &Survey, report: &Report) -> Self {
        let mut wanted = BTreeMap::new();
        let mut bad = HashSet::new();
        for finding in report.findings.iter().filter(|finding| !finding.repaired) {
            match (&finding.subject, &finding.fault) {
                (Subject::Image(chain), _) if finding.remedy == Remedy::Fork => {
                    let row = survey.images.get(chain);
                    wanted.extend(row.map(|row| (*chain, Fork { parent: row.parent, layer: row.layer })));
                }
                (Subject::Snapshot(key), Fault::NoImage(chain)) => {
                    wanted.extend(fork_of(survey, key).map(|fork| (*chain, fork)));
                }
                (Subject::Layer(set), _) => drop(bad.insert(*set)),
                _ => {}
            }
        }
        let mut plan = Self { wanted, bad };
        plan.add_what_lies_above(survey);
        plan
    }

    fn add_what_lies_above(&mut self, survey: &Survey) {
        loop {
            let above = survey.images.iter().filter(|(chain, row)| {
                let over = row.parent.is_some_and(|parent| self.wanted.contains_key(&parent));
                over && !self.wanted.contains_key(*chain)
            });
            let above: Vec<_> =
                above.map(|(chain, row)| (*chain, Fork { parent: row.parent, layer: row.layer })).collect();
            if above.is_empty() {
                return;
            }
            self.wanted.extend(above);
        }
    }

    /// Takes an image whose parent is not waiting itself.
    fn next(&mut self) -> Option<(Digest, Fork)> {
        let ready = |fork: &Fork| fork.parent.is_none_or(|parent| !self.wanted.contains_key(&parent));
        let chain = self.wanted.iter().find(|(_, fork)| ready(fork)).map(|(chain, _)| *chain)?;
        self.wanted.remove_entry(&chain)
    }
}

/// Finds out what the image of a snapshot was made of.
fn fork_of(survey: &Survey, key: &str) -> Option<Fork> {
    let row = survey.snapshots.get(key)?;
    let parent = match row.parent.as_str() {
        "" => None,
        parent => Some(survey.snapshots.get(parent)?.image?),
    };
    let layer = row.layer?;
    let chain = survey.layers.get(&layer)?.diff_id.over(parent.as_ref());
    (Some(chain) == row.image).then_some(Fork { parent, layer })
}

impl Snapshots {
    /// Forks images again, each after its parent.
    pub(super) fn fork_again(&self, survey: &Survey, mut plan: Plan) -> Result<Outcome, SnapshotError> {
        let mut outcome = Outcome::default();
        while let Some((chain, fork)) = plan.next() {
            if plan.bad.contains(&fork.layer) {
                outcome.failed.insert(chain, format!("layer {} is damaged", fork.layer));
            } else if let Some(parent) = fork.parent.filter(|parent| outcome.failed.contains_key(parent)) {
                outcome.failed.insert(chain, format!("its parent {parent} is damaged"));
            } else {
                match self.fork_one(chain, fork, survey.images.get(&chain).cloned()) {
                    Ok(None) => drop(outcome.done.insert(chain)),
                    Ok(Some(fault)) => drop(outcome.failed.insert(chain, fault.to_string())),
                    Err(error) => drop(outcome.failed.insert(chain, error.to_string())),
                }
            }
        }
        let old = outcome
            .done
            .iter()
            .filter_map(|chain| survey.images.get(chain))
            .filter_map(|row| row.tree)
            .collect();
        self.remove_trees(&old)?;
        Ok(outcome)
    }

    /// Forks one image in place of what is there, and checks it.
    fn fork_one(
        &self,
        chain: Digest,
        fork: Fork,
        before: Option<ImageRow>,
    ) -> Result<Option<Fault>, SnapshotError> {
        let Fork { parent, layer: set } = fork;
        let (layer, below) = self.store.read(|reader| {
            let below = parent.map_or(Ok(None), |parent| reader.image(&parent))?;
            Ok::<_, SnapshotError>((reader.layer(set)?, below))
        })?;
        let layer = layer.ok_or_else(|| SnapshotError::NotFound(set.to_string()))?;
        if let (Some(parent), None) = (parent, &below) {
            return Ok(Some(Fault::NoParent(parent)));
        }
        let below = parent.zip(below);
        let again = forks::Fork { chain, below, set, os: layer.os, place: Place::Taken(before) };
        // What takes the place of another image was waited for before it did.
        let Forked { row, .. } = self.fork(&again)?;
        self.store.write(Promise::Kept, |writer| writer.put_image(&chain, &row))?;
        Ok(self.check_image(&chain, true)?.fault())
    }

    fn remove_trees(&self, trees: &HashSet<Guid>) -> Result<(), SnapshotError> {
        let directory = self.store.lease().directory();
        let mut names = directory.list().map_err(SnapshotError::io("list", directory.path()))?;
        names.retain(|name| files::set_of(name).is_some_and(|set| trees.contains(&set)));
        self.remove_all(&names)
    }
}
