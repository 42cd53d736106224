//! A layer on its way here. Where the connection breaks, the rest is asked for.

use std::io::{self, Read};
use std::sync::Arc;

use super::client::{Client, Place};
use super::error::{RemoteError, TransportError};
use super::http::{Answer, Reader};
use super::patience::Patience;
use crate::registry::RegistryError;
use crate::registry::blob::Blob;

/// The bytes of a layer.
pub(super) struct Download {
    client: Arc<Client>,
    /// Its path in the repository, or the address of where else it is.
    path: String,
    is_elsewhere: bool,
    size: u64,
    /// How many bytes were handed out.
    at: u64,
    stream: Option<Stream>,
    patience: Patience,
}

/// Bytes that come from somewhere.
struct Stream {
    host: String,
    reader: Reader,
}

impl Download {
    /// Begins to read a layer, from the repository or from where else it is said to be.
    pub(super) fn open(client: &Arc<Client>, blob: &Blob, urls: &[String]) -> Result<Self, RemoteError> {
        let patience = client.patience();
        let path = format!("blobs/{}", blob.digest);
        let mut download = Self {
            client: client.clone(),
            path,
            is_elsewhere: false,
            size: blob.size,
            at: 0,
            stream: None,
            patience,
        };
        let mut opened = download.connect();
        for url in urls.iter().filter(|url| client.may_ask(url)) {
            if matches!(opened, Err(RemoteError::NotFound { .. })) {
                (download.path, download.is_elsewhere) = (url.clone(), true);
                opened = download.connect();
            }
        }
        download.stream = Some(opened?);
        Ok(download)
    }

    fn connect(&self) -> Result<Stream, RemoteError> {
        let place = if self.is_elsewhere { Place::Elsewhere(&self.path) } else { Place::Here(&self.path) };
        let answer = self.client.open(place, self.at)?;
        let host = answer.host.clone();
        let before = self.before(&answer)?;
        let mut reader = answer.into_reader();
        let failed = |error: io::Error| broken(&host, error);
        io::copy(&mut (&mut reader).take(before), &mut io::sink()).map_err(failed)?;
        Ok(Stream { host, reader })
    }

    /// Returns how many bytes come that were read before. Who knows nothing of ranges sends all.
    fn before(&self, answer: &Answer) -> Result<u64, RemoteError> {
        if answer.status() != 206 {
            return Ok(self.at);
        }
        let range = answer.header("content-range").unwrap_or_default();
        let start =
            range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse::<u64>().ok());
        if start == Some(self.at) {
            return Ok(0);
        }
        let (host, what, range) = (answer.host.clone(), self.path.clone(), range.to_owned());
        Err(RemoteError::Range { host, what, at: self.at, range })
    }

    /// Reads from the stream that there is.
    fn receive(&self, stream: &mut Stream, buf: &mut [u8]) -> Result<usize, RemoteError> {
        match stream.reader.read(buf) {
            Ok(0) if self.at < self.size && !buf.is_empty() => {
                let (host, what) = (stream.host.clone(), self.path.clone());
                Err(RemoteError::Ended { host, what, at: self.at, size: self.size })
            }
            Ok(len) => Ok(len),
            Err(error) => Err(broken(&stream.host, error)),
        }
    }

    fn next(&mut self, buf: &mut [u8]) -> Result<usize, RemoteError> {
        loop {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => self.connect()?,
            };
            match self.receive(&mut stream, buf) {
                Ok(len) => {
                    self.at = self.at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
                    self.patience.reset();
                    self.stream = Some(stream);
                    return Ok(len);
                }
                // All is here, and what is not right with it shows in its digest.
                Err(_) if self.at >= self.size => return Ok(0),
                Err(error) if error.is_passing() && self.patience.wait(None) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Read for Download {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.next(buf).map_err(|error| io::Error::other(RegistryError::from(error)))
    }
}

fn broken(host: &str, error: io::Error) -> RemoteError {
    RemoteError::Connection { host: host.to_owned(), source: TransportError(error.into()) }
}
