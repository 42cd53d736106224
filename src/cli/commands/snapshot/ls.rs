use std::io::Write;

use super::{or_dash, shown};
use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Ui, line};
use crate::cli::{Result, text};

/// List all snapshots
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap snapshot ls
  cimsnap snapshot ls --json | jq -r .key")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
}

impl Args {
    pub(super) fn run(self, ui: &Ui) -> Result {
        let snapshots = self.daemon.admin()?.snapshots()?;
        let mut out = ui.out();
        if ui.is_json() {
            snapshots.iter().try_for_each(|snapshot| line(&mut out, snapshot))?;
        } else {
            let mut rows = vec![["KIND", "SIZE", "CREATED", "KEY", "PARENT"].map(str::to_owned)];
            rows.extend(snapshots.into_iter().map(|snapshot| {
                let (size, created) = (text::size(snapshot.bytes), shown(snapshot.created));
                [snapshot.kind, size, created, or_dash(&snapshot.key), or_dash(&snapshot.parent)]
            }));
            text::table(&mut out, &rows)?;
        }
        out.flush()?;
        Ok(Exit::Success)
    }
}
