//! Requests, and what comes of them.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector, TcpConnector};
use ureq::{Agent, Body};

use super::error::{RemoteError, Says};
use super::pace::{Metered, Pace};
use crate::escape::without_secrets;
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
    /// Makes a client that gives up on servers that are silent for too long, or send too slowly.
    pub(super) fn new(silence: Duration, pace: Pace) -> Self {
        let config = Agent::config_builder()
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            // Redirects are followed here: the agent would show secrets to other ports of the same host.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .timeout_resolve(Some(CONNECT.min(silence)))
            .timeout_connect(Some(CONNECT.min(silence)))
            .timeout_recv_response(Some(silence))
            .timeout_per_read(Some(silence))
            .timeout_per_write(Some(silence));
        let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default());
        let connector = connector.chain(Metered(pace)).chain(RustlsConnector::default());
        Self(Agent::with_parts(config.build(), connector, DefaultResolver::default()))
    }

    /// Asks for something, wherever we are sent for it. Who is asked safely sends us nowhere else but safely, and nobody
    /// else gets to see the proof of who asks.
    pub(super) fn get(&self, url: &str, headers: &[Header<'_>]) -> Result<Answer, RemoteError> {
        let (mut at, mut headers) = (url.to_owned(), headers.to_vec());
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&at, &headers, is_safe(url)).map_err(|error| failed(&at, error))?;
            let Some(next) = location(&response).map(|location| resolved(&at, location)) else {
                let is_elsewhere = origin_of(&at) != origin_of(url);
                return Ok(Answer { host: host_of(&at).to_owned(), is_elsewhere, response });
            };
            if origin_of(&next) != origin_of(&at) {
                headers.retain(|(name, _)| *name != "authorization");
            }
            at = next;
        }
        Err(failed(url, ureq::Error::TooManyRedirects))
    }

    fn ask(&self, url: &str, headers: &[Header<'_>], safely: bool) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut config = request.config().https_only(safely);
        if is_loopback(host_of(url)) {
            // As everywhere: what is near is not asked for through what leads afar.
            config = config.proxy(None);
        }
        config.build().call()
    }

    /// Sends a form.
    pub(super) fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer, RemoteError> {
        let mut config = self.0.post(url).config().https_only(is_safe(url));
        if is_loopback(host_of(url)) {
            config = config.proxy(None);
        }
        let response = config.build().send_form(form.iter().copied()).map_err(|error| failed(url, error))?;
        Ok(Answer { host: host_of(url).to_owned(), is_elsewhere: false, response })
    }
}

impl Answer {
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
            return Err(RemoteError::transport(&host, error.into()));
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
        Says(first.map(|reason| quoted(&without_secrets(&reason.message))).unwrap_or_default())
    }
}

fn failed(url: &str, error: ureq::Error) -> RemoteError {
    RemoteError::transport(host_of(url), error)
}

/// Returns where an answer sends us.
fn location(response: &Response<Body>) -> Option<&str> {
    let sends_on = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    response.headers().get("location").filter(|_| sends_on)?.to_str().ok()
}

/// Returns the address that a location means, from where it was said.
fn resolved(from: &str, location: &str) -> String {
    let scheme = from.split("//").next().unwrap_or_default();
    let path = from.split(['?', '#']).next().unwrap_or_default();
    match location {
        _ if location.split('/').next().is_some_and(|first| first.ends_with(':')) => location.to_owned(),
        _ if location.starts_with("//") => format!("{scheme}{location}"),
        _ if location.starts_with('/') => format!("{}{location}", origin_of(from)),
        _ => format!("{}/{location}", path.rsplit_once('/').map_or(path, |(parent, _)| parent)),
    }
}

/// Returns scheme, host and port of an address: who answers there.
fn origin_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..url.len().saturating_sub(rest.len()).saturating_add(length)).unwrap_or(url)
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
    fn locations_are_from_where_they_were_said() {
        for (location, wanted) in [
            ("https://c.d/e", "https://c.d/e"),
            ("//c.d/e", "https://c.d/e"),
            ("/e?f", "https://a.b:1/e?f"),
            ("e", "https://a.b:1/v2/e"),
            ("e/http://c", "https://a.b:1/v2/e/http://c"),
        ] {
            assert_eq!(resolved("https://a.b:1/v2/x?y=/z", location), wanted);
        }
        assert_eq!(origin_of("https://a.b:1/c"), "https://a.b:1");
        assert_eq!(origin_of("http://a.b?c"), "http://a.b");
        assert_ne!(origin_of("http://a.b:1/"), origin_of("http://a.b:2/"));
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
