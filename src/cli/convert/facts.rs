//! What is told of a layer that was imported.

use std::path::Path;
use std::time::Duration;

use cimsnap::cim::io::DiskDirectory;
use cimsnap::cim::reader::read_header;
use cimsnap::cim::{Guid, ImageName, files};
use cimsnap::layer::import::Counts;
use cimsnap::layer::stream::StreamTiming;
use serde::Serialize;

use super::blob::Layer;
use crate::cli::Result;
use crate::cli::text;

/// A layer in figures.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    os: &'static str,
    format: String,
    /// The blob.
    digest: String,
    size: u64,
    /// The tar.
    diff_id: String,
    tar_size: u64,
    files: u64,
    directories: u64,
    links: u64,
    streams: u64,
    deletions: u64,
    /// Bytes of all files and streams.
    bytes: u64,
    /// Bytes of the region files of the layer and of the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<u64>,
    stages: Stages,
    seconds: f64,
    #[serde(skip)]
    took: Duration,
}

/// Seconds of work. Stages run side by side, so that the sum may be more than the whole.
#[derive(Debug, Serialize)]
struct Stages {
    read: f64,
    inflate: f64,
    hash: f64,
    write: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<f64>,
}

impl Facts {
    pub(crate) fn new(layer: &Layer) -> Self {
        let Layer { stream, report, .. } = layer;
        let Counts { files, directories, links, streams, deletions, bytes, .. } = report.counts;
        Self {
            image: None,
            set: layer.set.map(|set| set.to_string()),
            os: layer.os.as_str(),
            format: stream.format.to_string(),
            digest: stream.compressed.digest.to_string(),
            size: stream.compressed.size,
            diff_id: stream.uncompressed.digest.to_string(),
            tar_size: stream.uncompressed.size,
            files,
            directories,
            links,
            streams,
            deletions,
            bytes,
            stored: None,
            stages: Stages::new(&stream.timing, layer.took),
            seconds: layer.took.as_secs_f64(),
            took: layer.took,
        }
    }

    /// Adds what is told of the image that the layer became.
    pub(crate) fn committed(mut self, image: &ImageName, stored: u64, took: Duration) -> Self {
        self.image = Some(image.to_string());
        self.stored = Some(stored);
        self.stages.commit = Some(took.as_secs_f64());
        self
    }

    pub(crate) fn took(mut self, took: Duration) -> Self {
        (self.took, self.seconds) = (took, took.as_secs_f64());
        self
    }

    pub(crate) fn text(&self) -> String {
        let Stages { read, inflate, hash, write, commit } = self.stages;
        format!(
            "{}: {}, {}, {} in {}; {} on disk\n\
             blob {}, {} of {}\n\
             tar {}, {}\n\
             read {read:.2} s, inflate {inflate:.2} s, hash {hash:.2} s, write {write:.2} s, commit {:.2} s",
            self.image.as_deref().or(self.set.as_deref()).unwrap_or_default(),
            text::count(self.files, "file", "files"),
            text::count(self.directories, "directory", "directories"),
            text::size(self.bytes),
            text::pace(self.tar_size, self.took),
            text::size(self.stored.unwrap_or(0)),
            self.digest,
            text::size(self.size),
            self.format,
            self.diff_id,
            text::size(self.tar_size),
            commit.unwrap_or(0.0),
        )
    }
}

impl Stages {
    fn new(timing: &StreamTiming, took: Duration) -> Self {
        // What the importing thread did not spend on other stages, it spent on entries and their data.
        let elsewhere = match timing.threaded {
            true => timing.hashing.saturating_add(timing.waiting),
            false => timing.hashing.saturating_add(timing.reading).saturating_add(timing.inflating),
        };
        Self {
            read: timing.reading.as_secs_f64(),
            inflate: timing.inflating.as_secs_f64(),
            hash: timing.hashing.as_secs_f64(),
            write: took.saturating_sub(elsewhere).as_secs_f64(),
            commit: None,
        }
    }
}

/// Returns the bytes of the region files that an image has of its own and of a layer set. Its format may be unknown.
pub(crate) fn stored(image: &Path, set: Option<Guid>) -> Result<u64> {
    let (directory, name) = files::split_image_path(image)?;
    let own = read_header(&DiskDirectory::new(&directory), &name)?.own.guid;
    let mut bytes = 0;
    for entry in directory.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let of_layer = |name: &str| files::set_of(name).is_some_and(|it| it == own || Some(it) == set);
        if name.to_str().is_some_and(|name| name.starts_with("region_") && of_layer(name)) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
