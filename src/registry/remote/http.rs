//! Requests, and what comes of them.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::{Agent, Body, ResponseExt};

use super::error::{RemoteError, Says, TransportError};
use crate::registry::error::quoted;

const USER_AGENT: &str = concat!("cimsnap/", env!("CARGO_PKG_VERSION"));

/// How often a registry may send us elsewhere.
const MAX_REDIRECTS: u32 = 5;

/// Most bytes that are read of what a registry says of a failure.
const MAX_SAYS: u64 = 8 << 10;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(15);

/// A client. Connections are kept for the next request.
#[derive(Clone, Debug)]
pub(super) struct Http(Agent);

/// A header of a request.
pub(super) type Header<'h> = (&'static str, &'h str);

/// What a server answers.
#[derive(Debug)]
pub(super) struct Answer {
    /// Who answers: the last one where we were sent on.
    pub(super) host: String,
    /// Whether we were sent on to somebody else.
    pub(super) is_elsewhere: bool,
    response: Response<Body>,
}

/// Bytes as they come.
pub(super) type Reader = ureq::BodyReader<'static>;

impl Http {
    /// Makes a client that gives up on whoever is silent for too long.
    pub(super) fn new(silence: Duration) -> Self {
        let config = Agent::config_builder()
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            .max_redirects(MAX_REDIRECTS)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT.min(silence)))
            .timeout_recv_response(Some(silence))
            .timeout_per_read(Some(silence))
            .timeout_per_write(Some(silence));
        Self(Agent::new_with_config(config.build()))
    }

    /// Asks for something. Who is asked safely sends us nowhere else but safely.
    pub(super) fn get(&self, url: &str, headers: &[Header<'_>]) -> Result<Answer, RemoteError> {
        let mut request = self.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut config = request.config().https_only(is_safe(url));
        if is_loopback(host_of(url)) {
            // As everywhere: what is near is not asked for through what leads afar.
            config = config.proxy(None);
        }
        let response = config.build().call();
        Answer::new(url, response)
    }

    /// Sends a form.
    pub(super) fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer, RemoteError> {
        let mut config = self.0.post(url).config().https_only(is_safe(url));
        if is_loopback(host_of(url)) {
            config = config.proxy(None);
        }
        Answer::new(url, config.build().send_form(form.iter().copied()))
    }
}

impl Answer {
    fn new(url: &str, response: Result<Response<Body>, ureq::Error>) -> Result<Self, RemoteError> {
        let asked = host_of(url);
        let failed =
            |error| RemoteError::Connection { host: asked.to_owned(), source: TransportError(error) };
        let response = response.map_err(failed)?;
        let uri = response.get_uri();
        let host = uri.authority().map_or(asked, |authority| authority.as_str()).to_owned();
        let is_elsewhere = host != asked || is_safe(url) != (uri.scheme_str() == Some("https"));
        Ok(Self { host, is_elsewhere, response })
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(super) fn into_reader(self) -> Reader {
        self.response.into_body().into_reader()
    }

    /// Reads all of a document.
    pub(super) fn document(self, what: &str, limit: u64) -> Result<Vec<u8>, RemoteError> {
        let host = self.host.clone();
        let mut bytes = Vec::new();
        let read = self.into_reader().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        if let Err(error) = read {
            return Err(RemoteError::Connection { host, source: TransportError(error.into()) });
        }
        if u64::try_from(bytes.len()).is_ok_and(|len| len > limit) {
            return Err(RemoteError::TooLarge { host, what: what.to_owned(), limit });
        }
        Ok(bytes)
    }

    /// Makes an error of an answer that tells of none of the known failures.
    pub(super) fn failure(self, what: &str) -> RemoteError {
        let retry_after = self.header("retry-after").and_then(|text| text.trim().parse().ok());
        RemoteError::Status {
            host: self.host.clone(),
            status: self.status().as_u16(),
            what: what.to_owned(),
            retry_after: retry_after.map(Duration::from_secs),
            says: self.says(),
        }
    }

    /// Reads what is said of a failure.
    pub(super) fn says(self) -> Says {
        #[derive(Deserialize)]
        struct Failure {
            errors: Vec<Reason>,
        }
        #[derive(Deserialize)]
        struct Reason {
            message: String,
        }
        let mut bytes = Vec::new();
        // It only adds to what is known: where it breaks off, less is told.
        drop(self.into_reader().take(MAX_SAYS).read_to_end(&mut bytes));
        let failure: Option<Failure> = serde_json::from_slice(&bytes).ok();
        let first = failure.and_then(|failure| failure.errors.into_iter().next());
        Says(first.map(|reason| quoted(&reason.message)).unwrap_or_default())
    }
}

/// Returns whether nobody on the way reads along.
pub(super) fn is_safe(url: &str) -> bool {
    url.starts_with("https://")
}

/// Returns host and port of an address. The rest of it may be secret.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Returns whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_without_secrets() {
        for (url, host) in [
            ("https://a.b/c?d=e", "a.b"),
            ("https://user:secret@a.b:1/c", "a.b:1"),
            ("http://[::1]:5000", "[::1]:5000"),
            ("https://a.b?x=y/z", "a.b"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        for host in ["localhost", "localhost:1", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.x", "10.0.0.1:1", "a.b", "[::2]:1", "127.0.0.1.x"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
