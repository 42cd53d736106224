//! What containerd does for the kubelet: its images are pulled for one snapshotter, and its containers are made with
//! one, and both are told in places of their own.

use toml::{Table, Value};

use super::Symptom;
use super::plugins::{plugin_table, text};

const IMAGES: &str = "io.containerd.cri.v1.images";
const RUNTIME: &str = "io.containerd.cri.v1.runtime";

/// Looks at which pods have us. Nothing is wrong where none has: not every containerd serves a kubelet.
pub(super) fn examine(told: &Table, ours: &str) -> Vec<Symptom> {
    let images = plugin_table(told, IMAGES);
    let pulls_all = images.is_some_and(|images| text(images, "snapshotter") == ours);
    let mut symptoms = Vec::new();
    if pulls_all {
        symptoms.push(Symptom::ok(format!("pods have their images from {ours}")));
    }
    let of_runtimes = images.and_then(|images| images.get("runtime_platforms")).and_then(Value::as_table);
    for (name, runtime) in runtimes(told) {
        let pulls_for = of_runtimes.and_then(|all| all.get(name)).and_then(Value::as_table);
        let pulled = pulls_for.map_or("", |platform| text(platform, "snapshotter"));
        let pulls = pulled == ours || (pulled.is_empty() && pulls_all);
        let made = text(runtime, "snapshotter");
        // Containerd does not look here at what images are pulled for.
        let runs = made == ours || (made.is_empty() && pulls_all);
        symptoms.extend(runtime_symptom(name, ours, pulls, runs, pulls_all));
    }
    symptoms
}

fn runtime_symptom(name: &str, ours: &str, pulls: bool, runs: bool, pulls_all: bool) -> Option<Symptom> {
    let apart = |seen, place: &str| {
        let advice = format!("set snapshotter = {ours:?} in plugins.'{place}, or in neither place");
        Some(Symptom::error(seen, advice))
    };
    match (pulls, runs) {
        (true, true) if !pulls_all => {
            Some(Symptom::ok(format!("pods of the runtime {name} have their images from {ours}")))
        }
        (false, true) => apart(
            format!(
                "pods of the runtime {name} are made with {ours}, but their images are pulled for another"
            ),
            &format!("{IMAGES}'.runtime_platforms.{name}"),
        ),
        (true, false) => apart(
            format!(
                "images for the runtime {name} are pulled for {ours}, but its pods are made with another"
            ),
            &format!("{RUNTIME}'.containerd.runtimes.{name}"),
        ),
        _ => None,
    }
}

fn runtimes(told: &Table) -> impl Iterator<Item = (&str, &Table)> {
    let runtimes = plugin_table(told, RUNTIME).and_then(|plugin| plugin.get("containerd"));
    let runtimes = runtimes.and_then(|containerd| containerd.get("runtimes")).and_then(Value::as_table);
    let all = runtimes.into_iter().flatten();
    all.filter_map(|(name, runtime)| Some((name.as_str(), runtime.as_table()?)))
}
