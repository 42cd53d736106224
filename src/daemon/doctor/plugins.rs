//! What containerd is told of us.

use std::path::Path;

use toml::{Table, Value};

use super::{Release, Symptom, pods};
use crate::daemon::Config;

/// Types that containerd knows, in their short form and in full. It does not start with any other.
const TYPES: &[&str] = &[
    "snapshot",
    "io.containerd.snapshotter.v1",
    "diff",
    "io.containerd.differ.v1",
    "content",
    "io.containerd.content.v1",
    "sandbox",
    "io.containerd.sandbox.controller.v1",
];
const SNAPSHOT: &[&str] = &["snapshot", "io.containerd.snapshotter.v1"];
const DIFF: &[&str] = &["diff", "io.containerd.differ.v1"];

/// Names that containerd itself gives to snapshotters and differs.
const TAKEN_SNAPSHOT: &[&str] = &[
    "overlayfs",
    "native",
    "btrfs",
    "devmapper",
    "zfs",
    "erofs",
    "blockfile",
    "windows",
    "windows-lcow",
    "cimfs",
    "blockcim",
];
const TAKEN_DIFF: &[&str] = &["walking", "erofs", "windows", "windows-lcow", "cimfs", "blockcim"];

const TRANSFER: &str = "io.containerd.transfer.v1.local";
const DIFF_SERVICE: &str = "io.containerd.service.v1.diff-service";
const DOCUMENT: &str = "docs/operations.md has what belongs into the configuration of containerd";

/// Looks at a configuration of containerd.
pub(super) fn examine(told: &Table, config: &Config, release: Option<Release>) -> Vec<Symptom> {
    let mut symptoms = Vec::new();
    symptoms.extend(version(told));
    symptoms.extend(faulty(told));
    let snapshot = ours(told, config, SNAPSHOT);
    let diff = ours(told, config, DIFF);
    symptoms.push(registered("snapshot", snapshot.map(|(name, _)| name), TAKEN_SNAPSHOT));
    symptoms.push(registered("diff", diff.map(|(name, _)| name), TAKEN_DIFF));
    let Some((snapshotter, block)) = snapshot else { return symptoms };
    symptoms.extend(rebase(snapshotter, block, release));
    symptoms.extend(root(snapshotter, block, &config.root));
    let Some((differ, _)) = diff else { return symptoms };
    symptoms.extend(unpacking(told, snapshotter, differ));
    symptoms.push(order(told, differ));
    symptoms.extend(pods::examine(told, snapshotter));
    symptoms
}

fn version(told: &Table) -> Option<Symptom> {
    let version = told.get("version").and_then(Value::as_integer).unwrap_or(1);
    (version < 3).then(|| {
        Symptom::warning(
            format!(
                "the configuration of containerd is of version {version}, which knows other names of plugins"
            ),
            "`containerd config migrate` brings it up to date",
        )
    })
}

fn proxies(told: &Table) -> impl Iterator<Item = (&str, &Table)> {
    let all = told.get("proxy_plugins").and_then(Value::as_table).into_iter().flatten();
    all.filter_map(|(name, block)| Some((name.as_str(), block.as_table()?)))
}

pub(super) fn text<'t>(block: &'t Table, key: &str) -> &'t str {
    block.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Finds what keeps containerd from starting, or from finding a socket.
fn faulty(told: &Table) -> Vec<Symptom> {
    let mut symptoms = Vec::new();
    for (name, block) in proxies(told) {
        let (kind, address) = (text(block, "type"), text(block, "address"));
        if !TYPES.contains(&kind) {
            let seen = format!("proxy plugin {name} has type {kind:?}, with which containerd does not start");
            symptoms.push(Symptom::error(seen, "its type is snapshot or diff"));
        }
        if address.starts_with("unix:") {
            let seen =
                format!("proxy plugin {name} has address {address:?}, which containerd takes for a path");
            symptoms.push(Symptom::error(seen, "leave out unix:// in front of the path"));
        }
    }
    symptoms
}

/// Finds the plugin that leads to our socket.
fn ours<'t>(told: &'t Table, config: &Config, kinds: &[&str]) -> Option<(&'t str, &'t Table)> {
    let is_ours = |block: &Table| {
        kinds.contains(&text(block, "type")) && Path::new(text(block, "address")) == config.grpc.address
    };
    proxies(told).find(|(_, block)| is_ours(block))
}

