//! A layer on its way here. Where the connection breaks, the rest is asked for.

use std::io::{self, Read};
use std::sync::Arc;

use super::client::{Client, Opened, Place};
use super::error::RemoteError;
use super::http::Reader;
use super::patience::Patience;
use crate::registry::RegistryError;
use crate::registry::blob::Blob;
use crate::registry::servers::{ServerId, Servers};

/// The bytes of a layer.
pub(super) struct Download {
    client: Arc<Client>,
    blob: Blob,
    servers: Servers,
    source: Origin,
    /// How many bytes were handed out.
    at: u64,
    stream: Option<Stream>,
    patience: Patience,
    /// Bytes since a server last broke off.
    since: u64,
    /// A server whose bytes ended too early, until others send more.
    ended: Option<RemoteError>,
}

/// Where a layer is asked for.
enum Origin {
    /// The path in the repository.
    Repository(String),
    /// One of the addresses that the manifest names, with its number.
    Address(usize, String),
}

/// Bytes that come from somewhere.
struct Stream {
    server: ServerId,
    is_registry: bool,
    host: String,
    /// Bytes that were handed out before, and come again.
    before: u64,
    reader: Reader,
}

impl Download {
    /// Begins to read a layer, from the repository or from an address that its descriptor names.
    pub(super) fn open(
        client: &Arc<Client>,
        blob: &Blob,
        urls: &[String],
        servers: &Servers,
    ) -> Result<Self, RemoteError> {
        let mut download = Self {
            client: client.clone(),
            blob: *blob,
            servers: servers.clone(),
            source: Origin::Repository(format!("blobs/{}", blob.digest)),
            at: 0,
            stream: None,
            patience: client.patience(),
            since: 0,
            ended: None,
        };
        let mut opened = download.connect();
        for (number, url) in urls.iter().enumerate().filter(|(_, url)| client.may_ask(url)) {
            let Err(error) = &opened else { break };
            if matches!(error.of_registry(), RemoteError::NotFound { .. }) || error.has_wrong_bytes() {
                download.source = Origin::Address(number, url.clone());
                opened = download.connect();
            }
        }
        download.stream = Some(opened?);
        Ok(download)
    }

    fn connect(&self) -> Result<Stream, RemoteError> {
        let place = match &self.source {
            Origin::Repository(path) => Place::Here(path),
            Origin::Address(number, url) => Place::Elsewhere(*number, url),
        };
        let Opened { server, is_registry, before, answer } =
            self.client.open(place, self.at, &self.blob, &self.servers)?;
        let host = answer.host.clone();
        Ok(Stream { server, is_registry, host, before, reader: answer.into_reader() })
    }

    fn next(&mut self, buf: &mut [u8]) -> Result<usize, RemoteError> {
        loop {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                // A server that ends too early and refuses the rest has another layer than it should.
                None => self.connect().map_err(|error| match self.ended.take() {
                    Some(ended) if !error.is_passing() => ended,
                    _ => error,
                })?,
            };
            match self.receive(&mut stream, buf) {
                Ok(len) => {
                    self.count(len, &stream);
                    self.stream = Some(stream);
                    return Ok(len);
                }
                // All is here, and what is not right with it shows in its digest.
                Err(_) if self.at >= self.blob.size => return Ok(0),
                Err(error) => {
                    self.servers.broke_off(stream.server);
                    self.since = 0;
                    if !error.is_passing() || !self.patience.wait(None) {
                        return Err(error);
                    }
                    self.ended = Some(error).filter(|error| matches!(error, RemoteError::Ended { .. }));
                }
            }
        }
    }

    /// Reads from the stream that there is.
    fn receive(&self, stream: &mut Stream, buf: &mut [u8]) -> Result<usize, RemoteError> {
        let broken = |error: io::Error| RemoteError::transport(&stream.host, error.into());
        let skipped = io::copy(&mut (&mut stream.reader).take(stream.before), &mut io::sink());
        if skipped.map_err(broken)? < stream.before {
            return Err(self.ended(&stream.host));
        }
        stream.before = 0;
        match stream.reader.read(buf).map_err(broken)? {
            0 if self.at < self.blob.size && !buf.is_empty() => Err(self.ended(&stream.host)),
            len => Ok(len),
        }
    }

    fn ended(&self, host: &str) -> RemoteError {
        RemoteError::Ended { host: host.to_owned(), at: self.at, size: self.blob.size }
    }

    /// Counts bytes that a server sent. Only one that sends at least at the slowest pace makes up for those that broke off.
    fn count(&mut self, len: usize, stream: &Stream) {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        if len == 0 {
            return;
        }
        self.servers.sends(stream.server, &stream.host, stream.is_registry);
        self.at = self.at.saturating_add(len);
        self.since = self.since.saturating_add(len);
        self.ended = None;
        if self.since >= self.client.progress() {
            self.patience.reset();
        }
    }
}

impl Read for Download {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.next(buf).map_err(|error| {
            let error = match error {
                // It names them already.
                RemoteError::Nowhere { .. } => error,
                other => other.after(self.servers.rejections(&self.blob)),
            };
            io::Error::other(RegistryError::from(error))
        })
    }
}
