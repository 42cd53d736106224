//! What the daemon tells over HTTP: its metrics, whether it is well, and what it works on.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::Http;
use hyper::service::service_fn;
use hyper::{Body, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::{debug, info};

use super::DaemonError;
use super::accept::Backoff;
use crate::cim::error_chain;
use crate::differ::{Differ, Work};
use crate::metrics::Metrics;
use crate::snapshot::Snapshots;
use crate::store::Look;

/// How many connections are served at once; others wait.
const CONNECTIONS: usize = 16;
/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(10);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// What the pages tell of.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    pub(super) metrics: Arc<Metrics>,
    pub(super) snapshots: Arc<Snapshots>,
    pub(super) differ: Arc<Differ>,
}

/// A page, or why there is none.
type Page = Result<(&'static str, String), Box<dyn Error + Send + Sync>>;

impl Pages {
    /// Listens, and serves the pages until the runtime ends.
    pub(super) async fn serve(self, address: SocketAddr) -> Result<(), DaemonError> {
        let failed = |source| DaemonError::Pages { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        info!(%address, "telling metrics");
        tokio::spawn(self.accept(listener));
        Ok(())
    }

    async fn accept(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut backoff = Backoff::new("the metrics");
        while let Ok(permit) = room.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    backoff.succeeded();
                    drop(tokio::spawn(self.clone().converse(stream, permit)));
                }
                Err(error) => backoff.failed(&error).await,
            }
        }
    }

    async fn converse(self, stream: TcpStream, _permit: OwnedSemaphorePermit) {
        let answer = service_fn(move |request| {
            let pages = self.clone();
            async move { Ok::<_, Infallible>(pages.answer(&request).await) }
        });
        let mut http = Http::new();
        http.http1_only(true).http1_keep_alive(false);
        match timeout(PATIENCE, http.serve_connection(stream, answer)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!("a client of the metrics: {error}"),
            Err(_) => debug!("a client of the metrics took too long"),
        }
    }

    async fn answer(self, request: &Request<Body>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = say(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET only\n".to_owned());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let page: fn(&Self) -> Page = match request.uri().path() {
            "/metrics" => Self::metrics,
            "/healthz" => Self::health,
            "/debug" => Self::debug,
            _ => return say(StatusCode::NOT_FOUND, TEXT, "/metrics /healthz /debug\n".to_owned()),
        };
        match tokio::task::spawn_blocking(move || page(&self)).await {
            Ok(Ok((kind, text))) => say(StatusCode::OK, kind, text),
            Ok(Err(error)) => {
                say(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{}\n", error_chain(&*error)))
            }
            Err(_) => say(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the request broke off\n".to_owned()),
        }
    }

    fn metrics(&self) -> Page {
        Ok((OPENMETRICS, self.metrics.text(&self.snapshots.totals()?, &self.differ.work())?))
    }

    /// Nobody has the empty key, and finding that out takes a database that can be read.
    fn health(&self) -> Page {
        self.snapshots.store().read(|reader| reader.snapshot(""))?;
        Ok((TEXT, "ok\n".to_owned()))
    }

    fn debug(&self) -> Page {
        let work: Vec<Value> = self.differ.work().iter().map(describe).collect();
        let version = env!("CARGO_PKG_VERSION");
        Ok((JSON, format!("{:#}\n", json!({ "version": version, "work": work }))))
    }
}

fn describe(work: &Work) -> Value {
    json!({
        "snapshot": work.key,
        "blob": work.digest.to_string(),
        "size": work.size,
        "read": work.read,
        "waiting": work.waits,
        "seconds": work.since.as_secs_f64(),
    })
}

fn say(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
