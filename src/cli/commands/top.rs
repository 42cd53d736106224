//! `cimsnap top`.

use std::collections::HashMap;
use std::io::{self, Write};
use std::thread::sleep;
use std::time::Duration;

use cimsnap::escape::Escaped;
use cimsnap::rpc::admin::{Admin, Work};

use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Progress, Ui};
use crate::cli::{Result, text};

/// How often the daemon is asked.
const PERIOD: Duration = Duration::from_millis(250);

/// Show the layers that containerd waits for
///
/// On a terminal it goes on until Ctrl-C. Elsewhere it tells once what is being converted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap top
  cimsnap top --once --json")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// Tell once, also on a terminal
    #[arg(long)]
    once: bool,
}

impl Args {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        let admin = self.daemon.admin()?;
        if self.once || ui.is_hidden() {
            let work = admin.work()?;
            ui.answer(&work, |out| print(out, &work))?;
            return Ok(Exit::Success);
        }
        watch(&admin, ui)
    }
}

fn print(out: &mut Out, work: &[Work]) -> io::Result<()> {
    if work.is_empty() {
        return writeln!(out, "nothing is being converted");
    }
    let mut rows = vec![["STATE", "READ", "OF", "SECONDS", "BLOB", "SNAPSHOT"].map(str::to_owned)];
    rows.extend(work.iter().map(|work| {
        let state = if work.waits { "waiting" } else { "converting" };
        let (read, size) = (text::size(work.read), text::size(work.size));
        let seconds = Duration::from_micros(work.micros).as_secs_f64();
        let [blob, snapshot] = [&work.blob, &work.snapshot].map(|text| Escaped(text).to_string());
        [state.to_owned(), read, size, format!("{seconds:.1}"), blob, snapshot]
    }));
    text::table(out, &rows)
}

/// Shows a bar for each layer, as long as there are any and whenever there are more.
fn watch(admin: &Admin, ui: &Ui) -> Result {
    let bars = ui.bars();
    let mut shown: HashMap<u64, Progress> = HashMap::new();
    loop {
        let work = admin.work()?;
        shown.retain(|id, _| work.iter().any(|work| work.id == *id));
        for work in &work {
            let bar = shown.entry(work.id).or_insert_with(|| bars.add(name(work), work.size));
            bar.reach(work.read);
        }
        sleep(PERIOD);
    }
}

/// Names a layer as far as there is room.
fn name(work: &Work) -> String {
    let digest = work.blob.split_once(':').map_or(work.blob.as_str(), |(_, hex)| hex);
    digest.chars().take(12).collect()
}
