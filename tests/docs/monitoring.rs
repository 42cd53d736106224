//! What lies in `deploy/` for those who watch the daemon: it asks for numbers and labels that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::metrics::families;
use super::project;

const DASHBOARD: &str = "deploy/grafana/cimsnap.json";
const ALERTS: &str = "deploy/prometheus/alerts.yml";

/// Labels that Prometheus adds to each number.
const ADDED: &[&str] = &["instance", "job"];

static PROMTOOL: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = project("tests/setup/monitoring.sh");
    assert!(Command::new(script).status().unwrap().success());
    project("target/tools/bin/promtool")
});

fn promtool(words: &[&str], file: &str) -> Output {
    Command::new(PROMTOOL.as_path()).args(words).arg(project(file)).output().unwrap()
}

/// All expressions of the dashboard.
fn shown() -> Vec<String> {
    let text = fs::read_to_string(project(DASHBOARD)).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut found: Vec<String> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    found.extend(variables.iter().filter_map(|variable| variable["query"]["query"].as_str()).map(instances));
    found
}

/// `label_values(metric, instance)` is a question of Grafana and not of Prometheus.
fn instances(query: &str) -> String {
    let metric = query.strip_prefix("label_values(").unwrap().strip_suffix(", instance)").unwrap();
    metric.to_owned()
}

fn alerts() -> Vec<String> {
    let text = fs::read_to_string(project(ALERTS)).unwrap();
    text.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned).collect()
}

/// The values of each label of a number, by its name.
fn told() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let families = families().into_iter();
    families
        .flat_map(|family| family.samples.into_iter().map(move |name| (name, family.labels.clone())))
        .collect()
}

/// Says what an expression asks for that there is not.
fn faults(expression: &str) -> Vec<String> {
    let (told, mut faults) = (told(), Vec::new());
    let selector = Regex::new(r"\b(cimsnap_\w+)(?:\{([^}]*)\})?").unwrap();
    let matcher = Regex::new(r#"(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#).unwrap();
    let grouping = Regex::new(r"\b(?:by|without)\s*\(([^)]*)\)").unwrap();
    let mut labels: BTreeSet<&str> = ADDED.iter().copied().collect();
    for part in selector.captures_iter(expression) {
        let Some(has) = told.get(&part[1]) else {
            faults.push(format!("no number {}", &part[1]));
            continue;
        };
        labels.extend(has.keys().map(String::as_str));
        let matchers = part.get(2).map_or("", |inside| inside.as_str());
        for matched in matcher.captures_iter(matchers).filter(|matched| !ADDED.contains(&&matched[1])) {
            let values = has.get(&matched[1]);
            let unknown =
                matched[2].split('|').filter(|value| !values.is_some_and(|all| all.contains(*value)));
            faults.extend(unknown.map(|value| format!("{} has no {}={value}", &part[1], &matched[1])));
        }
    }
    for group in grouping.captures_iter(expression) {
        let unknown = group[1].split(',').map(str::trim).filter(|label| !labels.contains(label));
        faults.extend(unknown.map(|label| format!("no label {label}")));
    }
    faults
}

#[test]
fn what_is_asked_for_is_told() {
    let (shown, alerts) = (shown(), alerts());
    assert!(shown.len() > 10 && alerts.len() > 3);
    for expression in shown.iter().chain(&alerts) {
        assert_eq!(faults(expression), Vec::<String>::new(), "{expression}");
    }
}

#[test]
fn every_number_is_shown() {
    let shown = shown().join("\n");
    for family in families() {
        assert!(family.samples.iter().any(|name| shown.contains(name.as_str())), "{}", family.name);
    }
}

#[test]
fn what_is_not_told_is_found() {
    for (expression, fault) in [
        ("rate(cimsnap_layer_total[5m])", "no number cimsnap_layer_total"),
        ("cimsnap_work{state=\"idle\"}", "cimsnap_work has no state=idle"),
        ("cimsnap_layers_total{outcome=~\"reused|left\"}", "cimsnap_layers_total has no outcome=left"),
        ("cimsnap_kept{side=\"image\"}", "cimsnap_kept has no side=image"),
        ("sum by (instance, stage) (cimsnap_work)", "no label stage"),
    ] {
        assert_eq!(faults(expression), [fault], "{expression}");
    }
}

#[test]
fn prometheus_reads_the_rules_and_raises_the_alerts() {
    for (words, file) in [
        (["check", "config"], "deploy/prometheus/prometheus.yml"),
        (["test", "rules"], "tests/docs/alerts/alerts.test.yml"),
    ] {
        let output = promtool(&words, file);
        assert!(output.status.success(), "{file}: {output:?}");
    }
    let tests = fs::read_to_string(project("tests/docs/alerts/alerts.test.yml")).unwrap();
    let rules = fs::read_to_string(project(ALERTS)).unwrap();
    for name in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} is not tested");
    }
}

/// Grafana puts lengths of time in the place of its variables; Prometheus reads the rest.
#[test]
fn prometheus_reads_what_the_dashboard_asks_for() {
    let durations = Regex::new(r"\$__\w+").unwrap();
    let rules: Vec<Value> = shown()
        .iter()
        .map(|expression| durations.replace_all(expression, "5m").into_owned())
        .enumerate()
        .map(|(number, expr)| serde_json::json!({ "record": format!("shown:{number}"), "expr": expr }))
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    let group = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(&file, group.to_string()).unwrap();
    let output = promtool(&["check", "rules"], file.path().to_str().unwrap());
    assert!(output.status.success(), "{output:?}");
}
