use std::io::Write;

use cimsnap::escape::Escaped;
use cimsnap::rpc::admin::Snapshot;
use serde::Serialize;

use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Ui, line};
use crate::cli::{Result, text};

/// Tell how much snapshots take, each without its parents
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap snapshot usage
  cimsnap snapshot usage 'default/12/my-container'")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// One snapshot; all if none is given
    key: Option<String>,
}

#[derive(Debug, Serialize)]
struct Usage {
    key: String,
    bytes: u64,
    inodes: u64,
}

impl Args {
    pub(super) fn run(self, ui: &Ui) -> Result {
        let admin = self.daemon.admin()?;
        let snapshots = match &self.key {
            Some(key) => vec![admin.snapshot(key)?],
            None => admin.snapshots()?,
        };
        let usages =
            snapshots.into_iter().map(|Snapshot { key, bytes, inodes, .. }| Usage { key, bytes, inodes });
        let mut out = ui.out();
        if ui.is_json() {
            usages.into_iter().try_for_each(|usage| line(&mut out, &usage))?;
        } else {
            let mut rows = vec![["SIZE", "INODES", "KEY"].map(str::to_owned)];
            rows.extend(usages.map(|Usage { key, bytes, inodes }| {
                [text::size(bytes), inodes.to_string(), Escaped(key).to_string()]
            }));
            text::table(&mut out, &rows)?;
        }
        out.flush()?;
        Ok(Exit::Success)
    }
}
