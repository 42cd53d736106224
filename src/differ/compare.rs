//! Making layers of snapshots.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use super::compress::Packing;
use super::lease::BlobLease;
use super::upload::{Pieces, Upload};
use super::{CompareRequest, Descriptor, Differ, DifferError};
use crate::layer::digest::{DigestAndSize, Hasher};
use crate::layer::export::ChangesetOptions;
use crate::snapshot::{Difference, Labels, Snapshots};
use crate::trace;

/// The label that says what a blob is when it is not compressed.
const UNCOMPRESSED: &str = "containerd.io/uncompressed";

/// A layer that was made.
struct Made {
    tar: DigestAndSize,
    blob: DigestAndSize,
}

impl Differ {
    /// Stores what the one has that the other has not as a blob.
    pub async fn compare(self: &Arc<Self>, request: CompareRequest) -> Result<Descriptor, DifferError> {
        let CompareRequest { namespace, left, right, media_type, reference, labels, latest_time } = request;
        let options = ChangesetOptions { latest_time };
        let packing = Packing::new(&media_type)?;
        let difference = self.snapshots.difference(&left, &right)?.ok_or(DifferError::NotOurs)?;
        let mut lease = BlobLease::new(&self.content, namespace).await?;
        let stored = self.store(&mut lease, &difference, options, &packing, reference, labels).await;
        let made = match stored {
            Ok(made) => made,
            Err(error) => {
                lease.delete(&self.content).await?;
                return Err(error);
            }
        };
        let (differ, digest) = (self.clone(), made.blob.digest);
        tokio::spawn(async move { lease.delete_when_referenced(&differ.content, digest).await });
        let digest = digest.to_string();
        Ok(Descriptor { media_type: packing.media_type, digest, size: made.blob.size })
    }

    /// Makes a blob and stores it under a lease.
    async fn store(
        &self,
        lease: &mut BlobLease,
        difference: &Difference,
        options: ChangesetOptions,
        packing: &Packing,
        reference: String,
        mut labels: Labels,
    ) -> Result<Made, DifferError> {
        let namespace = lease.namespace().clone();
        let (upload, pieces) = Upload::begin(&self.content, namespace, reference).await?;
        let (snapshots, chosen, difference) = (self.snapshots.clone(), packing.clone(), difference.clone());
        let work = move || make(&snapshots, &difference, options, &chosen, pieces);
        let making = tokio::task::spawn_blocking(trace::carried(work));
        let sent = upload.send().await;
        let made = match making.await.map_err(|_| DifferError::Cancelled)? {
            Ok(made) => made,
            Err(error) => {
                upload.abort().await?;
                // When the upload fails, so does the making, for want of someone to write to.
                sent?;
                return Err(error);
            }
        };
        labels.insert(UNCOMPRESSED.to_owned(), made.tar.digest.to_string());
        lease.renew(&self.content).await?;
        upload.commit(&made.blob, labels).await?;
        Ok(made)
    }
}

fn make(
    snapshots: &Snapshots,
    difference: &Difference,
    options: ChangesetOptions,
    packing: &Packing,
    pieces: Pieces,
) -> Result<Made, DifferError> {
    let _making = trace::stage("compare");
    let broken = |source| DifferError::Upload { source };
    let encoder = packing.encode(Hashed::new(pieces)).map_err(broken)?;
    let mut tar = Hashed::new(BufWriter::with_capacity(1 << 16, encoder));
    snapshots.write_difference(difference, options, &mut tar)?;
    let Hashed { inner, hasher } = tar;
    let encoder = inner.into_inner().map_err(|error| broken(error.into_error()))?;
    let mut blob = encoder.finish().map_err(broken)?;
    blob.flush().map_err(broken)?;
    Ok(Made { tar: hasher.finish(), blob: blob.hasher.finish() })
}

/// Computes the digest of what is written through it.
struct Hashed<W> {
    inner: W,
    hasher: Hasher,
}

impl<W> Hashed<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::default() }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
