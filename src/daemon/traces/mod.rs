//! Where the spans of requests go: to a collector of OpenTelemetry, over HTTP, and never at the cost of a request.

mod client;
mod misread;
mod wanted;

pub use wanted::Tracing;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{info, warn};

use self::client::Client;
use self::misread::misread;
use self::wanted::Wanted;

const NAME: &str = env!("CARGO_PKG_NAME");

/// How long the end of the daemon waits for a collector, at most.
const FLUSH: Duration = Duration::from_secs(2);

/// Sends spans, from a thread of its own.
#[derive(Debug)]
pub(super) struct Traces(Option<Sending>);

#[derive(Debug)]
struct Sending {
    provider: SdkTracerProvider,
    /// Whether the collector does not take them.
    failing: Arc<AtomicBool>,
}

impl Traces {
    /// Begins to send spans, if somebody wants them. Whatever keeps it from that does not keep the daemon from serving.
    pub(super) fn start(config: &Tracing) -> Self {
        let sending = config.wanted(environment).and_then(|wanted| wanted.map(Sending::start).transpose());
        Self(sending.unwrap_or_else(|reason| {
            warn!("no spans are sent: {reason}");
            None
        }))
    }

    /// Returns who makes spans.
    pub(super) fn tracer(&self) -> Option<SdkTracer> {
        self.0.as_ref().map(|sending| sending.provider.tracer(NAME))
    }

    /// Sends what is left, as far as there is time.
    pub(super) fn end(self, left: Duration) {
        let Some(Sending { provider, failing }) = self.0 else { return };
        let failing = failing.load(Ordering::Relaxed);
        let ended = provider.shutdown_with_timeout(if failing { Duration::ZERO } else { left.min(FLUSH) });
        if let (Err(error), false) = (ended, failing) {
            warn!("the last spans are not sent: {error}");
        }
    }
}

impl Sending {
    fn start(wanted: Wanted) -> Result<Self, String> {
        misread(&wanted, environment).iter().for_each(|line| warn!("{line}"));
        let failing = Arc::<AtomicBool>::default();
        let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let builder = builder.with_endpoint(&wanted.endpoint).with_timeout(wanted.patience);
        let client = Client::new(wanted.patience, failing.clone());
        let exporter = builder.with_http_client(client).build().map_err(|error| error.to_string())?;
        info!(endpoint = client::place(&wanted.endpoint), "sending spans");
        let builder = SdkTracerProvider::builder().with_batch_exporter(exporter);
        Ok(Self { provider: builder.with_resource(resource()).build(), failing })
    }
}

/// Who sends the spans. What the environment says of it counts more.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let builder = Resource::builder_empty().with_service_name(NAME).with_attribute(version);
    let builder = builder.with_detector(Box::new(TelemetryResourceDetector));
    let builder = builder.with_detector(Box::new(EnvResourceDetector::new()));
    match environment("OTEL_SERVICE_NAME") {
        Some(name) => builder.with_service_name(name).build(),
        None => builder.build(),
    }
}

/// Reads a variable. An empty one says nothing.
fn environment(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
