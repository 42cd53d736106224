//! The fragment that makes containerd use us. containerd lays it over what it is told already: tables grow, lists are
//! replaced. So each list has to be there as a whole.

use std::env::consts::ARCH;

use toml::{Table, Value, toml};

use super::WiringError;
use crate::daemon::Config;

/// The names by which containerd knows us. They must not be those of plugins that containerd has itself.
const SNAPSHOTTER: &str = "cimsnap";
const DIFFER: &str = "cimsnap-diff";

const DIFF_SERVICE: &str = "io.containerd.service.v1.diff-service";
const TRANSFER: &str = "io.containerd.transfer.v1.local";
const IMAGES: &str = "io.containerd.cri.v1.images";
const RUNTIME: &str = "io.containerd.cri.v1.runtime";

/// The version that containerd prints its configuration in since 2.3, which unpacks EROFS images by default. Earlier releases do
/// not start their transfer service with an entry for these.
const WITH_EROFS: i64 = 4;

/// Which pods get our snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pods {
    /// None: only clients that ask for us by name.
    #[default]
    None,
    /// Those whose runtime class has this handler.
    Of(String),
    /// All of the node.
    All,
}

/// What is different between nodes of one system and another.
struct Node {
    os: &'static str,
    snapshotter: &'static str,
    differs: &'static [&'static str],
    runtime: &'static str,
    /// What containerd unpacks EROFS images with by default.
    erofs: Option<&'static str>,
    /// Whether layers can be written without their parents.
    rebase: bool,
}

const LINUX: Node = Node {
    os: "linux",
    snapshotter: "overlayfs",
    differs: &["walking"],
    runtime: "io.containerd.runc.v2",
    erofs: Some("erofs"),
    rebase: true,
};

/// Windows forks an image before it writes to it, and so one layer after another.
const WINDOWS: Node = Node {
    os: "windows",
    snapshotter: "windows",
    differs: &["windows", "windows-lcow"],
    runtime: "io.containerd.runhcs.v1",
    erofs: None,
    rebase: false,
};

/// Returns a file for containerd to import. `told` is what containerd is told already, as `containerd config dump` has it.
pub fn fragment(config: &Config, told: &str, pods: &Pods) -> Result<String, WiringError> {
    let told: Table = told.parse()?;
    let version = told.get("version").and_then(Value::as_integer).unwrap_or(1);
    if version < 3 {
        return Err(WiringError::Version(version));
    }
    let node = if listens_on_a_pipe(config) { &WINDOWS } else { &LINUX };
    let mut said = Table::from_iter([("version".to_owned(), Value::Integer(3))]);
    set(&mut said, &["proxy_plugins", SNAPSHOTTER], snapshot(config, node))?;
    set(&mut said, &["proxy_plugins", DIFFER], diff(config))?;
    set(&mut said, &["plugins", DIFF_SERVICE, "default"], order(&told, node))?;
    set(&mut said, &["plugins", TRANSFER, "unpack_config"], unpacking(&told, node, version))?;
    if node.rebase {
        set(&mut said, &["plugins", TRANSFER, "max_concurrent_unpacks"], unpacks(&told))?;
    }
    say_pods(&mut said, &told, node, pods)?;
    Ok(toml::to_string_pretty(&said)?)
}

