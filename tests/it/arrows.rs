//! Parts use only parts that stand below them. Proved by reading the `use crate::` lines and other paths.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each part of the crate with the parts that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("sys", &[]),
    ("cim", &["sys"]),
    ("layer", &["cim", "engine"]),
    ("engine", &["cim", "sys"]),
    ("mount", &["cim", "sys"]),
    ("escape", &[]),
    ("registry", &["escape", "layer"]),
    ("store", &["cim", "layer", "sys"]),
    ("snapshot", &["cim", "engine", "layer", "mount", "store", "sys"]),
    ("proto", &[]),
    ("trace", &["snapshot", "store"]),
    ("differ", &["layer", "proto", "snapshot", "trace"]),
    ("rpc", &["cim", "differ", "proto", "snapshot", "store", "sys", "trace"]),
    ("metrics", &["differ", "snapshot", "store"]),
    (
        "daemon",
        &[
            "cim", "differ", "engine", "escape", "metrics", "mount", "rpc", "snapshot", "store", "sys",
            "trace",
        ],
    ),
    ("capi", &["cim", "mount", "sys"]),
    ("cli", &["capi", "cim", "daemon", "engine", "escape", "layer", "mount", "registry", "sys"]),
];

/// Crates that only some parts may use.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("clap", &["src/cli/"]),
    ("clap_complete", &["src/cli/"]),
    ("clap_mangen", &["src/cli/"]),
    ("anyhow", &["src/cli/"]),
    ("indicatif", &["src/cli/"]),
    ("oci_spec", &["src/registry/"]),
    ("fuser", &["src/mount/fuse"]),
    ("libc", &["src/sys/"]),
    ("memmap2", &["src/sys/"]),
    ("hyper", &["src/daemon/"]),
    ("opentelemetry", &["src/trace/", "src/rpc/", "src/daemon/traces/"]),
    ("opentelemetry_http", &["src/daemon/traces/"]),
    ("opentelemetry_otlp", &["src/daemon/traces/"]),
    ("opentelemetry_sdk", &["src/trace/", "src/rpc/traced.rs", "src/daemon/traces/"]),
    ("prometheus_client", &["src/metrics.rs"]),
    ("redb", &["src/store/"]),
    ("tonic", &["src/rpc/", "src/differ/", "src/daemon/", "src/proto.rs"]),
    ("tokio", &["src/rpc/", "src/differ/", "src/daemon/", "src/sys/windows/pipe.rs"]),
    ("toml", &["src/daemon/"]),
    ("ureq", &["src/daemon/traces/", "src/registry/remote/"]),
    ("windows_service", &["src/daemon/windows/service/"]),
    ("windows_sys", &["src/sys/"]),
];

/// Where `unsafe` may stand.
const UNSAFE_IN: &[&str] = &["src/sys/", "src/capi"];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn each_source(mut visit: impl FnMut(&str, &str)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    sources(&root.join("src"), &mut found);
    assert!(found.len() > 30, "the sources were not found");
    for path in found {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        visit(&name, &fs::read_to_string(&path).unwrap());
    }
}

/// The first component of a source path: `src/cim/reader/mod.rs` and `src/cim.rs` are both of `cim`.
fn part_of(name: &str) -> &str {
    let rest = name.strip_prefix("src/").unwrap();
    rest.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Code without comments and strings of documentation.
fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

#[test]
fn parts_use_only_parts_below_them() {
    each_source(|name, text| {
        let part = part_of(name);
        if matches!(part, "lib" | "main") {
            return;
        }
        let allowed = MAY_USE.iter().find(|(known, _)| *known == part);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name}: part {part} has no rule"));
        let used: BTreeSet<&str> = code_lines(text)
            .flat_map(|line| line.split("crate::").skip(1))
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
            .filter(|used| !used.is_empty())
            .collect();
        for used in used {
            assert!(used == part || allowed.contains(&used), "{name}: {part} must not use {used}");
        }
    });
}

#[test]
fn crates_and_unsafe_stay_where_they_belong() {
    each_source(|name, text| {
        for line in code_lines(text) {
            for (krate, places) in ONLY_IN {
                let used = line.contains(&format!("{krate}::"));
                assert!(!used || places.iter().any(|place| name.starts_with(place)), "{name}: {line}");
            }
            let is_unsafe =
                line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl");
            let allowed = UNSAFE_IN.iter().any(|place| name.starts_with(place));
            assert!(!is_unsafe || allowed, "{name}: {line}");
        }
    });
}

/// Files that may print: the command line escapes what it prints in one place, the log in another, and the server of a mount
/// answers its parent through a pipe.
const PRINT: &[&str] = &["src/cli/ui.rs", "src/daemon/logging.rs", "src/mount/fuse/spawn.rs"];

#[test]
fn untrusted_text_is_printed_in_one_place() {
    each_source(|name, text| {
        let before_tests = text.split("#[cfg(test)]").next().unwrap();
        for line in code_lines(before_tests).filter(|_| !PRINT.contains(&name)) {
            for word in ["print!", "println!", "eprint!", "eprintln!", "dbg!", "io::stdout()", "io::stderr()"]
            {
                assert!(!line.contains(word), "{name}: {line}");
            }
        }
    });
}

#[test]
fn the_image_library_is_quiet_and_blocking() {
    each_source(|name, text| {
        if !name.starts_with("src/cim/") {
            return;
        }
        let before_tests = text.split("#[cfg(test)]").next().unwrap();
        for line in code_lines(before_tests) {
            for word in ["println!", "eprintln!", "std::env", "async ", "tokio", "tracing", "process::exit"] {
                assert!(!line.contains(word), "{name}: {line}");
            }
        }
    });
}
