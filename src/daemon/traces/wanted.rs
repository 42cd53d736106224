//! Who wants spans, as the configuration says, or else the environment in the words of OpenTelemetry.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use super::super::ConfigError;
use crate::escape::without_secrets;

/// What belongs to one kind of signal comes before what belongs to all.
pub(super) const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const PATH: &str = "/v1/traces";
const EXPORTER: &str = "otlp";
const PROTOCOL: &str = "http/protobuf";
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom the daemon tells of the stages of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tracing {
    /// Where a collector of OpenTelemetry takes spans as OTLP over HTTP. If not given, `OTEL_EXPORTER_OTLP_ENDPOINT` counts; if
    /// there is none either, no spans are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("kind" = "address of HTTP"), example = "http://127.0.0.1:4318")]
    pub endpoint: Option<String>,
}

/// Somebody who wants spans.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Where each batch goes.
    pub(super) endpoint: String,
    /// How long a batch may take.
    pub(super) patience: Duration,
}

impl Tracing {
    /// Checks what the type does not say.
    pub(in crate::daemon) fn check(&self) -> Result<(), ConfigError> {
        let endpoint = self.endpoint.as_deref();
        endpoint.map_or(Ok(()), check).map_err(|reason| ConfigError::value("tracing.endpoint", reason))
    }

    /// Returns who wants spans, or why they cannot be had.
    pub(super) fn wanted(&self, variable: fn(&str) -> Option<String>) -> Result<Option<Wanted>, String> {
        let Some(endpoint) = self.endpoint.as_deref().map(|base| Ok(below(base))).or_else(|| told(variable))
        else {
            return Ok(None);
        };
        Ok(Some(Wanted { endpoint: endpoint?, patience: patience(variable) }))
    }
}

/// Returns what the environment says.
fn told(variable: fn(&str) -> Option<String>) -> Option<Result<String, String>> {
    let exporter = variable("OTEL_TRACES_EXPORTER").unwrap_or_else(|| EXPORTER.to_owned());
    let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if is_disabled || exporter == "none" {
        return None;
    }
    let own = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let endpoint = own.or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| below(&base)))?;
    if !exporter.split(',').any(|one| one.trim() == EXPORTER) {
        return Some(Err(format!("only {EXPORTER} can send them, and not {exporter:?}")));
    }
    let protocol = PROTOCOLS.iter().find_map(|name| variable(name)).filter(|protocol| protocol != PROTOCOL);
    Some(match protocol {
        Some(protocol) => Err(format!("they are sent by {PROTOCOL}, and not by {protocol:?}")),
        None => check(&endpoint).map(|()| endpoint),
    })
}

fn patience(variable: fn(&str) -> Option<String>) -> Duration {
    let millis = TIMEOUTS.iter().find_map(|name| variable(name)?.parse().ok());
    millis.map_or(PATIENCE, Duration::from_millis)
}

/// Returns where a collector takes spans.
fn below(base: &str) -> String {
    let base = base.trim_end_matches('/');
    format!("{}{PATH}", base.strip_suffix(PATH).unwrap_or(base))
}

fn check(endpoint: &str) -> Result<(), String> {
    let shown = without_secrets(endpoint);
    let uri: Uri = endpoint.parse().map_err(|error| format!("{shown:?} is no address: {error}"))?;
    match uri.scheme_str() {
        Some("http" | "https") => Ok(()),
        _ => Err(format!("{shown:?} does not begin with http:// or https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn endpoint(
        config: Option<&str>,
        variable: fn(&str) -> Option<String>,
    ) -> Result<Option<String>, String> {
        let config = Tracing { endpoint: config.map(str::to_owned) };
        config.wanted(variable).map(|wanted| wanted.map(|wanted| wanted.endpoint))
    }

    fn some(text: &str) -> Result<Option<String>, String> {
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn nobody_wants_spans_who_does_not_say_so() {
        assert_eq!(endpoint(None, nothing), Ok(None));
    }

    #[test]
    fn spans_go_below_what_is_configured() {
        for base in ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces"] {
            assert_eq!(endpoint(Some(base), nothing), some("http://c:4318/v1/traces"));
        }
        assert_eq!(endpoint(Some("https://c/otlp/"), nothing), some("https://c/otlp/v1/traces"));
    }

    #[test]
    fn the_environment_counts_less_than_the_configuration() {
        let general =
            |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://e:4318".to_owned());
        assert_eq!(endpoint(None, general), some("http://e:4318/v1/traces"));
        assert_eq!(endpoint(Some("http://c"), general), some("http://c/v1/traces"));
        let own = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://e:4318".to_owned()),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some("http://t:1/as/it/is".to_owned()),
            _ => None,
        };
        assert_eq!(endpoint(None, own), some("http://t:1/as/it/is"));
    }

    #[test]
    fn the_environment_can_say_no() {
        let disabled = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://e:4318".to_owned()),
            "OTEL_SDK_DISABLED" => Some("True".to_owned()),
            _ => None,
        };
        assert_eq!(endpoint(None, disabled), Ok(None));
        let elsewhere = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://e:4318".to_owned()),
            "OTEL_TRACES_EXPORTER" => Some("none".to_owned()),
            _ => None,
        };
        assert_eq!(endpoint(None, elsewhere), Ok(None));
        let another = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://e:4318".to_owned()),
            "OTEL_TRACES_EXPORTER" => Some("console".to_owned()),
            _ => None,
        };
        assert_eq!(endpoint(None, another).unwrap_err(), "only otlp can send them, and not \"console\"");
        let otherwise = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://e:4317".to_owned()),
            "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
            _ => None,
        };
        let refused = endpoint(None, otherwise).unwrap_err();
        assert_eq!(refused, "they are sent by http/protobuf, and not by \"grpc\"");
    }

    #[test]
    fn a_batch_takes_as_long_as_the_environment_says() {
        let wanted = |variable| Tracing { endpoint: Some("http://c".to_owned()) }.wanted(variable).unwrap();
        assert_eq!(wanted(nothing).unwrap().patience, PATIENCE);
        let short = |name: &str| (name == "OTEL_EXPORTER_OTLP_TIMEOUT").then(|| "250".to_owned());
        assert_eq!(wanted(short).unwrap().patience, Duration::from_millis(250));
        let own = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT" => Some("soon".to_owned()),
            "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("250".to_owned()),
            _ => None,
        };
        assert_eq!(wanted(own).unwrap().patience, Duration::from_millis(250));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "localhost:4318", "grpc://c:4317", "/run/c.sock", "http://", "http://a b"] {
            assert!(check(text).is_err(), "{text:?}");
        }
    }
}
