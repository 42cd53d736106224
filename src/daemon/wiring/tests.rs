//! What containerd is told on nodes that are told other things already.

use std::path::PathBuf;

use toml::{Table, Value};

use super::{Pods, WiringError, fragment, import, remove};
use crate::daemon::{Config, Grpc};

fn linux() -> Config {
    let grpc = Grpc { address: PathBuf::from("/run/cimsnap/cimsnap.sock"), ..Grpc::default() };
    Config { root: PathBuf::from("/var/lib/cimsnap"), grpc, ..Config::default() }
}

fn windows() -> Config {
    let grpc = Grpc { address: PathBuf::from(r"\\.\pipe\cimsnap"), ..Grpc::default() };
    Config { root: PathBuf::from(r"C:\ProgramData\cimsnap"), grpc, ..Config::default() }
}

fn said(config: &Config, told: &str, pods: &Pods) -> Table {
    fragment(config, told, pods).unwrap().parse().unwrap()
}

fn strings<'t>(table: &'t Table, plugin: &str, key: &str, inner: Option<&str>) -> Vec<&'t str> {
    let list = table["plugins"][plugin][key].as_array().unwrap().iter();
    list.map(|value| inner.map_or(value, |inner| &value[inner])).filter_map(Value::as_str).collect()
}

fn order(table: &Table) -> Vec<&str> {
    strings(table, "io.containerd.service.v1.diff-service", "default", None)
}

fn snapshotters(table: &Table) -> Vec<&str> {
    strings(table, "io.containerd.transfer.v1.local", "unpack_config", Some("snapshotter"))
}

#[test]
fn a_node_that_is_told_nothing_keeps_what_it_has_by_default() {
    let linux = said(&linux(), "version = 3", &Pods::None);
    assert_eq!(order(&linux), ["cimsnap-diff", "walking"]);
    assert_eq!(snapshotters(&linux), ["overlayfs", "cimsnap"]);
    let windows = said(&windows(), "version = 3", &Pods::None);
    assert_eq!(order(&windows), ["windows", "windows-lcow", "cimsnap-diff"]);
    assert_eq!(snapshotters(&windows), ["windows", "cimsnap"]);
    assert!(windows["proxy_plugins"]["cimsnap"].get("capabilities").is_none());
    assert_eq!(
        windows["proxy_plugins"]["cimsnap"]["exports"]["root"].as_str(),
        Some(r"C:\ProgramData\cimsnap")
    );
}

/// The entries of a fragment as platform, snapshotter, differ and whether they are optional.
fn unpacks(table: &Table) -> Vec<String> {
    let list = table["plugins"]["io.containerd.transfer.v1.local"]["unpack_config"].as_array().unwrap();
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let words = |entry: &Value| {
        let optional = entry.get("optional").and_then(Value::as_bool).unwrap_or_default();
        let words = ["platform", "snapshotter", "differ"].map(|key| text(entry, key)).join(" ");
        words.replace("arm64", "amd64") + if optional { " optional" } else { "" }
    };
    list.iter().map(words).collect()
}

const STOCK: &str = "linux/amd64 overlayfs walking";
const EROFS: &str = "linux(+erofs)/amd64 erofs erofs optional";
const OURS: &str = "linux/amd64 cimsnap cimsnap-diff";

#[test]
fn erofs_images_are_unpacked_by_the_releases_that_can() {
    assert_eq!(unpacks(&said(&linux(), "version = 4", &Pods::None)), [STOCK, EROFS, OURS]);
    assert_eq!(unpacks(&said(&linux(), "version = 3", &Pods::None)), [STOCK, OURS]);
    assert_eq!(snapshotters(&said(&windows(), "version = 4", &Pods::None)), ["windows", "cimsnap"]);
    // A fragment of an earlier version has lost the entry. It comes back, and stays.
    let lost = fragment(&linux(), "version = 3", &Pods::None).unwrap().replace("version = 3", "version = 4");
    let found = fragment(&linux(), &lost, &Pods::None).unwrap();
    assert_eq!(unpacks(&found.parse().unwrap()), [STOCK, EROFS, OURS]);
    let again = found.replace("version = 3", "version = 4");
    assert_eq!(fragment(&linux(), &again, &Pods::None).unwrap(), found);
}

