//! Where the spans of requests go: to a collector of OpenTelemetry, over HTTP, and never at the cost of a request.

mod client;
mod wanted;

pub use wanted::Tracing;

use std::env;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{info, warn};

use self::client::Client;
use self::wanted::Wanted;

const NAME: &str = env!("CARGO_PKG_NAME");

/// How long the end of the daemon waits for a collector, at most.
const FLUSH: Duration = Duration::from_secs(2);

/// Sends spans, from a thread of its own.
#[derive(Debug)]
pub(super) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Begins to send spans, if somebody wants them. Whatever keeps it from that does not keep the daemon from serving.
    pub(super) fn start(config: &Tracing) -> Self {
        let provider = config.wanted(environment).and_then(|wanted| wanted.map(provider).transpose());
        Self(provider.unwrap_or_else(|reason| {
            warn!("no spans are sent: {reason}");
            None
        }))
    }

    /// Returns who makes spans.
    pub(super) fn tracer(&self) -> Option<SdkTracer> {
        self.0.as_ref().map(|provider| provider.tracer(NAME))
    }

    /// Sends what is left, as far as there is time.
    pub(super) fn end(self, left: Duration) {
        let Some(provider) = self.0 else { return };
        if let Err(error) = provider.shutdown_with_timeout(left.min(FLUSH)) {
            warn!("the last spans are not sent: {error}");
        }
    }
}

fn provider(wanted: Wanted) -> Result<SdkTracerProvider, String> {
    let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let builder = builder.with_endpoint(&wanted.endpoint).with_timeout(wanted.patience);
    let exporter = builder.with_http_client(Client::new(wanted.patience)).build();
    let exporter = exporter.map_err(|error| error.to_string())?;
    info!(endpoint = client::place(&wanted.endpoint), "sending spans");
    let builder = SdkTracerProvider::builder().with_batch_exporter(exporter);
    Ok(builder.with_resource(resource()).build())
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
