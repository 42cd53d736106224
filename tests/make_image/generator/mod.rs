//! Images to test with: OCI layouts of several layers, made of what is installed or of nothing but a seed.
//!
//! ```text
//!   sources (files of this machine, or synthetic) ──► windows, linux ──► items ──► archive ──► blob ──► layout
//! ```
//!
//! An image is a pure function of its options and of the files that it samples. At most one layer's entries are in
//! memory, and of data one file.

mod archive;
mod blob;
mod builder;
mod item;
mod layout;
mod linux;
mod names;
mod random;
mod sources;
mod synthetic;
mod windows;

use std::path::{Path, PathBuf};

use item::{Item, Kind};
use layout::Layout;
use serde_json::json;

pub(crate) use blob::Compression;

/// The system that an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Os {
    /// Windows Server 2022.
    Windows,
    /// Any Linux.
    Linux,
}

/// Where the data of files comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// From what is installed.
    Machine,
    /// From the seed alone, so that the image is the same everywhere.
    Synthetic,
}

/// What image to make.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The system that it is for.
    pub(crate) os: Os,
    /// Decides everything that is left open.
    pub(crate) seed: u64,
    /// About how many bytes the tars have together.
    pub(crate) size: u64,
    /// How many layers there are.
    pub(crate) layers: usize,
    /// How they are stored.
    pub(crate) compression: Compression,
    /// Where the data comes from.
    pub(crate) content: Content,
    /// The tree that a Linux image is sampled from; /usr without one.
    pub(crate) root: Option<PathBuf>,
    /// Whether the layer that has no order gets one.
    pub(crate) sorted: bool,
}

impl Options {
    /// Seven layers of gzip.
    pub(crate) fn new(os: Os, size: u64) -> Self {
        let (compression, content) = (Compression::Gzip, Content::Machine);
        Self { os, seed: 1, size, layers: 7, compression, content, root: None, sorted: false }
    }
}

/// What became of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerFacts {
    /// Whose layer it looks like.
    pub(crate) shape: String,
    /// Entries of the tar.
    pub(crate) entries: usize,
    /// Those of them that are hard links.
    pub(crate) links: usize,
    /// Length of the tar.
    pub(crate) tar_len: u64,
    /// Length of the blob.
    pub(crate) blob_len: u64,
    /// Digest of the blob, in digits.
    pub(crate) digest: String,
}

/// Thousandths of the size that the layers above the lowest one get, as in an image that we know. Those above get as
/// much as the last one.
const SHARES: [u64; 6] = [130, 74, 25, 15, 8, 4];

fn share(index: usize) -> u64 {
    SHARES[(index - 1).min(SHARES.len() - 1)]
}

fn size_of(index: usize, options: &Options) -> u64 {
    let upper = |index: usize| options.size * share(index) / 1000;
    match index {
        0 => options.size.saturating_sub((1..options.layers).map(upper).sum()),
        index => upper(index),
    }
}

/// Makes an image.
pub(crate) fn generate(options: &Options, to: &Path) -> anyhow::Result<Vec<LayerFacts>> {
    let mut layout = Layout::create(to, options.compression)?;
    let mut facts = Vec::new();
    let mut layers = Layers::new(options)?;
    for index in 0..options.layers {
        let (shape, style, mut items) = layers.next(index, size_of(index, options), options.layers);
        arrange(&mut items, &shape, index, options);
        let blob = layout.layer(&items, style)?;
        let links = items.iter().filter(|item| matches!(item.kind, Kind::Link(_))).count();
        let streams: usize = items.iter().map(|item| item.streams.len()).sum();
        facts.push(LayerFacts {
            shape,
            entries: items.len() + streams,
            links,
            tar_len: blob.tar_len,
            blob_len: blob.len,
            digest: blob.digest.clone(),
        });
    }
    layout.finish(&match options.os {
        Os::Windows => json!({"os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1"}),
        Os::Linux => json!({"os": "linux", "architecture": "amd64"}),
    })?;
    Ok(facts)
}

enum Layers {
    Windows(Box<windows::Windows>),
    Linux(Box<linux::Linux>),
}

impl Layers {
    fn new(options: &Options) -> anyhow::Result<Self> {
        Ok(match options.os {
            Os::Windows => Self::Windows(Box::new(windows::Windows::new(options)?)),
            Os::Linux => Self::Linux(Box::new(linux::Linux::new(options))),
        })
    }

    fn next(&mut self, index: usize, size: u64, layers: usize) -> (String, archive::Style, Vec<Item>) {
        match self {
            Self::Windows(layers_of) => {
                let (shape, style, items) = layers_of.layer(index, size, layers);
                (format!("{shape:?}"), style, items)
            }
            Self::Linux(layers_of) => {
                let (shape, style, items) = layers_of.layer(index, size, layers);
                (format!("{shape:?}"), style, items)
            }
        }
    }
}

/// Puts entries into the order in which the layer's tool writes them.
fn arrange(items: &mut [Item], shape: &str, index: usize, options: &Options) {
    match shape {
        "Shuffled" if !options.sorted => {
            random::Random::new(options.seed).fork(&format!("order {index}")).shuffle(items);
        }
        // Tools on Linux write what comes to their mind.
        "BuildKit" | "Crane" | "Opaque" => {}
        _ => items.sort_by(|a, b| a.order().cmp(&b.order())),
    }
}
