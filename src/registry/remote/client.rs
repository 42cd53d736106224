//! A repository of a registry: its manifests and blobs, from whichever server has them.

use super::Settings;
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::error::{RemoteError, Who};
use super::http::{Answer, Header, Http, is_safe};
use super::patience::Patience;
use super::token::{self, Proof, Wanted};
use crate::registry::reference::Reference;

/// The kinds of manifests and indexes that are known.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Asks for things in one repository.
pub(super) struct Client {
    http: Http,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'p> {
    /// In the repository.
    Here(&'p str),
    /// At an address that a manifest names. No secret is sent there.
    Elsewhere(&'p str),
}

impl Client {
    pub(super) fn new(reference: &Reference, settings: Settings) -> Self {
        let Settings { plain_http, mirrors, credentials, silence, retries } = settings;
        let mirrors = mirrors.iter().map(|mirror| Endpoint::mirror(mirror, reference, plain_http));
        Self {
            http: Http::new(silence),
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

    /// Reads a document of the repository.
    pub(super) fn document(&self, path: &str, limit: u64) -> Result<(Option<String>, Vec<u8>), RemoteError> {
        self.patiently(|| {
            let answer = self.anywhere(path, 0)?;
            let media_type = answer.header("content-type").map(str::to_owned);
            Ok((media_type, answer.document(path, limit)?))
        })
    }

    /// Asks for something from some byte on.
    pub(super) fn open(&self, place: Place<'_>, from: u64) -> Result<Answer, RemoteError> {
        self.patiently(|| match place {
            Place::Here(path) => self.anywhere(path, from),
            Place::Elsewhere(url) => self.elsewhere(url, from),
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
    fn anywhere(&self, path: &str, from: u64) -> Result<Answer, RemoteError> {
        let mut refusals = Vec::new();
        for mirror in &self.mirrors {
            match self.ask(mirror, path, from) {
                Ok(answer) => return Ok(answer),
                Err(error) => refusals.push(error),
            }
        }
        self.ask(&self.origin, path, from).map_err(|error| error.after(refusals))
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
        let wanted = Wanted {
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
