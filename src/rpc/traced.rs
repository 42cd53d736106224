//! A span for each request.

use std::convert::Infallible;
use std::fmt::Debug;
use std::task::{Context as TaskContext, Poll};

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{FutureExt, SpanKind, Status as SpanStatus, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;
use tonic::body::BoxBody;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;
use tonic::transport::Body;
use tonic::{Code, Status};

/// A service that tells of its requests, each in the trace that its headers name.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    service: S,
    /// Nobody wants to hear of them where this is missing.
    tracer: Option<SdkTracer>,
}

impl<S> Traced<S> {
    /// Tells a tracer of what a service does.
    pub fn new(service: S, tracer: Option<SdkTracer>) -> Self {
        Self { service, tracer }
    }
}

impl<S: NamedService> NamedService for Traced<S> {
    const NAME: &'static str = S::NAME;
}

type Served = BoxFuture<Response<BoxBody>, Infallible>;

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<BoxBody>, Error = Infallible, Future = Served>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Served;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Served {
        let Some(tracer) = &self.tracer else { return self.service.call(request) };
        let context = begin(tracer, &request);
        let served = self.service.call(request);
        Box::pin(async move {
            let response = served.with_context(context.clone()).await?;
            end(&context, response.headers());
            Ok(response)
        })
    }
}

/// Begins the span of a request.
fn begin(tracer: &SdkTracer, request: &Request<Body>) -> Context {
    let parent =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(request.headers()));
    let method = request.uri().path().trim_start_matches('/').to_owned();
    let attributes = [KeyValue::new("rpc.system.name", "grpc"), KeyValue::new("rpc.method", method.clone())];
    let builder = tracer.span_builder(method).with_kind(SpanKind::Server).with_attributes(attributes);
    let span = builder.start_with_context(tracer, &parent);
    parent.with_span(span).with_value(tracer.clone())
}

fn end(context: &Context, headers: &HeaderMap) {
    let status = Status::from_header_map(headers).unwrap_or_else(|| Status::new(Code::Ok, ""));
    let span = context.span();
    span.set_attribute(KeyValue::new("rpc.response.status_code", canonical(status.code())));
    if is_failure(status.code()) {
        span.set_status(SpanStatus::error(status.message().to_owned()));
    }
    span.end();
}

/// Returns whether something went wrong. That a snapshot is not there, or already, is an answer; that one is not ours has
/// containerd ask somebody else.
fn is_failure(code: Code) -> bool {
    !matches!(code, Code::Ok | Code::NotFound | Code::AlreadyExists | Code::Unimplemented | Code::Cancelled)
}

/// Names a code as the specification of gRPC does.
fn canonical(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_specification() {
        for (code, name) in [
            (Code::Ok, "OK"),
            (Code::NotFound, "NOT_FOUND"),
            (Code::FailedPrecondition, "FAILED_PRECONDITION"),
            (Code::Unimplemented, "UNIMPLEMENTED"),
        ] {
            assert_eq!(canonical(code), name);
        }
    }
}
