//! Reading everything.

use std::collections::HashSet;

use super::survey::Survey;
use super::{Fault, Finding, Remedy, Report, SnapshotError, Snapshots, Subject};
use crate::cim::ErrorKind;
use crate::cim::check::{CheckOptions, Severity, check_in};
use crate::layer::digest::Digest;
use crate::store::{FileRow, Look};

/// What a check of an image says.
pub(super) enum Checked {
    /// It breaks no rule; or it is gone by now.
    Sound,
    /// It is of a format that only the native engine reads.
    Unread,
    /// It breaks rules.
    Unsound(Fault),
}

impl Checked {
    pub(super) fn fault(self) -> Option<Fault> {
        match self {
            Self::Unsound(fault) => Some(fault),
            Self::Sound | Self::Unread => None,
        }
    }
}

impl Snapshots {
    /// Compares all files with their digests, and checks all images that consist of sound files.
    pub(super) fn look_deeper(&self, survey: &Survey, report: &mut Report) -> Result<(), SnapshotError> {
        for (set, row) in &survey.layers {
            self.compare(survey, &Subject::Layer(*set), Remedy::Convert, &row.files, report)?;
        }
        for (chain, row) in &survey.images {
            self.compare(survey, &Subject::Image(*chain), Remedy::Fork, &row.files, report)?;
        }
        let bad: HashSet<Subject> = report.findings.iter().map(|finding| finding.subject.clone()).collect();
        let parents: HashSet<Digest> = survey.images.values().filter_map(|row| row.parent).collect();
        for chain in survey.images.keys() {
            let is_bad =
                |(chain, layer)| bad.contains(&Subject::Image(chain)) || bad.contains(&Subject::Layer(layer));
            if survey.line(*chain).map(|(chain, row)| (chain, row.layer)).any(is_bad) {
                continue;
            }
            // All data of an image is data of the images over it, and is read with theirs.
            match self.check_image(chain, !parents.contains(chain))? {
                Checked::Sound => {}
                Checked::Unread => report.unread = report.unread.saturating_add(1),
                Checked::Unsound(fault) => {
                    report.findings.push(Finding::new(Subject::Image(*chain), fault, Remedy::Fork));
                }
            }
        }
        Ok(())
    }

    fn compare(
        &self,
        survey: &Survey,
        subject: &Subject,
        remedy: Remedy,
        files: &[FileRow],
        report: &mut Report,
    ) -> Result<(), SnapshotError> {
        for file in files {
            let Some(expected) = file.digest else {
                report.unverified = report.unverified.saturating_add(1);
                continue;
            };
            // A file that is gone, or too short, was found to be so before; or it was removed meanwhile.
            let Some(found) = self.digest(file)? else { continue };
            report.compared = report.compared.saturating_add(file.size);
            if found != expected {
                let fault = Fault::Changed(survey.path(&file.name));
                report.findings.push(Finding::new(subject.clone(), fault, remedy.clone()));
            }
        }
        Ok(())
    }

    /// Checks an image by the rules of its format.
    pub(super) fn check_image(&self, chain: &Digest, deep: bool) -> Result<Checked, SnapshotError> {
        let options = CheckOptions { deep, max_findings: 1000 };
        let (directory, name) = self.place_of(chain)?;
        let checked = check_in(directory, &name, options);
        let Some(row) = self.store.read(|reader| reader.image(chain))? else { return Ok(Checked::Sound) };
        let checked = match checked {
            Err(error) if row.is_native() && error.kind() == ErrorKind::Unsupported => {
                return Ok(Checked::Unread);
            }
            checked => checked?,
        };
        if checked.is_sound() {
            return Ok(Checked::Sound);
        }
        let first = checked.findings.iter().find(|finding| finding.severity == Severity::Error);
        let first = first.map_or_else(String::new, ToString::to_string);
        Ok(Checked::Unsound(Fault::Unsound { errors: checked.errors, first }))
    }
}
