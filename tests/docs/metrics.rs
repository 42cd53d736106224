//! `docs/metrics.md`, which the numbers make that the daemon tells.

use std::collections::{BTreeMap, BTreeSet};

use cimsnap::metrics::Metrics;
use cimsnap::snapshot::Totals;

use super::{check_section, table};

/// A metric as its text in the format of OpenMetrics shows it.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    /// The names that its samples have.
    pub(crate) samples: BTreeSet<String>,
    /// The values of each label.
    pub(crate) labels: BTreeMap<String, BTreeSet<String>>,
}

/// Reads what the daemon tells.
pub(crate) fn families() -> Vec<Family> {
    let text = Metrics::default().text(&Totals::default(), &[]).unwrap();
    let mut families: Vec<Family> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                families.push(Family { name: name.into(), help: help.into(), ..Family::default() });
            }
            ["#", "TYPE", _, kind] => families.last_mut().unwrap().kind = kind.into(),
            ["#", ..] => {}
            _ => families.last_mut().unwrap().sample(line),
        }
    }
    families
}

impl Family {
    /// Takes a line such as `name{label="value"} 7`.
    fn sample(&mut self, line: &str) {
        let (name, labels) = line.rsplit_once(' ').unwrap().0.split_once('{').unwrap_or((line, ""));
        self.samples.insert(name.split(' ').next().unwrap().to_owned());
        for pair in labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty()) {
            let (label, value) = pair.split_once('=').unwrap();
            self.labels.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }

    /// The name that people look for: that of its only samples, or of all that a histogram has.
    fn known_as(&self) -> &str {
        self.samples.iter().next().filter(|_| self.samples.len() == 1).unwrap_or(&self.name)
    }

    fn row(&self) -> [String; 4] {
        let told = self.labels.iter().filter(|(label, _)| *label != "le");
        let labels = told.map(|(label, values)| match label.as_str() {
            "version" => "`version`".to_owned(),
            _ => values.iter().map(|value| format!("`{label}={value}`")).collect::<Vec<_>>().join(", "),
        });
        let labels: Vec<String> = labels.collect();
        [format!("`{}`", self.known_as()), self.kind.clone(), labels.join(", "), self.help.clone()]
    }
}

#[test]
fn every_number_stands_in_the_documentation() {
    let rows = families();
    assert!(rows.len() > 10, "{rows:?}");
    let text = table(["name", "type", "labels", "what it tells"], rows.iter().map(Family::row));
    check_section("docs/metrics.md", "metrics", &text);
}
