//! `cimsnap snapshot`.

mod info;
mod ls;
mod usage;

use cimsnap::cim::FileTime;
use cimsnap::cim::dump::timestamp;
use cimsnap::escape::Escaped;
use clap::Subcommand;

use crate::cli::Result;
use crate::cli::ui::Ui;

/// What can be seen of snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    Ls(ls::Args),
    Info(info::Args),
    Usage(usage::Args),
}

impl Snapshot {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        match self {
            Self::Ls(args) => args.run(ui),
            Self::Info(args) => args.run(ui),
            Self::Usage(args) => args.run(ui),
        }
    }
}

/// Shows a point in time, given in nanoseconds since 1970.
fn shown(nanos: i64) -> String {
    timestamp(FileTime::from_unix_nanos(nanos.into()))
}

/// Shows an untrusted text that may be empty.
fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { Escaped(text).to_string() }
}
