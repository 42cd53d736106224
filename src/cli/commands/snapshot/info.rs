use std::io;
use std::time::Duration;

use cimsnap::escape::Escaped;
use cimsnap::rpc::admin::{Image, Layer, Snapshot};

use super::{or_dash, shown};
use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Ui};
use crate::cli::{Result, text};

/// Show everything about a snapshot
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap snapshot info 'default/12/my-container'")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// The snapshot
    key: String,
}

/// Names beside what they name.
type Rows = Vec<[String; 2]>;

impl Args {
    pub(super) fn run(self, ui: &Ui) -> Result {
        let snapshot = self.daemon.admin()?.snapshot(&self.key)?;
        ui.answer(&snapshot, |out| print(out, &snapshot))?;
        Ok(Exit::Success)
    }
}

fn print(out: &mut Out, snapshot: &Snapshot) -> io::Result<()> {
    let mut rows = Rows::new();
    put(&mut rows, "key", Escaped(&snapshot.key));
    put(&mut rows, "id", snapshot.id);
    put(&mut rows, "kind", &snapshot.kind);
    put(&mut rows, "parent", or_dash(&snapshot.parent));
    put(&mut rows, "created", shown(snapshot.created));
    put(&mut rows, "updated", shown(snapshot.updated));
    put(&mut rows, "size", text::size(snapshot.bytes));
    put(&mut rows, "inodes", snapshot.inodes);
    let mut labels: Vec<_> = snapshot.labels.iter().collect();
    labels.sort_unstable();
    for (label, value) in labels {
        put(&mut rows, "label", format!("{}={}", Escaped(label), Escaped(value)));
    }
    snapshot.image.iter().for_each(|image| put_image(&mut rows, image));
    snapshot.layer.iter().for_each(|layer| put_layer(&mut rows, layer));
    text::table(out, &rows)
}

fn put_image(rows: &mut Rows, image: &Image) {
    put(rows, "image", &image.chain);
    put(rows, "  over", or_dash(&image.parent));
    put(rows, "  system", &image.os);
    put(rows, "  engine", &image.engine);
    put(rows, "  tree", format!("{} ({})", or_dash(&image.tree), text::size(image.bytes)));
    put_stages(rows, image.stages.iter());
}

fn put_layer(rows: &mut Rows, layer: &Layer) {
    put(rows, "layer", format!("{} ({})", layer.set, text::size(layer.bytes)));
    put(rows, "  diff id", &layer.diff_id);
    put(rows, "  blob", &layer.blob);
    put(rows, "  uncompressed", text::size(layer.size));
    put(rows, "  inodes", layer.inodes);
    put_stages(rows, layer.stages.iter());
}

/// Shows how long each stage took. The longest comes first.
fn put_stages<'s>(rows: &mut Rows, stages: impl Iterator<Item = (&'s String, &'s u64)>) {
    let mut stages: Vec<_> = stages.collect();
    stages.sort_unstable_by_key(|(name, micros)| (std::cmp::Reverse(**micros), *name));
    for (name, micros) in stages {
        let seconds = Duration::from_micros(*micros).as_secs_f64();
        put(rows, &format!("  {name}"), format!("{seconds:.3} s"));
    }
}

fn put(rows: &mut Rows, name: &str, value: impl ToString) {
    rows.push([name.to_owned(), value.to_string()]);
}
