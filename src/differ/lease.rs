//! The lease that keeps a blob from garbage collection until something else references it.
//!
//! containerd calls its differs without the lease of its own client, and a client references a blob only after it knows
//! its digest. So each blob gets a lease of its own, which is deleted as soon as another lease or the label of another
//! blob references it. If nothing ever does, or the daemon ends first, the lease expires.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;
use tonic::Code;
use tonic::transport::Channel;
use tracing::warn;

use super::content::{Content, with_namespace};
use super::upload::{is_reference, new_reference};
use super::{DifferError, Namespace};
use crate::layer::digest::Digest;
use crate::proto::containerd::services::content::v1::{Info, ListContentRequest};
use crate::proto::containerd::services::leases::v1::leases_client::LeasesClient;
use crate::proto::containerd::services::leases::v1::{
    CreateRequest, DeleteRequest, ListRequest, ListResourcesRequest, Resource,
};

/// How long a blob is kept if nothing references it.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// A lease of this age is renewed before a blob is committed.
const RENEWED: Duration = Duration::from_secs(60);
/// The pauses between checks for other references.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// The label of the time from which containerd ignores a lease.
const EXPIRE: &str = "containerd.io/gc.expire";
/// The label of a blob that is never collected.
const ROOT: &str = "containerd.io/gc.root";
/// Begins the labels by which one blob references others.
const REFERENCE: &str = "containerd.io/gc.ref.content";

/// A lease of a blob that is being stored.
#[derive(Debug)]
pub(super) struct BlobLease {
    /// The namespace and the lease.
    namespace: Namespace,
    /// When the lease was created; `None` if it is that of the caller.
    created: Option<Instant>,
}

impl BlobLease {
    /// Takes the lease of the caller, or creates one.
    pub(super) async fn new(content: &Content, mut namespace: Namespace) -> Result<Self, DifferError> {
        if namespace.lease.is_some() {
            return Ok(Self { namespace, created: None });
        }
        namespace.lease = Some(new_reference());
        let mut lease = Self { namespace, created: None };
        lease.create(content).await?;
        Ok(lease)
    }

    /// Returns the namespace, with the lease.
    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Lets a lease that was created long ago expire later.
    pub(super) async fn renew(&mut self, content: &Content) -> Result<(), DifferError> {
        if self.created.is_some_and(|created| created.elapsed() >= RENEWED) {
            self.delete(content).await?;
            self.create(content).await?;
        }
        Ok(())
    }

    async fn create(&mut self, content: &Content) -> Result<(), DifferError> {
        let labels = [(EXPIRE.to_owned(), rfc3339(SystemTime::now() + KEPT))];
        let request = CreateRequest { id: self.id(), labels: labels.into() };
        let created = content.leases().await?.create(with_namespace(request, &self.owner())).await;
        created.map_err(DifferError::refused("create a lease"))?;
        self.created = Some(Instant::now());
        Ok(())
    }

    /// Deletes the lease, unless it is that of the caller.
    pub(super) async fn delete(&self, content: &Content) -> Result<(), DifferError> {
        if self.created.is_none() {
            return Ok(());
        }
        let request = with_namespace(DeleteRequest { id: self.id() }, &self.owner());
        match content.leases().await?.delete(request).await {
            Err(status) if status.code() != Code::NotFound => {
                Err(DifferError::refused("delete a lease")(status))
            }
            _ => Ok(()),
        }
    }

    /// Waits until something else references the blob, but no longer than the lease lasts, and deletes the lease.
    pub(super) async fn delete_when_referenced(self, content: &Content, blob: Digest) {
        let Some(created) = self.created else { return };
        let mut pause = FIRST_PAUSE;
        let done = loop {
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LAST_PAUSE);
            match self.is_referenced(content, &blob.to_string()).await {
                Ok(false) if created.elapsed() < KEPT => {}
                Ok(_) => break self.delete(content).await,
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = done {
            warn!(%blob, error = &error as &dyn std::error::Error, "cannot delete the lease of a blob; it expires in minutes");
        }
    }

    /// Returns whether another lease, or another blob, references a blob.
    async fn is_referenced(&self, content: &Content, blob: &str) -> Result<bool, DifferError> {
        Ok(self.is_labelled(content, blob).await? || self.is_leased(content, blob).await?)
    }

    async fn is_labelled(&self, content: &Content, blob: &str) -> Result<bool, DifferError> {
        let failed = DifferError::refused("list blobs");
        let request = with_namespace(ListContentRequest {}, &self.owner());
        let mut pages = content.client().await?.list(request).await.map_err(failed)?.into_inner();
        while let Some(page) = pages.message().await.map_err(DifferError::refused("list blobs"))? {
            if page.info.iter().any(|info| references(info, blob)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_leased(&self, content: &Content, blob: &str) -> Result<bool, DifferError> {
        let mut client = content.leases().await?;
        let listed = client.list(with_namespace(ListRequest {}, &self.owner())).await;
        let leases = listed.map_err(DifferError::refused("list leases"))?.into_inner().leases;
        // Leases that keep other blobs until something references them are no reason to give up this one.
        for lease in leases.into_iter().filter(|lease| !is_reference(&lease.id)) {
            let request = with_namespace(ListResourcesRequest { id: lease.id }, &self.owner());
            let resources = match client.list_resources(request).await {
                Err(status) if status.code() == Code::NotFound => continue,
                listed => {
                    listed.map_err(DifferError::refused("list what a lease holds"))?.into_inner().resources
                }
            };
            if resources.iter().any(|Resource { id, r#type }| r#type == "content" && id == blob) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn id(&self) -> String {
        self.namespace.lease.clone().unwrap_or_default()
    }

    /// Returns the namespace without the lease, to which requests would add what they make.
    fn owner(&self) -> Namespace {
        Namespace { name: self.namespace.name.clone(), lease: None }
    }
}

impl Content {
    async fn leases(&self) -> Result<LeasesClient<Channel>, DifferError> {
        Ok(LeasesClient::new(self.channel().await?))
    }
}

/// Returns whether the labels of a blob keep another one, or the blob itself.
fn references(info: &Info, blob: &str) -> bool {
    let refers = |(label, value): (&String, &String)| label.starts_with(REFERENCE) && value == blob;
    info.labels.iter().any(refers) || (info.digest == blob && info.labels.contains_key(ROOT))
}

/// Writes a time as containerd reads it, to the second.
fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the date that lies so many days after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is the last one; eras of 400 years begin alike.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(digest: &str, label: &str, value: &str) -> Info {
        let labels = [(label.to_owned(), value.to_owned())].into();
        Info { digest: digest.to_owned(), size: 1, labels }
    }

    #[test]
    fn labels_of_blobs_are_references() {
        assert!(references(&info("m", "containerd.io/gc.ref.content.l.0", "b"), "b"));
        assert!(references(&info("b", "containerd.io/gc.root", "now"), "b"));
        assert!(!references(&info("m", "containerd.io/gc.ref.content.l.0", "other"), "b"));
        assert!(!references(&info("m", "containerd.io/uncompressed", "b"), "b"));
        assert!(!references(&info("m", "containerd.io/gc.root", "now"), "b"));
    }

    #[test]
    fn times_are_written_as_containerd_reads_them() {
        let at = |seconds| rfc3339(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_798_761_599), "2026-12-31T23:59:59Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
