//! Makes an image to test or to measure with.
//!
//! ```text
//!   cargo run --release --example make-image -- windows --to DIR --size 64MiB
//! ```

#![allow(clippy::print_stdout, missing_docs, reason = "a program for people")]

mod generator;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use generator::{Compression, Content, LayerFacts, Options, Os};

/// Makes an OCI layout with an image of several layers.
#[derive(Parser)]
struct Arguments {
    /// The system that the image is for.
    os: System,
    /// Where the layout is made.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Decides everything that is left open.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// About how many bytes the tars of all layers have.
    #[arg(long, default_value = "64MiB", value_parser = parse_size)]
    size: u64,
    /// How many layers there are.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=100))]
    layers: u64,
    /// Store layers with gzip; the default.
    #[arg(long, group = "compression")]
    gzip: bool,
    /// Store layers with zstd.
    #[arg(long, group = "compression")]
    zstd: bool,
    /// Store layers as tars.
    #[arg(long, group = "compression")]
    plain: bool,
    /// Take nothing from this machine, so that the image is the same everywhere.
    #[arg(long)]
    synthetic: bool,
    /// The tree that a Linux image is sampled from; /usr without one.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Write the layer that has no order in order.
    #[arg(long)]
    sorted: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum System {
    Windows,
    Linux,
}

impl Arguments {
    fn options(&self) -> anyhow::Result<Options> {
        let os = match self.os {
            System::Windows => Os::Windows,
            System::Linux => Os::Linux,
        };
        let compression = match (self.zstd, self.plain) {
            (true, _) => Compression::Zstd,
            (_, true) => Compression::Plain,
            _ => Compression::Gzip,
        };
        let content = if self.synthetic { Content::Synthetic } else { Content::Machine };
        Ok(Options {
            seed: self.seed,
            layers: usize::try_from(self.layers)?,
            compression,
            content,
            root: self.root.clone(),
            sorted: self.sorted,
            ..Options::new(os, self.size)
        })
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let facts = generator::generate(&arguments.options()?, &arguments.to)?;
    println!("{:<9} {:>8} {:>8} {:>12} {:>12}  blob", "layer", "entries", "links", "tar", "stored");
    for LayerFacts { shape, entries, links, tar_len, blob_len, digest } in facts {
        println!("{shape:<9} {entries:>8} {links:>8} {tar_len:>12} {blob_len:>12}  {digest}");
    }
    Ok(())
}

/// Reads a size with a unit of 1024 bytes or its powers.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no size"))?;
    let shift = match &text[digits.len()..] {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(format!("the unit of {text:?} is none of B, KiB, MiB, GiB")),
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text:?} is too much"))
}
