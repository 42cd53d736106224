use std::io::Write;
use std::path::PathBuf;

use cimsnap::cim::diff::{Changes, Difference, diff};
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::image::shown;
use crate::cli::ui::{Out, Ui, line};
use crate::cli::{Result, pulled};

/// Tell what differs between two images
///
/// A for what only the second has, D for what only the first has, M for what both have, but not the same. Ends with 3
/// where there are differences.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim diff base.cim app.cim
  cimsnap cim diff base.cim app.cim --no-times --json")]
pub(crate) struct Args {
    /// The first image
    left: PathBuf,
    /// The second image
    right: PathBuf,
    /// Do not compare times
    #[arg(long)]
    no_times: bool,
}

#[derive(Debug, Serialize)]
struct Entry {
    change: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    what: Vec<&'static str>,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let (left, right) = (pulled::open(&self.left)?, pulled::open(&self.right)?);
        let mut out = ui.out();
        let mut same = true;
        diff(&left, &right, |path, difference| {
            let Some((letter, what)) = self.describe(difference) else { return Ok(()) };
            same = false;
            let entry = Entry { change: letter, path: shown(path), what };
            Ok::<_, anyhow::Error>(show(*ui, &mut out, &entry)?)
        })?;
        out.flush()?;
        Ok(if same { Exit::Success } else { Exit::No })
    }

    fn describe(&self, difference: Difference) -> Option<(&'static str, Vec<&'static str>)> {
        match difference {
            Difference::Added { .. } => Some(("A", Vec::new())),
            Difference::Removed { .. } => Some(("D", Vec::new())),
            Difference::Changed(changes) => {
                let ignored = if self.no_times { Changes::TIMES } else { Changes::empty() };
                let left = changes.difference(ignored);
                (!left.is_empty()).then(|| ("M", words(left)))
            }
        }
    }
}

fn show(ui: Ui, out: &mut Out, entry: &Entry) -> std::io::Result<()> {
    if ui.is_json() {
        return line(out, entry);
    }
    write!(out, "{} {}", entry.change, entry.path)?;
    if !entry.what.is_empty() {
        write!(out, " ({})", entry.what.join(", "))?;
    }
    writeln!(out)
}

fn words(changes: Changes) -> Vec<&'static str> {
    let words = [
        (Changes::KIND, "kind"),
        (Changes::ATTRIBUTES, "attributes"),
        (Changes::TIMES, "times"),
        (Changes::DATA, "data"),
        (Changes::SECURITY, "security"),
        (Changes::EAS, "eas"),
        (Changes::REPARSE, "reparse"),
        (Changes::STREAMS, "streams"),
        (Changes::LINKS, "links"),
    ];
    words.into_iter().filter(|&(change, _)| changes.contains(change)).map(|(_, word)| word).collect()
}
