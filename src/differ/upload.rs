//! Storing a blob in the content store of containerd, while it is being made.

use std::io::{self, Write};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Streaming};

use super::content::{Content, is_there, with_namespace};
use super::{DifferError, Namespace};
use crate::layer::digest::DigestAndSize;
use crate::proto::containerd::services::content::v1::{
    AbortRequest, FieldMask, Info, InfoRequest, UpdateRequest, WriteAction, WriteContentRequest,
    WriteContentResponse,
};
use crate::proto::containerd::services::leases::v1::CreateRequest;
use crate::proto::containerd::services::leases::v1::leases_client::LeasesClient;
use crate::snapshot::Labels;

/// Bytes of one message.
const PIECE: usize = 1 << 20;
/// Messages that may wait.
const AHEAD: usize = 2;
/// How long a blob is kept for whoever asked for it to refer to it.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// A blob that is being stored.
pub(super) struct Upload<'c> {
    content: &'c Content,
    namespace: Namespace,
    reference: String,
    pieces: Mutex<Receiver<Vec<u8>>>,
    requests: Sender<WriteContentRequest>,
    answers: Mutex<Streaming<WriteContentResponse>>,
}

/// Takes the bytes of a blob.
pub(super) struct Pieces {
    sender: Sender<Vec<u8>>,
    piece: Vec<u8>,
}

impl<'c> Upload<'c> {
    /// Begins to store a blob, in place of whatever an earlier upload of that name has left.
    pub(super) async fn begin(
        content: &'c Content,
        namespace: Namespace,
        reference: String,
    ) -> Result<(Self, Pieces), DifferError> {
        let named = !reference.is_empty();
        let reference = if named { reference } else { new_reference() };
        let (sender, pieces) = channel(AHEAD);
        let (requests, outgoing) = channel(AHEAD);
        let mut client = content.client().await?;
        if named {
            let request = with_namespace(AbortRequest { r#ref: reference.clone() }, &namespace);
            match client.abort(request).await {
                Err(status) if status.code() != Code::NotFound => {
                    return Err(DifferError::refused("forget an upload")(status));
                }
                _ => {}
            }
        }
        let refused = DifferError::refused("take a blob");
        let first = WriteContentRequest {
            action: WriteAction::Stat.into(),
            r#ref: reference.clone(),
            ..Default::default()
        };
        // The answer to the call comes with the answer to its first message.
        requests.send(first).await.map_err(|_| DifferError::Cancelled)?;
        let request = with_namespace(ReceiverStream::new(outgoing), &namespace);
        let mut answers = client.write(request).await.map_err(refused)?.into_inner();
        answers.message().await.map_err(DifferError::refused("take a blob"))?;
        let (pieces, answers) = (Mutex::new(pieces), Mutex::new(answers));
        let upload = Self { content, namespace, reference, pieces, requests, answers };
        Ok((upload, Pieces { sender, piece: Vec::with_capacity(PIECE) }))
    }

    /// Passes on all pieces, until there are no more.
    pub(super) async fn send(&self) -> Result<(), DifferError> {
        let mut pieces = self.pieces.lock().await;
        let mut offset = 0_i64;
        while let Some(data) = pieces.recv().await {
            let len = i64::try_from(data.len()).unwrap_or(i64::MAX);
            let action = WriteAction::Write.into();
            let sent = self.exchange(WriteContentRequest { action, offset, data, ..self.blank() }).await;
            if sent.is_err() {
                // Whoever makes the pieces notices that nobody takes them.
                pieces.close();
                return sent;
            }
            offset = offset.saturating_add(len);
        }
        Ok(())
    }

    /// Makes the blob last.
    pub(super) async fn commit(self, blob: &DigestAndSize, labels: Labels) -> Result<(), DifferError> {
        let size = i64::try_from(blob.size).unwrap_or(i64::MAX);
        let request = WriteContentRequest {
            action: WriteAction::Commit.into(),
            total: size,
            offset: size,
            expected: blob.digest.to_string(),
            labels: labels.clone().into_iter().collect(),
            ..self.blank()
        };
        match self.exchange(request).await {
            Err(DifferError::Refused { source, .. }) if is_there(&source) => self.label(blob, labels).await,
            done => done,
        }
    }

    /// Forgets the upload.
    pub(super) async fn abort(&self) -> Result<(), DifferError> {
        let request = self.request(AbortRequest { r#ref: self.reference.clone() });
        match self.content.client().await?.abort(request).await {
            Err(status) if status.code() != Code::NotFound => {
                Err(DifferError::refused("forget an upload")(status))
            }
            _ => Ok(()),
        }
    }

    /// Gives a blob that was there before the labels that it lacks.
    async fn label(&self, blob: &DigestAndSize, labels: Labels) -> Result<(), DifferError> {
        let mut client = self.content.client().await?;
        let digest = blob.digest.to_string();
        let request = self.request(InfoRequest { digest: digest.clone() });
        let info = client.info(request).await.map_err(DifferError::refused("describe a blob"))?.into_inner();
        let known = info.info.unwrap_or_default().labels;
        let missing = labels.into_iter().filter(|(label, _)| !known.contains_key(label));
        let labels: std::collections::HashMap<String, String> = missing.collect();
        if labels.is_empty() {
            return Ok(());
        }
        let paths = labels.keys().map(|label| format!("labels.{label}")).collect();
        let info = Some(Info { digest, labels, ..Info::default() });
        let request = self.request(UpdateRequest { info, update_mask: Some(FieldMask { paths }) });
        client.update(request).await.map_err(DifferError::refused("label a blob")).map(drop)
    }

    /// Sends a message and waits for its answer.
    async fn exchange(&self, request: WriteContentRequest) -> Result<(), DifferError> {
        let sent = self.requests.send(request).await;
        let answer = self.answers.lock().await.message().await;
        match (sent, answer) {
            (_, Err(status)) => Err(DifferError::refused("take a blob")(status)),
            (Ok(()), Ok(Some(_))) => Ok(()),
            _ => Err(DifferError::Cancelled),
        }
    }

    fn blank(&self) -> WriteContentRequest {
        WriteContentRequest { r#ref: self.reference.clone(), ..Default::default() }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        with_namespace(message, &self.namespace)
    }
}

impl Content {
    /// Sees to it that what is stored is not collected before somebody refers to it.
    pub(super) async fn leased(&self, namespace: Namespace) -> Result<Namespace, DifferError> {
        if namespace.lease.is_some() {
            return Ok(namespace);
        }
        let labels = [("containerd.io/gc.expire".to_owned(), rfc3339(SystemTime::now() + KEPT))];
        let request = CreateRequest { id: new_reference(), labels: labels.into() };
        let mut client = LeasesClient::new(self.channel().await?);
        let created = client.create(with_namespace(request, &namespace)).await;
        let lease = created.map_err(DifferError::refused("give a lease"))?.into_inner().lease;
        Ok(Namespace { lease: lease.map(|lease| lease.id), ..namespace })
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE.saturating_sub(self.piece.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.piece.extend_from_slice(taken);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Returns a name that no other upload has.
fn new_reference() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("cimsnap-{}-{since}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
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
