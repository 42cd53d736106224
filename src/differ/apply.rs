//! Applying layers.

use std::io::Read;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::work::Ticket;
use super::{ApplyRequest, Descriptor, Differ, DifferError, Namespace};
use crate::layer::digest::Digest;
use crate::layer::stream::{Expected, LayerStream, MediaType, StreamOptions};
use crate::snapshot::{Extraction, NewLayer, Outcome};
use crate::trace;

/// What an applied layer is, whatever its blob was.
const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";

/// A blob to be applied, checked as far as that goes without reading it.
struct Job {
    namespace: Namespace,
    descriptor: Descriptor,
    extraction: Extraction,
    digest: Digest,
    options: StreamOptions,
}

/// A blob to be read, and the right to convert it.
struct Turn {
    blob: Box<dyn Read + Send>,
    _permit: OwnedSemaphorePermit,
}

impl Differ {
    /// Gives a snapshot its layer, and describes the uncompressed layer.
    pub async fn apply(self: &Arc<Self>, request: ApplyRequest) -> Result<Descriptor, DifferError> {
        let ApplyRequest { namespace, descriptor, mounts } = request;
        let media_type: MediaType = descriptor
            .media_type
            .parse()
            .map_err(|_| DifferError::MediaType(descriptor.media_type.clone()))?;
        let digest: Digest =
            descriptor.digest.parse().map_err(|_| DifferError::Digest(descriptor.digest.clone()))?;
        let extraction =
            self.snapshots.extraction(&mounts, namespace.name.as_deref())?.ok_or(DifferError::NotOurs)?;
        trace::about(&extraction.key);
        let expected =
            Expected { blob_digest: Some(digest), blob_size: Some(descriptor.size), diff_id: None };
        let options = StreamOptions { media_type: Some(media_type), expected, ..StreamOptions::default() };
        let ticket = self.bench.add(extraction.key.clone(), digest, descriptor.size);
        let job = Job { namespace, descriptor, extraction, digest, options };

        let _claim = ticket.claim();
        let (differ, handle) = (self.clone(), Handle::current());
        let work = move || differ.convert(job, &handle, &ticket);
        let layer =
            tokio::task::spawn_blocking(trace::carried(work)).await.map_err(|_| DifferError::Cancelled)??;
        let digest = layer.row.diff_id.to_string();
        Ok(Descriptor { media_type: PLAIN.to_owned(), digest, size: layer.row.size })
    }

    fn convert(&self, job: Job, handle: &Handle, ticket: &Ticket) -> Result<NewLayer, DifferError> {
        let found = self.find_or_fill(job, handle, ticket);
        let outcome = found.as_ref().map_or(Outcome::Failed, |(_, outcome)| *outcome);
        self.snapshots.observer().layered(outcome);
        found.map(|(layer, _)| layer)
    }

    fn find_or_fill(
        &self,
        job: Job,
        handle: &Handle,
        ticket: &Ticket,
    ) -> Result<(NewLayer, Outcome), DifferError> {
        let Job { namespace, descriptor, extraction, digest, options } = job;
        // Who waits here for somebody who converts the same does not keep others from converting.
        let waiting = trace::stage("wait");
        let _alone = self.reading.lock(digest);
        drop(waiting);
        let failed = |source| DifferError::Apply { digest: digest.to_string(), source };
        let known = self.snapshots.reuse(&extraction, &digest).map_err(failed)?;
        let layer = match known {
            Some(layer) => (layer, Outcome::Reused),
            None => {
                let Turn { blob, _permit } = handle.block_on(self.turn(&namespace, &descriptor))?;
                let waited = ticket.waited();
                let stream = LayerStream::open(ticket.begin(blob), options)
                    .map_err(|source| DifferError::Stream { digest: digest.to_string(), source })?;
                let os = self.snapshots.system_below(&extraction.row).map_err(failed)?;
                let layer = self.snapshots.fill(&extraction, stream, os, waited).map_err(failed)?;
                (layer, Outcome::Converted)
            }
        };
        self.snapshots.fork_ahead(&extraction.key).map_err(failed)?;
        Ok(layer)
    }

    /// Waits until one more layer may be converted, and for its blob.
    async fn turn(&self, namespace: &Namespace, descriptor: &Descriptor) -> Result<Turn, DifferError> {
        let waiting = trace::stage("wait");
        let permit = self.workers.clone().acquire_owned().await.map_err(|_| DifferError::Cancelled)?;
        drop(waiting);
        let _opening = trace::stage("open");
        Ok(Turn { blob: self.content.open(namespace, descriptor).await?, _permit: permit })
    }
}