fn listens_on_a_pipe(config: &Config) -> bool {
    config.grpc.address.to_string_lossy().replace('/', "\\").starts_with(r"\\.\pipe\")
}

fn snapshot(config: &Config, node: &Node) -> Table {
    let (address, root) = (config.grpc.address.to_string_lossy(), config.root.to_string_lossy());
    let mut block = toml! { type = "snapshot" };
    block.insert("address".to_owned(), address.into_owned().into());
    if node.rebase {
        block.insert("capabilities".to_owned(), vec!["rebase"].into());
    }
    block.insert(
        "exports".to_owned(),
        Table::from_iter([("root".to_owned(), root.into_owned().into())]).into(),
    );
    block
}

fn diff(config: &Config) -> Table {
    let mut block = toml! { type = "diff" };
    block.insert("address".to_owned(), config.grpc.address.to_string_lossy().into_owned().into());
    block
}

/// Lists whom the diff service asks. walking takes everything, so we come before it. Those of Windows take nothing of ours,
/// so we come after them: whoever comes first and does not run keeps all others from being asked.
fn order(told: &Table, node: &Node) -> Vec<String> {
    let list = get(told, &["plugins", DIFF_SERVICE, "default"]).and_then(Value::as_array);
    let listed = list.into_iter().flatten().filter_map(Value::as_str).filter(|name| *name != DIFFER);
    let mut order: Vec<String> = listed.map(str::to_owned).collect();
    if order.is_empty() {
        order = node.differs.iter().map(|name| (*name).to_owned()).collect();
    }
    let place = order.iter().position(|name| name == "walking").unwrap_or(order.len());
    order.insert(place, DIFFER.to_owned());
    order
}

/// Lists what the transfer service unpacks with. containerd's own entries are not printed, and are lost once there is a list.
/// So a list of nothing but the first of them and ours is taken for one that an earlier version made.
fn unpacking(told: &Table, node: &Node, version: i64) -> Vec<Value> {
    let list = get(told, &["plugins", TRANSFER, "unpack_config"]).and_then(Value::as_array);
    let listed = list.into_iter().flatten().filter_map(Value::as_table).map(filled);
    let ours = unpack(node, SNAPSHOTTER, DIFFER);
    let is_ours =
        |entry: &Table| ["platform", "snapshotter"].iter().all(|key| entry.get(*key) == ours.get(*key));
    let (own, mut entries): (Vec<Table>, Vec<Table>) = listed.partition(is_ours);
    let stock = unpack(node, node.snapshotter, node.differs.first().copied().unwrap_or_default());
    if entries.is_empty() || entries == [stock.clone()] {
        entries = vec![stock];
        entries.extend(node.erofs.filter(|_| version >= WITH_EROFS).map(|erofs| unpack_erofs(node, erofs)));
    }
    // What else an entry of ours says was added by others.
    let mut own = own.into_iter().next_back().unwrap_or_else(|| ours.clone());
    own.extend(ours);
    entries.push(own);
    entries.into_iter().map(Value::Table).collect()
}

/// Leaves out what containerd prints of each entry though it was not told. Else a fragment would change once it is imported.
fn filled(entry: &Table) -> Table {
    let empty = |value: &Value| match value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Boolean(set) => !set,
        _ => false,
    };
    entry.iter().filter(|(_, value)| !empty(value)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn unpack(node: &Node, snapshotter: &str, differ: &str) -> Table {
    let platform = format!("{}/{}", node.os, architecture());
    let pairs = [("platform", platform.as_str()), ("snapshotter", snapshotter), ("differ", differ)];
    pairs.map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect()
}

/// Returns the entry for EROFS images, which containerd skips if the node cannot unpack them.
fn unpack_erofs(node: &Node, erofs: &str) -> Table {
    let mut entry = unpack(node, erofs, erofs);
    entry.insert("platform".to_owned(), format!("{}(+erofs)/{}", node.os, architecture()).into());
    entry.insert("optional".to_owned(), true.into());
    entry
}

fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Layers are unpacked side by side only if containerd may unpack several at once.
fn unpacks(told: &Table) -> i64 {
    let set = get(told, &["plugins", TRANSFER, "max_concurrent_unpacks"]).and_then(Value::as_integer);
    set.filter(|unpacks| *unpacks > 1).unwrap_or(4)
}

fn say_pods(said: &mut Table, told: &Table, node: &Node, pods: &Pods) -> Result<(), WiringError> {
    match pods {
        Pods::None => {}
        Pods::All => set(said, &["plugins", IMAGES, "snapshotter"], SNAPSHOTTER)?,
        Pods::Of(handler) => {
            let runtime = ["plugins", RUNTIME, "containerd", "runtimes", handler];
            match get(told, &runtime).and_then(Value::as_table) {
                None => set(said, &runtime, like_default(told, node))?,
                // Perhaps it is there only because an earlier fragment says so.
                Some(ours) if ours.get("snapshotter").and_then(Value::as_str) == Some(SNAPSHOTTER) => {
                    set(said, &runtime, filled(ours))?;
                }
                Some(_) => {}
            }
            set(said, &[&runtime[..], &["snapshotter"]].concat(), SNAPSHOTTER)?;
            // Otherwise pulls would not know for which snapshotter they are.
            set(said, &["plugins", IMAGES, "runtime_platforms", handler, "snapshotter"], SNAPSHOTTER)?;
        }
    }
    Ok(())
}

/// Returns a runtime that does what the default one of the node does.
fn like_default(told: &Table, node: &Node) -> Table {
    let name = get(told, &["plugins", RUNTIME, "containerd", "default_runtime_name"]).and_then(Value::as_str);
    let default = name.and_then(|name| get(told, &["plugins", RUNTIME, "containerd", "runtimes", name]));
    let fallback = || Table::from_iter([("runtime_type".to_owned(), node.runtime.into())]);
    default.and_then(Value::as_table).map_or_else(fallback, filled)
}

fn get<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

fn set(table: &mut Table, path: &[&str], value: impl Into<Value>) -> Result<(), WiringError> {
    let Some((last, tables)) = path.split_last() else { return Ok(()) };
    let mut inner = table;
    for key in tables {
        let next = inner.entry(*key).or_insert_with(|| Table::new().into());
        inner = next.as_table_mut().ok_or_else(|| WiringError::NoTable((*key).to_owned()))?;
    }
    inner.insert((*last).to_owned(), value.into());
    Ok(())
}