fn registered(kind: &str, name: Option<&str>, taken: &[&str]) -> Symptom {
    match name {
        None => {
            let seen = format!("containerd has no proxy plugin of type {kind} with our socket");
            Symptom::error(seen, DOCUMENT)
        }
        Some(name) if taken.contains(&name) => {
            let seen = format!("containerd has a plugin {name} itself, and does not start with another one");
            Symptom::error(seen, "give the proxy plugin another name")
        }
        Some(name) => Symptom::ok(format!("containerd knows us as {name}, for {kind}")),
    }
}

fn rebase(name: &str, block: &Table, release: Option<Release>) -> Option<Symptom> {
    let capabilities = block.get("capabilities").and_then(Value::as_array).into_iter().flatten();
    let declared = capabilities.filter_map(Value::as_str).any(|capability| capability == "rebase");
    let useful = release.is_none_or(|release| release >= Release::REBASE);
    (useful && !declared).then(|| {
        let seen =
            format!("proxy plugin {name} does not declare rebase: layers are unpacked one after another");
        Symptom::warning(seen, format!("add capabilities = [\"rebase\"] to proxy_plugins.{name}"))
    })
}

fn root(name: &str, block: &Table, root: &Path) -> Option<Symptom> {
    let told = block.get("exports").and_then(Value::as_table).map_or("", |exports| text(exports, "root"));
    (Path::new(told) != root).then(|| {
        let seen = format!(
            "proxy plugin {name} does not say where our files are: the kubelet measures another disk"
        );
        Symptom::warning(seen, format!("add exports = {{ root = {root:?} }} to proxy_plugins.{name}"))
    })
}

pub(super) fn plugin_table<'t>(told: &'t Table, id: &str) -> Option<&'t Table> {
    told.get("plugins").and_then(|plugins| plugins.get(id)).and_then(Value::as_table)
}

fn plugin<'t>(told: &'t Table, id: &str, key: &str) -> impl Iterator<Item = &'t Value> {
    plugin_table(told, id).and_then(|plugin| plugin.get(key)).and_then(Value::as_array).into_iter().flatten()
}

/// Looks at what the transfer service unpacks with.
fn unpacking(told: &Table, snapshotter: &str, differ: &str) -> Vec<Symptom> {
    let entries: Vec<&Table> = plugin(told, TRANSFER, "unpack_config").filter_map(Value::as_table).collect();
    let mine: Vec<_> = entries.iter().filter(|entry| text(entry, "snapshotter") == snapshotter).collect();
    let mut symptoms = Vec::new();
    if mine.is_empty() {
        let seen = format!("the transfer service unpacks nothing with {snapshotter}: pulls fail");
        symptoms.push(Symptom::error(seen, format!("add an unpack_config for it: {DOCUMENT}")));
    }
    if mine.iter().any(|entry| text(entry, "differ") != differ) {
        let seen = format!("the transfer service unpacks with {snapshotter}, but not with {differ}");
        symptoms.push(Symptom::error(seen, format!("set differ = {differ:?} in each unpack_config of it")));
    } else if !mine.is_empty() {
        symptoms.push(Symptom::ok(format!("the transfer service unpacks with {snapshotter} and {differ}")));
    }
    if mine.len() == entries.len() && !entries.is_empty() {
        let seen = "the transfer service unpacks nothing for overlayfs: its own entry is replaced";
        symptoms
            .push(Symptom::warning(seen, "add an unpack_config with overlayfs and walking, if it is used"));
    }
    symptoms
}

/// Looks at the order in which differs are asked.
fn order(told: &Table, differ: &str) -> Symptom {
    let list: Vec<&str> = plugin(told, DIFF_SERVICE, "default").filter_map(Value::as_str).collect();
    let place = |name| list.iter().position(|&listed| listed == name);
    let advice = format!("set default = [{differ:?}, \"walking\"] in plugins.'{DIFF_SERVICE}'");
    match (place(differ), place("walking")) {
        (None, _) => Symptom::error(
            format!("the diff service does not ask {differ}: `ctr run` and `ctr images pull --local` fail"),
            advice,
        ),
        (Some(us), Some(walking)) if us > walking => {
            Symptom::error(format!("the diff service asks walking before {differ}, which takes all"), advice)
        }
        _ => Symptom::ok(format!("the diff service asks {differ} first")),
    }
}
