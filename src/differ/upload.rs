//! Storing a blob in the content store of containerd, while it is being made.

use std::io::{self, Write};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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
use crate::snapshot::Labels;

/// Bytes of one message.
const PIECE: usize = 1 << 20;
/// Begins the names of our uploads and leases.
const PREFIX: &str = "cimsnap-";
/// Messages that may wait.
const AHEAD: usize = 2;

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
            if let Err(error) = sent {
                // The writer of the pieces fails then, too.
                pieces.close();
                return Err(error);
            }
            offset = offset.saturating_add(len);
        }
        Ok(())
    }

    /// Makes the blob last.
    pub(super) async fn commit(self, blob: &DigestAndSize, labels: Labels) -> Result<(), DifferError> {
        let size = i64::try_from(blob.size).unwrap_or(i64::MAX);
        // Given the digest, containerd would answer that it has the blob without adding that to the lease.
        let request = WriteContentRequest {
            action: WriteAction::Commit.into(),
            total: size,
            offset: size,
            labels: labels.clone().into_iter().collect(),
            ..self.blank()
        };
        match self.exchange(request).await {
            Err(DifferError::Refused { source, .. }) if is_there(&source) => self.label(blob, labels).await,
            Ok(answer) if answer.digest != blob.digest.to_string() => {
                let digest = blob.digest.to_string();
                Err(DifferError::Stored { digest, stored: answer.digest })
            }
            done => done.map(drop),
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
    async fn exchange(&self, request: WriteContentRequest) -> Result<WriteContentResponse, DifferError> {
        let sent = self.requests.send(request).await;
        let answer = self.answers.lock().await.message().await;
        match (sent, answer) {
            (_, Err(status)) => Err(DifferError::refused("take a blob")(status)),
            (Ok(()), Ok(Some(answer))) => Ok(answer),
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

/// Returns a name that no other upload or lease has.
pub(super) fn new_reference() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{PREFIX}{}-{since}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Returns whether a name is that of an upload or a lease of ours.
pub(super) fn is_reference(name: &str) -> bool {
    name.starts_with(PREFIX)
}
