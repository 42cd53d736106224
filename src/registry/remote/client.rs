//! A repository of a registry: its manifests and blobs, from whichever server has them.

use super::Settings;
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::error::{RemoteError, Who};
use super::http::{Answer, Header, Http, is_safe};
use super::pace::Pace;
use super::patience::Patience;
use super::token::{self, Proof};
use crate::layer::digest::Digest;
use crate::registry::blob::{Blob, BlobKind, MAX_DOCUMENT};
use crate::registry::error::quoted;
use crate::registry::reference::Reference;
use crate::registry::servers::{ServerId, Servers};

/// The kinds of manifests and indexes that are known.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Asks for things in one repository.
pub(super) struct Client {
    http: Http,
    pace: Pace,
    /// Who is asked first.
    mirrors: Vec<Endpoint>,
    /// The registry itself.
    origin: Endpoint,
    repository: String,
    credentials: Credentials,
    retries: u32,
    plain: bool,
}

/// Where something is.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    /// In the repository.
    Here(&'p str),
    /// At one of the addresses that a manifest names, with its number. No secret is sent there.
    Elsewhere(usize, &'p str),
}

/// A layer that a server begins to send.
pub(super) struct Opened {
    pub(super) server: ServerId,
    /// Whether that is the registry itself.
    pub(super) is_registry: bool,
    /// Bytes that come again.
    pub(super) before: u64,
    pub(super) answer: Answer,
}

/// What a document has to be.
pub(super) struct Wanted {
    pub(super) kind: BlobKind,
    pub(super) digest: Option<Digest>,
    pub(super) size: Option<u64>,
}

impl Wanted {
    /// Reads a document, and compares it. The digest that a registry states counts where no other is known.
    fn read(&self, answer: Answer, path: &str) -> Result<Vec<u8>, RemoteError> {
        let host = answer.host.clone();
        let stated = answer.header("docker-content-digest").and_then(|text| text.parse().ok());
        let what = format!("a {}", self.kind);
        // A document that is too long is not read to its end.
        let read = match self.size.filter(|size| *size < MAX_DOCUMENT) {
            Some(size) => answer.document(path, size).map_err(|error| match error {
                RemoteError::TooLarge { host, .. } => RemoteError::Size { host, what: what.clone(), size },
                other => other,
            }),
            None => answer.document(path, MAX_DOCUMENT),
        };
        let bytes = read?;
        let found = Digest::of(&bytes);
        match self.digest.or(stated).filter(|wanted| *wanted != found) {
            Some(wanted) => Err(RemoteError::Digest { host, what, wanted, found }),
            None => Ok(bytes),
        }
    }
}

impl Client {
    pub(super) fn new(reference: &Reference, settings: Settings) -> Self {
        let Settings { plain_http, mirrors, credentials, silence, retries } = settings;
        let mirrors = mirrors.iter().map(|mirror| Endpoint::mirror(mirror, reference, plain_http));
        Self {
            http: Http::new(silence, Pace::over(silence)),
            pace: Pace::over(silence),
            mirrors: mirrors.collect(),
            origin: Endpoint::of(reference, plain_http),
            repository: reference.repository().to_owned(),
            credentials,
            retries,
            plain: plain_http,
        }
    }

    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.retries)
    }

    /// Returns the fewest bytes after which a server counts as one that works.
    pub(super) fn progress(&self) -> u64 {
        self.pace.least()
    }

    /// Reads a document of the repository, from the first server that has the right one.
    pub(super) fn document(
        &self,
        path: &str,
        wanted: &Wanted,
    ) -> Result<(Option<String>, Vec<u8>), RemoteError> {
        let servers = Servers::default();
        let read = |id| {
            let answer = self.ask(self.endpoint(id), path, 0)?;
            let media_type = answer.header("content-type").map(str::to_owned);
            Ok((media_type, wanted.read(answer, path)?))
        };
        self.patiently(|| self.first(&servers, read))
    }

    /// Asks for a layer from some byte on. Returns which server answers, and how many bytes come that were read before.
    pub(super) fn open(
        &self,
        place: Place<'_>,
        from: u64,
        blob: &Blob,
        servers: &Servers,
    ) -> Result<Opened, RemoteError> {
        let opened = |server, answer: Answer| {
            let before = before(&answer, from)?;
            Ok(Opened { server, is_registry: server == self.mirrors.len(), before, answer })
        };
        self.patiently(|| match place {
            Place::Here(path) => {
                let ask = |id| {
                    servers.check(id, blob)?;
                    opened(id, self.ask(self.endpoint(id), path, from)?)
                };
                self.first(servers, ask)
            }
            Place::Elsewhere(number, url) => {
                let id = self.mirrors.len().saturating_add(1).saturating_add(number);
                servers.check(id, blob)?;
                opened(id, self.elsewhere(url, from)?)
            }
        })
    }

    /// Returns whether a layer may be had from an address. A manifest could otherwise have us ask for anything that
    /// only this machine can reach.
    pub(super) fn may_ask(&self, url: &str) -> bool {
        is_safe(url) || (self.plain && url.starts_with("http://"))
    }

    fn patiently<T>(&self, ask: impl Fn() -> Result<T, RemoteError>) -> Result<T, RemoteError> {
        let mut patience = self.patience();
        loop {
            match ask() {
                Err(error) if error.is_passing() && patience.wait(error.retry_after()) => {}
                other => return other,
            }
        }
    }

    /// Asks one server after the other. What the registry itself says counts where none has it.
    fn first<T>(
        &self,
        servers: &Servers,
        ask: impl Fn(ServerId) -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        let registry = self.mirrors.len();
        let order = servers.in_order(0..registry.saturating_add(1));
        let (before, after) = order.split_at(order.iter().position(|id| *id == registry).unwrap_or_default());
        let mut refusals = Vec::new();
        let mut mirror = |ids: &[ServerId]| {
            let answers = ids.iter().filter(|id| **id != registry).map(|id| ask(*id));
            answers.filter_map(|answer| answer.map_err(|error| refusals.push(error)).ok()).next()
        };
        if let Some(answer) = mirror(before) {
            return Ok(answer);
        }
        match ask(registry) {
            Ok(answer) => Ok(answer),
            Err(error) => mirror(after).ok_or_else(|| error.after(refusals)),
        }
    }

    /// Returns a mirror, or the registry.
    fn endpoint(&self, id: ServerId) -> &Endpoint {
        self.mirrors.get(id).unwrap_or(&self.origin)
    }

    fn elsewhere(&self, url: &str, from: u64) -> Result<Answer, RemoteError> {
        let range = range(from);
        let headers: Vec<Header<'_>> = range.iter().map(|range| ("range", range.as_str())).collect();
        checked(self.http.get(url, &headers)?, "a layer")
    }

    /// Asks a server, and proves who asks if it wants that.
    fn ask(&self, endpoint: &Endpoint, path: &str, from: u64) -> Result<Answer, RemoteError> {
        let shown = endpoint.authorization().clone();
        let answer = self.send(endpoint, path, from, shown.as_deref())?;
        // Whoever we were sent on to is no one to prove anything to.
        if answer.status() != 401 || answer.is_elsewhere {
            return self.received(answer, path, Who::User);
        }
        let Some(proof) = self.prove(endpoint, path, shown.as_deref(), &answer)? else {
            return self.received(answer, path, Who::Anybody);
        };
        let again = self.send(endpoint, path, from, Some(&proof.header))?;
        self.received(again, path, proof.who)
    }

    /// Gets a proof, unless somebody has got one meanwhile.
    fn prove(
        &self,
        endpoint: &Endpoint,
        path: &str,
        shown: Option<&str>,
        answer: &Answer,
    ) -> Result<Option<Proof>, RemoteError> {
        let mut kept = endpoint.authorization();
        if let Some(header) = kept.as_ref().filter(|&header| Some(header.as_str()) != shown) {
            return Ok(Some(Proof { header: header.clone(), who: Who::User }));
        }
        let url = endpoint.url(&self.repository, path);
        let wanted = token::Wanted {
            host: &answer.host,
            login: &endpoint.login,
            repository: &self.repository,
            is_safe: is_safe(&url),
        };
        let proof = token::prove(&self.http, &self.credentials, &wanted, answer)?;
        *kept = proof.as_ref().map(|proof| proof.header.clone());
        Ok(proof)
    }

    fn send(
        &self,
        endpoint: &Endpoint,
        path: &str,
        from: u64,
        authorization: Option<&str>,
    ) -> Result<Answer, RemoteError> {
        let range = range(from);
        let mut headers = vec![("accept", if path.starts_with("manifests/") { ACCEPT } else { "*/*" })];
        headers.extend(range.iter().map(|range| ("range", range.as_str())));
        headers.extend(authorization.map(|header| ("authorization", header)));
        self.http.get(&endpoint.url(&self.repository, path), &headers)
    }

    fn received(&self, answer: Answer, path: &str, who: Who) -> Result<Answer, RemoteError> {
        if !matches!(answer.status().as_u16(), 401 | 403) || answer.is_elsewhere {
            return checked(answer, &format!("{}, {path}", self.repository));
        }
        let (host, repository) = (answer.host.clone(), self.repository.clone());
        Err(RemoteError::Unauthorized { host, repository, who, says: answer.says() })
    }
}

/// Returns how many bytes come that were read before. Servers that know nothing of ranges send all.
fn before(answer: &Answer, from: u64) -> Result<u64, RemoteError> {
    if answer.status() != 206 {
        return Ok(from);
    }
    let range = answer.header("content-range").unwrap_or_default();
    let start = range.strip_prefix("bytes ").and_then(|range| range.split('-').next()?.parse::<u64>().ok());
    if start == Some(from) {
        return Ok(0);
    }
    Err(RemoteError::Range { host: answer.host.clone(), at: from, range: quoted(range) })
}

fn range(from: u64) -> Option<String> {
    (from > 0).then(|| format!("bytes={from}-"))
}

fn checked(answer: Answer, what: &str) -> Result<Answer, RemoteError> {
    match answer.status().as_u16() {
        200 | 206 => Ok(answer),
        404 => Err(RemoteError::NotFound {
            host: answer.host.clone(),
            what: what.to_owned(),
            says: answer.says(),
        }),
        _ => Err(answer.failure(what)),
    }
}
