//! A client that says once that a collector does not take what it is sent.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tonic::async_trait;
use tracing::{info, warn};
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

use crate::escape::without_secrets;

/// Most bytes of an answer that are read: it says little.
const MAX_ANSWER: u64 = 64 << 10;

/// A client that blocks: spans are sent from a thread that does nothing else.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    failing: Arc<AtomicBool>,
}

impl Client {
    /// Makes a client that gives up after a while, whatever the other side does, and notes whether it fails.
    pub(super) fn new(patience: Duration, failing: Arc<AtomicBool>) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The headers may hold secrets, which are for nobody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(tls)
            .timeout_global(Some(patience));
        Self { agent: Agent::new_with_config(config.build()), failing }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let is_near = is_loopback(request.uri());
        let mut config = self.agent.configure_request(request.map(|body| body.to_vec()));
        if is_near {
            config = config.proxy(None);
        }
        let (parts, mut body) = self.agent.run(config.build())?.into_parts();
        let answer = body.with_config().limit(MAX_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(parts, answer.into()))
    }

    /// Says when it begins to fail, and when that is over; a batch is tried several times, and there are many.
    fn tell(&self, place: &str, failure: Option<String>) {
        let failed = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(reason) if !failed => {
                warn!("cannot send spans to {place}, which are lost meanwhile: {reason}")
            }
            None if failed => info!("spans are sent to {place} again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let place = place(&request.uri().to_string()).to_owned();
        let answer = self.send(request);
        self.tell(
            &place,
            match &answer {
                Err(error) => Some(without_secrets(&error.to_string())),
                Ok(answer) if !answer.status().is_success() => {
                    Some(format!("it answers {}", answer.status()))
                }
                Ok(_) => None,
            },
        );
        answer
    }
}

/// Returns the part of an address that is no secret.
pub(super) fn place(endpoint: &str) -> &str {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Returns whether an address is of this machine. What is near is not asked for through what leads afar.
fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
