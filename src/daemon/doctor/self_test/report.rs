//! What a self-test found: what the node is, and how each step ended.

use std::fmt;
use std::io;

use serde::Serialize;

use super::platform;
use crate::cim::{CimError, ErrorKind, error_chain};
use crate::daemon::WindowsBuild;
use crate::sys::cimfs::{Cimfs, CimfsError, LoadError};
use crate::sys::{Hresult, file_version};

/// Differences of a step that are reported.
const MAX_DIFFERENCES: usize = 20;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Ok,
    /// Not as it should.
    Failed,
    /// It could not run.
    Skipped,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A step of a self-test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What was done.
    pub step: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it did, or why it failed or was skipped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The result that the library returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hresult: Option<String>,
    /// What differs from what was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
}

impl Step {
    pub(super) fn ok(step: String, detail: String) -> Self {
        Self { step, outcome: Outcome::Ok, detail, hresult: None, differences: Vec::new() }
    }

    pub(super) fn skipped(step: String, detail: &str) -> Self {
        Self { outcome: Outcome::Skipped, ..Self::ok(step, detail.to_owned()) }
    }

    pub(super) fn troubled(step: String, trouble: Trouble) -> Self {
        let Trouble { text, hresult, mut differences, is_skip } = trouble;
        let more = differences.len().saturating_sub(MAX_DIFFERENCES);
        differences.truncate(MAX_DIFFERENCES);
        if more > 0 {
            differences.push(format!("and {more} more"));
        }
        let outcome = if is_skip { Outcome::Skipped } else { Outcome::Failed };
        let hresult = hresult.map(|result| format!("{:#010x}", result.raw()));
        Self { step, outcome, detail: text, hresult, differences }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {}", self.outcome.as_str(), self.step)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        for difference in &self.differences {
            write!(f, "\n           {difference}")?;
        }
        Ok(())
    }
}

/// Why a step does not end as it should.
#[derive(Debug)]
pub(super) struct Trouble {
    text: String,
    hresult: Option<Hresult>,
    differences: Vec<String>,
    is_skip: bool,
}

impl Trouble {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hresult: None, differences: Vec::new(), is_skip: false }
    }

    /// The step cannot run here.
    pub(super) fn skip(self) -> Self {
        Self { is_skip: true, ..self }
    }

    /// Something differs from what was written.
    pub(super) fn differences(differences: Vec<String>) -> Self {
        Self { differences, ..Self::new("differs from what was written") }
    }

    /// Says what was to be done.
    pub(super) fn at(self, what: impl fmt::Display) -> Self {
        Self { text: format!("{what}: {}", self.text), ..self }
    }
}

impl From<CimfsError> for Trouble {
    fn from(error: CimfsError) -> Self {
        let is_missing = matches!(error, CimfsError::Missing { .. });
        Self { hresult: error.result(), is_skip: is_missing, ..Self::new(error.to_string()) }
    }
}

impl From<LoadError> for Trouble {
    fn from(error: LoadError) -> Self {
        Self::new(error_chain(&error))
    }
}

impl From<CimError> for Trouble {
    /// Images of a version that is not read here are no fault of who wrote them.
    fn from(error: CimError) -> Self {
        Self { is_skip: error.kind() == ErrorKind::Unsupported, ..Self::new(error_chain(&error)) }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// What all steps come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every step ended as it should.
    Passed,
    /// No step failed, but some were skipped.
    Incomplete,
    /// A step failed.
    Failed,
    /// The program was asked to end.
    Interrupted,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A function that `cimfs.dll` is known to export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The function.
    pub name: &'static str,
    /// Whether this library has it.
    pub found: bool,
}

/// Everything that a self-test found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this program.
    pub version: &'static str,
    /// The system, with its build.
    pub system: String,
    /// Where the library lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// The version that the library states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library_version: Option<String>,
    /// What the library exports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<Export>,
    /// All steps, in order.
    pub steps: Vec<Step>,
    #[serde(skip)]
    pub(super) is_interrupted: bool,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            system: system(),
            library: None,
            library_version: None,
            exports: Vec::new(),
            steps: Vec::new(),
            is_interrupted: false,
        }
    }

    /// Adds what the library is.
    pub(super) fn describe(&mut self, library: Option<&Cimfs>) {
        let Some(library) = library else { return };
        let path = platform::library_path(library.path());
        self.library_version = file_version(&path);
        self.library = Some(path.display().to_string());
        self.exports = library.exports().into_iter().map(|(name, found)| Export { name, found }).collect();
    }

    /// Returns what all steps come to.
    pub fn verdict(&self) -> Verdict {
        let has = |outcome| self.steps.iter().any(|step| step.outcome == outcome);
        match self.is_interrupted {
            true => Verdict::Interrupted,
            false if has(Outcome::Failed) => Verdict::Failed,
            false if has(Outcome::Skipped) => Verdict::Incomplete,
            false => Verdict::Passed,
        }
    }

    /// Writes what comes before the steps.
    pub fn write_head(&self, out: &mut dyn io::Write) -> io::Result<()> {
        writeln!(out, "cimsnap {} self-test on {}", self.version, self.system)?;
        if let Some(library) = &self.library {
            let version = self.library_version.as_deref().unwrap_or("unknown");
            writeln!(out, "library {library}, version {version}")?;
            let missing: Vec<&str> =
                self.exports.iter().filter(|export| !export.found).map(|export| export.name).collect();
            let known = self.exports.len();
            match missing.as_slice() {
                [] => writeln!(out, "exports all {known} known functions")?,
                _ => writeln!(
                    out,
                    "exports {} of {known} known functions; missing: {}",
                    known - missing.len(),
                    missing.join(", ")
                )?,
            }
        }
        Ok(())
    }

    /// Writes the result that follows the steps.
    pub fn write_result(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let count = |outcome| self.steps.iter().filter(|step| step.outcome == outcome).count();
        let (ok, failed, skipped) = (count(Outcome::Ok), count(Outcome::Failed), count(Outcome::Skipped));
        writeln!(out, "{}: {ok} ok, {failed} failed, {skipped} skipped", self.verdict().as_str())
    }
}

fn system() -> String {
    let wine = if platform::is_wine() { ", run by Wine, which has no CimFS driver" } else { "" };
    let build =
        WindowsBuild::running().map_or_else(|| std::env::consts::OS.to_owned(), |build| build.to_string());
    format!("{build} {}{wine}", std::env::consts::ARCH)
}
