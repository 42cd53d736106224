//! Repairing what was found: stray files first, then layers, then the images that are made of them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use super::super::cleanup::remove_if_there;
use super::layers::Converted;
use super::survey::Survey;
use super::trees::Plan;
use super::{Blobs, Finding, Remedy, Report, SnapshotError, Snapshots, Subject};
use crate::cim::Guid;
use crate::layer::digest::Digest;
use crate::store::Kind;
use crate::sys::patiently;

impl Snapshots {
    /// Repairs what can be repaired. Nobody may be publishing.
    pub(super) fn heal(
        &self,
        survey: &Survey,
        report: &mut Report,
        blobs: &dyn Blobs,
    ) -> Result<(), SnapshotError> {
        for finding in report.findings.iter_mut().filter(|finding| finding.remedy == Remedy::Remove) {
            if let Subject::Stray(path) = &finding.subject {
                remove(path)?;
                finding.repaired = true;
            }
        }
        let layers = self.heal_layers(survey, report, blobs)?;
        self.check_again(survey, report, &layers)?;
        let images = self.heal_images(survey, report)?;
        let touched = |finding: &Finding| match &finding.subject {
            Subject::Image(chain) => images.contains(chain),
            Subject::Layer(set) => layers.contains(set),
            _ => false,
        };
        let healed = report.findings.iter().filter(|finding| touched(finding));
        let healed: HashSet<Subject> = healed.map(|finding| finding.subject.clone()).collect();
        report.restart = self.to_restart(survey, &healed, &images)?;
        Ok(())
    }

    /// Converts damaged layers again. Returns those that are whole again.
    fn heal_layers(
        &self,
        survey: &Survey,
        report: &mut Report,
        blobs: &dyn Blobs,
    ) -> Result<HashSet<Guid>, SnapshotError> {
        let mut done: HashMap<Guid, Converted> = HashMap::new();
        for finding in &mut report.findings {
            let Subject::Layer(set) = finding.subject else { continue };
            let Some(row) = survey.layers.get(&set) else { continue };
            let outcome = match done.remove(&set) {
                Some(outcome) => outcome,
                None => self.convert_again(set, row, blobs)?,
            };
            match &outcome {
                Converted::Done => finding.repaired = true,
                Converted::Differs => {
                    let why = "this version of cimsnap makes something else of the layer";
                    finding.remedy = Remedy::Pull(why.to_owned());
                }
                Converted::Failed(why) => finding.remedy = Remedy::Pull(why.clone()),
            }
            done.insert(set, outcome);
        }
        Ok(done.into_iter().filter(|(_, outcome)| *outcome == Converted::Done).map(|(set, _)| set).collect())
    }

    /// Checks the images of layers that are whole again: nobody has looked into them while the layers were not.
    fn check_again(
        &self,
        survey: &Survey,
        report: &mut Report,
        layers: &HashSet<Guid>,
    ) -> Result<(), SnapshotError> {
        for chain in
            survey.images.iter().filter(|(_, row)| layers.contains(&row.layer)).map(|(chain, _)| chain)
        {
            let known = report.findings.iter().any(|finding| finding.subject == Subject::Image(*chain));
            let whole = survey.line(*chain).all(|(_, row)| !report.is_damaged(row.layer));
            if known || !whole {
                continue;
            }
            let fault = self.check_image(chain, true)?.fault();
            report
                .findings
                .extend(fault.map(|fault| Finding::new(Subject::Image(*chain), fault, Remedy::Fork)));
        }
        Ok(())
    }

    /// Forks damaged images again, and those above them. Returns those that are whole again.
    fn heal_images(&self, survey: &Survey, report: &mut Report) -> Result<HashSet<Digest>, SnapshotError> {
        let plan = Plan::new(survey, report);
        let outcome = self.fork_again(survey, plan)?;
        for finding in report.findings.iter_mut().filter(|finding| finding.remedy == Remedy::Fork) {
            let chain = match &finding.subject {
                Subject::Image(chain) => *chain,
                Subject::Snapshot(key) => match survey.snapshots.get(key).and_then(|row| row.image) {
                    Some(chain) => chain,
                    None => continue,
                },
                _ => continue,
            };
            finding.repaired = outcome.done.contains(&chain);
            if let Some(why) = outcome.failed.get(&chain) {
                finding.remedy = Remedy::Pull(why.clone());
            }
        }
        Ok(outcome.done)
    }

    /// Returns the snapshots that are seen through the mount of something that was replaced.
    fn to_restart(
        &self,
        survey: &Survey,
        healed: &HashSet<Subject>,
        forked: &HashSet<Digest>,
    ) -> Result<BTreeSet<String>, SnapshotError> {
        let mounted = self.mounted_images()?;
        let stale = |chain: Digest| {
            let replaced = |(chain, layer): (Digest, Guid)| {
                forked.contains(&chain) || healed.contains(&Subject::Layer(layer))
            };
            survey.line(chain).map(|(chain, row)| (chain, row.layer)).any(replaced)
        };
        let stale: HashSet<Digest> = mounted.into_iter().filter(|chain| stale(*chain)).collect();
        let shows = |parent: &str| survey.snapshots.get(parent)?.image.filter(|chain| stale.contains(chain));
        let users = survey.snapshots.iter().filter(|(_, row)| row.kind != Kind::Committed);
        Ok(users.filter(|(_, row)| shows(&row.parent).is_some()).map(|(key, _)| key.clone()).collect())
    }
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    let removed = patiently(|| if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) });
    remove_if_there(removed, path)
}
