//! `docs/configuration.md`, which the structs of the configuration make.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use cimsnap::daemon::{Config, Key, Table};

use super::{check_section, table};

/// A wrong value of each key, and other faults.
const WRONG: &[(&str, &str)] = &[
    ("", "cimfs_library = \"cimfs.dll\""),
    ("", "engine = \"best\""),
    ("", "expand_pe = \"no\""),
    ("", "root = \"images\""),
    ("", "root = \"/srv/a:b\""),
    ("", "share = \"yes\""),
    ("", "sync = 1"),
    ("", "workers = 0"),
    ("", "rot = \"/srv\""),
    ("containerd", "address = 1"),
    ("containerd", "content_root = []"),
    ("grpc", "address = false"),
    ("grpc", "drain_seconds = -1"),
    ("grpc", "gid = \"adm\""),
    ("grpc", "mode = \"rw\""),
    ("grpc", "uid = -1"),
    ("limits", "mounts = 0"),
    ("log", "format = \"xml\""),
    ("log", "level = \"loud\""),
    ("metrics", "address = \"localhost\""),
    ("tracing", "endpoint = \"localhost:4318\""),
];

#[test]
fn every_key_stands_in_the_documentation() {
    let sections: Vec<String> = Config::tables().iter().map(section).collect();
    check_section("docs/configuration.md", "keys", &sections.join("\n"));
}

fn section(part: &Table) -> String {
    let title = match part.name.as_str() {
        "" => "## Above all tables".to_owned(),
        name => format!("## `[{name}]`"),
    };
    let rows = table(["key", "value", "default", "meaning"], part.keys.iter().map(row));
    format!("{title}\n\n{}\n\n{rows}", part.meaning)
}

fn row(key: &Key) -> [String; 4] {
    let default = match (&key.default, &key.example) {
        (Some(default), _) => format!("`{default}`"),
        (None, example) => format!("none; `{}` for example", example.as_ref().unwrap()),
    };
    let windows = match key.windows.as_deref() {
        None => String::new(),
        Some("refused") => "; on Windows refused".to_owned(),
        Some(path) => format!("; on Windows `'{path}'`"),
    };
    [format!("`{}`", key.name), key.kind.clone(), default + &windows, key.meaning.clone()]
}

#[test]
fn what_is_wrong_with_a_value_stands_in_the_documentation() {
    let rows = WRONG.iter().map(|(table, line)| {
        let text = if table.is_empty() { (*line).to_owned() } else { format!("[{table}]\n{line}") };
        [format!("`{}`", text.replace('\n', " ")), answer(&text)]
    });
    check_section("docs/configuration.md", "faults", &table(["the file says", "the answer ends with"], rows));
}

/// What `config check` says of a file, without where in the file.
fn answer(text: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, text).unwrap();
    let check = ["config", "check"];
    let output = Command::new(env!("CARGO_BIN_EXE_cimsnap")).args(check).arg(file.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}: {output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.trim_end().lines().last().unwrap().trim_start();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[test]
fn each_key_has_a_wrong_value() {
    let shown: BTreeSet<_> =
        WRONG.iter().map(|(table, line)| (*table, line.split(' ').next().unwrap())).collect();
    let tables = Config::tables();
    for (table, key) in tables.iter().flat_map(|table| table.keys.iter().map(move |key| (table, key))) {
        assert!(shown.contains(&(table.name.as_str(), key.name.as_str())), "{}.{}", table.name, key.name);
    }
}