#[test]
fn entries_that_others_made_stay() {
    let told = r#"
        version = 4
        [[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
        platform = "windows/amd64"
        snapshotter = "cimsnap"
        differ = "cimsnap-diff"
        [[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
        platform = "ARCH"
        snapshotter = "cimsnap"
        differ = "other"
        layer_types = ["x"]
        [[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
        platform = "linux/riscv64"
        snapshotter = "stargz"
        optional = true
    "#
    .replace("ARCH", if std::env::consts::ARCH == "aarch64" { "linux/arm64" } else { "linux/amd64" });
    let table = said(&linux(), &told, &Pods::None);
    let wanted = ["windows/amd64 cimsnap cimsnap-diff", "linux/riscv64 stargz - optional", OURS];
    assert_eq!(unpacks(&table), wanted);
    let ours = &table["plugins"]["io.containerd.transfer.v1.local"]["unpack_config"][2];
    assert_eq!(ours["layer_types"][0].as_str(), Some("x"));
}

#[test]
fn lists_keep_what_others_put_into_them() {
    let told = r#"
        version = 4
        [plugins.'io.containerd.service.v1.diff-service']
        default = ["erofs", "walking"]
        [plugins.'io.containerd.transfer.v1.local']
        max_concurrent_unpacks = 9
        [[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
        platform = "linux"
        snapshotter = "erofs"
        layer_types = ["x"]
    "#;
    let table = said(&linux(), told, &Pods::None);
    assert_eq!(order(&table), ["erofs", "cimsnap-diff", "walking"]);
    assert_eq!(snapshotters(&table), ["erofs", "cimsnap"]);
    let transfer = &table["plugins"]["io.containerd.transfer.v1.local"];
    assert_eq!(transfer["unpack_config"][0]["layer_types"][0].as_str(), Some("x"));
    assert_eq!(transfer["max_concurrent_unpacks"].as_integer(), Some(9));
}

#[test]
fn what_was_told_before_is_told_again() {
    for config in [linux(), windows()] {
        for pods in [Pods::None, Pods::All, Pods::Of("fast".to_owned())] {
            let first = fragment(&config, "version = 3", &pods).unwrap();
            assert_eq!(fragment(&config, &first, &pods).unwrap(), first);
        }
    }
}

#[test]
fn what_containerd_prints_of_a_fragment_gives_the_same_fragment() {
    let first = fragment(&windows(), "version = 3", &Pods::None).unwrap();
    let printed =
        first.replace("differ = ", "config_type = ''\nlayer_types = []\noptional = false\ndiffer = ");
    assert_ne!(printed, first);
    assert_eq!(fragment(&windows(), &printed, &Pods::None).unwrap(), first);
}

/// The fragments that stand in `deploy/` for nodes that are told nothing else.
#[test]
fn the_fragments_to_copy_are_those_that_are_made() {
    let linux_text = include_str!("../../../deploy/linux/containerd.toml");
    let windows_text = include_str!("../../../deploy/windows/containerd.toml");
    for (config, text) in [(linux(), linux_text), (windows(), windows_text)] {
        let made = fragment(&config, "version = 4", &Pods::None).unwrap();
        let text = if std::env::consts::ARCH == "aarch64" {
            text.replace("/amd64", "/arm64")
        } else {
            text.to_owned()
        };
        assert_eq!(made.parse::<Table>().unwrap(), text.parse::<Table>().unwrap());
    }
}

#[test]
fn the_configuration_to_copy_is_that_of_the_fragment() {
    let text = include_str!("../../../deploy/windows/config.toml");
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!((&config.root, &config.grpc.address), (&windows().root, &windows().grpc.address));
}

#[test]
fn pods_are_all_or_those_of_a_runtime() {
    let none = said(&windows(), "version = 3", &Pods::None);
    assert!(none["plugins"].get("io.containerd.cri.v1.images").is_none());
    let all = said(&windows(), "version = 3", &Pods::All);
    assert_eq!(all["plugins"]["io.containerd.cri.v1.images"]["snapshotter"].as_str(), Some("cimsnap"));

    let of = Pods::Of("fast".to_owned());
    let some = said(&windows(), "version = 3", &of);
    let runtime = |table: &Table| {
        table["plugins"]["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]["fast"].clone()
    };
    assert_eq!(runtime(&some)["snapshotter"].as_str(), Some("cimsnap"));
    assert_eq!(runtime(&some)["runtime_type"].as_str(), Some("io.containerd.runhcs.v1"));
    // One that is new does what the default one does.
    let told = "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd]\ndefault_runtime_name = 'a'\n\
        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.a]\nruntime_type = 'x'\nruntime_path = ''\n\
        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.a.options]\nSystemdCgroup = true";
    let like = runtime(&said(&windows(), told, &of));
    assert_eq!(like["runtime_type"].as_str(), Some("x"));
    assert_eq!(like["options"]["SystemdCgroup"].as_bool(), Some(true));
    assert!(like.get("runtime_path").is_none());
    // A runtime that is there keeps its type.
    let told =
        "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.fast]\nruntime_type = 'x'";
    assert!(runtime(&said(&windows(), told, &of)).get("runtime_type").is_none());
}

#[test]
fn old_and_broken_configurations_are_refused() {
    for told in ["", "version = 2"] {
        assert!(matches!(fragment(&windows(), told, &Pods::None), Err(WiringError::Version(1 | 2))));
        assert!(matches!(import(told, "a.toml"), Err(WiringError::Version(1 | 2))));
    }
    assert!(matches!(import("version = [", "a.toml"), Err(WiringError::Parse(_))));
    assert!(matches!(import("version = 3\nimports = 'a.toml'", "a.toml"), Err(WiringError::Parse(_))));
}

/// Imports a file, reads what is imported, and stops importing it.
fn around(text: &str, file: &str) -> (Vec<String>, String) {
    let imported = import(text, file).unwrap();
    assert_eq!(import(&imported, file).unwrap(), imported);
    let table: Table = imported.parse().unwrap();
    let list = table["imports"].as_array().unwrap();
    let names = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    (names, remove(&imported, file).unwrap())
}

#[test]
fn an_import_comes_last_and_goes_again() {
    let file = r"C:\Program Files\containerd\conf.d\cimsnap.toml";
    let texts = [
        "version = 3\nimports = ['a.toml']\nroot = 'x'\n",
        "imports = [ 'a.toml' , ] # why\nversion = 3\n[grpc]\n",
        "version = 3\nimports = [\n  'a.toml', # one\n  \"b.toml\", # two\n]\n",
        "version = 3\nimports = []\n[debug]\nlevel = 'info'\n",
    ];
    for text in texts {
        let (names, removed) = around(text, file);
        assert_eq!(names.last().map(String::as_str), Some(file));
        assert_eq!(removed, text);
    }
}

#[test]
fn an_import_needs_a_list_only_once() {
    let (names, removed) = around("# mine\nversion = 4 # new\n[grpc]\n", "a'b.toml");
    assert_eq!(names, ["a'b.toml"]);
    assert_eq!(removed, "# mine\nversion = 4\nimports = [] # new\n[grpc]\n");
}

#[test]
fn a_directory_that_is_imported_is_enough() {
    let text = "version = 3\nimports = ['C:\\containerd\\conf.d\\*.toml']\n";
    assert_eq!(import(text, r"C:\containerd\conf.d\cimsnap.toml").unwrap(), text);
    assert_ne!(import(text, r"C:\containerd\conf.d\deeper\cimsnap.toml").unwrap(), text);
    assert_eq!(remove(text, r"C:\containerd\conf.d\cimsnap.toml").unwrap(), text);
}
