//! One layer on its way into a layer set.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use cimsnap::cim::{ErrorKind, Guid, Lease, WriterOptions};
use cimsnap::engine::{Native, Portable};
use cimsnap::escape::Escaped;
use cimsnap::layer::commit::{MissingHives, finish_native};
use cimsnap::layer::import::{ImportError, ImportOptions, Imported, LayerOs, Report, prepare};
use cimsnap::layer::stream::{LayerStream, StreamOptions, StreamSummary};

use super::notes::Notes;
use crate::cli::Result;
use crate::cli::ui::{Progress, Ui};

/// Stands for standard input.
const STDIN: &str = "-";

/// Says to those who read blobs that nobody needs them any more.
pub(super) type Stop = Arc<AtomicBool>;

/// The blob of a layer.
pub(crate) struct Blob {
    reader: Counted,
    options: StreamOptions,
}

/// A layer that was read.
pub(crate) struct Layer {
    /// What it has become, unless that is an image at once.
    pub(crate) set: Option<Guid>,
    pub(crate) os: LayerOs,
    pub(super) stream: StreamSummary,
    pub(super) report: Report,
    pub(super) took: Duration,
}

impl Blob {
    /// Opens a file or standard input.
    pub(crate) fn open(path: &Path, ui: &Ui) -> Result<Self> {
        let (inner, len): (Box<dyn Read + Send>, u64) = if path.as_os_str() == STDIN {
            (Box::new(io::stdin()), 0)
        } else {
            let failed = || format!("cannot open {}", path.display());
            let file = File::open(path).with_context(failed)?;
            let len = file.metadata().with_context(failed)?.len();
            (Box::new(file), len)
        };
        Ok(Self::new(inner, StreamOptions::default(), Arc::new(ui.progress("read", len)), Stop::default()))
    }

    pub(super) fn new(
        inner: Box<dyn Read + Send>,
        options: StreamOptions,
        progress: Arc<Progress>,
        stop: Stop,
    ) -> Self {
        Self { reader: Counted { inner, progress, stop }, options }
    }

    /// Makes a layer set. One that is there already has the same content, and stays.
    pub(crate) fn import(self, lease: &Lease, os: Option<LayerOs>, options: WriterOptions) -> Result<Layer> {
        let started = Instant::now();
        let stream = LayerStream::open(self.reader, self.options).map_err(ImportError::from)?;
        let engine = Portable::unnamed(lease, options.sync).laid_out(options.layout);
        let options = ImportOptions { os, ..ImportOptions::default() };
        let Imported { layer, os, stream, report } = prepare(stream, engine, &options)?;
        let set = os.set_id(&stream.uncompressed.digest);
        match layer.finish_as(set) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        Notes::new(lease.directory().clone())
            .leave(&stream.compressed.digest, &stream.uncompressed.digest)?;
        Ok(Layer { set: Some(set), os, stream, report, took: started.elapsed() })
    }

    /// Has the library of Windows write an image.
    pub(crate) fn write(self, engine: Native, os: Option<LayerOs>, missing: MissingHives) -> Result<Layer> {
        let started = Instant::now();
        let stream = LayerStream::open(self.reader, self.options).map_err(ImportError::from)?;
        let options = ImportOptions { os, ..ImportOptions::default() };
        let Imported { layer, os, stream, report } = prepare(stream, engine, &options)?;
        finish_native(layer, missing)?;
        Ok(Layer { set: None, os, stream, report, took: started.elapsed() })
    }

    /// Reads all of the blob, and only proves that it is what is expected.
    pub(super) fn prove(self, lease: &Lease) -> Result<()> {
        let stream = LayerStream::open(self.reader, self.options).and_then(LayerStream::finish);
        let stream = stream.map_err(ImportError::from)?;
        Notes::new(lease.directory().clone()).leave(&stream.compressed.digest, &stream.uncompressed.digest)
    }
}

impl Layer {
    /// Tells of odd entries.
    pub(crate) fn warn(&self, ui: &Ui) {
        for (path, remark) in &self.report.remarks {
            ui.warn(&format!("{}: {remark}", Escaped(path)));
        }
    }
}

/// A reader that is watched, and can be told to give up.
struct Counted {
    inner: Box<dyn Read + Send>,
    progress: Arc<Progress>,
    stop: Stop,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("another layer has failed"));
        }
        let len = self.inner.read(buf)?;
        self.progress.advance(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(len)
    }
}
