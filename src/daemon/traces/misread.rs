//! Variables of OpenTelemetry whose values make no sense. As it wants, they count as not set, and somebody is told.

use super::wanted::{TIMEOUTS, Wanted};

/// Those which the crates of OpenTelemetry read, and what they take where there is no number.
const NUMBERS: [(&str, u64); 6] = [
    ("OTEL_BSP_SCHEDULE_DELAY", 5000),
    ("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", 128),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", 128),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", 128),
];

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
const DISABLED: &str = "OTEL_SDK_DISABLED";
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Returns a line for each: what it says, and what is taken in its place.
pub(super) fn misread(wanted: &Wanted, variable: fn(&str) -> Option<String>) -> Vec<String> {
    let millis = u64::try_from(wanted.patience.as_millis()).unwrap_or(u64::MAX);
    let numbers = TIMEOUTS.map(|name| (name, millis)).into_iter().chain(NUMBERS);
    let mut lines: Vec<String> = numbers
        .filter_map(|(name, taken)| {
            let value = variable(name).filter(|value| value.parse::<u64>().is_err())?;
            Some(format!("{name} is {value:?}, which is no whole number: {taken} is taken"))
        })
        .collect();
    lines.extend(sampler(variable));
    lines.extend(
        variable(DISABLED)
            .filter(|value| !is_truth(value))
            .map(|value| format!("{DISABLED} is {value:?}, which is neither true nor false: false is taken")),
    );
    lines
}

fn sampler(variable: fn(&str) -> Option<String>) -> Option<String> {
    let name = variable(SAMPLER)?;
    if !SAMPLERS.contains(&&*name) {
        return Some(format!("{SAMPLER} is {name:?}, which is not known: parentbased_always_on is taken"));
    }
    let ratio = variable(RATIO).filter(|_| name.ends_with("ratio"))?;
    let is_number = ratio.parse::<f64>().is_ok();
    (!is_number).then(|| format!("{RATIO} is {ratio:?}, which is no number: 1 is taken"))
}

fn is_truth(value: &str) -> bool {
    ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lines(variable: fn(&str) -> Option<String>) -> Vec<String> {
        let wanted = Wanted { endpoint: "http://c/v1/traces".to_owned(), patience: Duration::from_secs(10) };
        misread(&wanted, variable)
    }

    #[test]
    fn what_makes_sense_is_not_told() {
        assert_eq!(lines(|_| None), Vec::<String>::new());
        let sound = |name: &str| match name {
            SAMPLER => Some("traceidratio".to_owned()),
            RATIO => Some("0.25".to_owned()),
            DISABLED => Some("False".to_owned()),
            _ => Some("100".to_owned()),
        };
        assert_eq!(lines(sound), Vec::<String>::new());
        // Nobody asks for a ratio.
        let other = |name: &str| match name {
            SAMPLER => Some("always_on".to_owned()),
            RATIO => Some("some".to_owned()),
            _ => None,
        };
        assert_eq!(lines(other), Vec::<String>::new());
    }

    #[test]
    fn what_makes_none_is_told_with_what_is_taken() {
        let unsound = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("abc".to_owned()),
            "OTEL_BSP_MAX_QUEUE_SIZE" => Some("-1".to_owned()),
            SAMPLER => Some("sometimes".to_owned()),
            DISABLED => Some("yes".to_owned()),
            _ => None,
        };
        assert_eq!(
            lines(unsound),
            [
                r#"OTEL_EXPORTER_OTLP_TIMEOUT is "abc", which is no whole number: 10000 is taken"#,
                r#"OTEL_BSP_MAX_QUEUE_SIZE is "-1", which is no whole number: 2048 is taken"#,
                r#"OTEL_TRACES_SAMPLER is "sometimes", which is not known: parentbased_always_on is taken"#,
                r#"OTEL_SDK_DISABLED is "yes", which is neither true nor false: false is taken"#,
            ]
        );
    }

    #[test]
    fn ratios_are_told_of_those_who_have_one() {
        let ratio = |name: &str| match name {
            SAMPLER => Some("parentbased_traceidratio".to_owned()),
            RATIO => Some("half".to_owned()),
            _ => None,
        };
        assert_eq!(lines(ratio), [r#"OTEL_TRACES_SAMPLER_ARG is "half", which is no number: 1 is taken"#]);
    }
}
