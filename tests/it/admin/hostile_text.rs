//! Keys, labels and paths that a terminal would act on.

use std::fs;

use cimsnap::snapshot::{CommitRequest, Labels, NewSnapshot};
use serde_json::json;

use super::bed::Bed;
use crate::support::printed::{HOSTILE, SHOWN, printable};

/// A store of snapshots whose keys and labels are hostile.
fn hostile() -> Bed {
    let bed = Bed::filled();
    let all = bed.open();
    let labels = Labels::from([(format!("label {HOSTILE}"), format!("value {HOSTILE}"))]);
    let key = HOSTILE.to_owned();
    all.prepare(NewSnapshot { key: "active".into(), labels: labels.clone(), ..NewSnapshot::default() })
        .unwrap();
    all.commit(&CommitRequest {
        key: "active".into(),
        name: key.clone(),
        labels,
        ..CommitRequest::default()
    })
    .unwrap();
    all.view(NewSnapshot { key: "child".into(), parent: key, ..NewSnapshot::default() }).unwrap();
    drop(all);
    fs::write(bed.images().join(format!("stray {}", HOSTILE.replace('/', "-"))), "stray").unwrap();
    bed
}

#[test]
fn keys_and_labels_are_printed_as_escapes() {
    let bed = hostile();
    let daemon = bed.daemon();
    for (words, shown) in [
        ("snapshot ls", true),
        ("snapshot usage", true),
        ("snapshot info child", true),
        ("top --once", false),
        ("gc --dry-run", false),
        ("fsck", false),
        ("fsck --deep", false),
        ("doctor", false),
    ] {
        let text = printable(words, &bed.run(words));
        assert!(!shown || text.contains(SHOWN), "{words}: {text}");
    }
    // What is asked for stands in an argument here, which may hold spaces.
    let mut info = bed.command(&["snapshot", "info", HOSTILE]);
    let text = printable("snapshot info", &info.output().unwrap());
    assert!(text.contains(&format!("label {SHOWN}=value {SHOWN}")), "{text}");
    let missing = format!("missing {HOSTILE}");
    for words in [["snapshot", "info", &missing], ["snapshot", "usage", &missing]] {
        let text = printable("a key that is not there", &bed.command(&words).output().unwrap());
        assert!(text.contains("[31m") && text.starts_with("error: "), "{text}");
    }
    let told = bed.json("snapshot usage");
    assert!(told.iter().any(|usage| usage["key"] == json!(HOSTILE)), "JSON has keys as they are: {told:?}");
    drop(daemon);
    let log = fs::read(bed.path("daemon.log")).unwrap();
    let output = std::process::Output { stderr: log, ..bed.run("snapshot ls --quiet") };
    printable("the log", &output);
}

#[test]
fn different_keys_look_different() {
    let bed = Bed::filled();
    let all = bed.open();
    let keys = ["\u{202e}", "\\u{202e}", "\\\\u{202e}", "\n", "\\n", "\\", "\u{9b}"];
    for key in keys {
        all.prepare(NewSnapshot { key: format!("k{key}"), ..NewSnapshot::default() }).unwrap();
    }
    drop(all);
    let listed = printable("snapshot usage", &bed.run("snapshot usage"));
    let shown: std::collections::HashSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|key| key.starts_with('k'))
        .collect();
    assert_eq!(shown.len(), keys.len(), "{listed}");
}

#[test]
fn configurations_are_printed_as_escapes() {
    let bed = Bed::new();
    for text in [
        format!("root = \"/{}\"", HOSTILE.escape_default()),
        format!("# {HOSTILE}\nroot = 5"),
        format!("'{HOSTILE}' = 1"),
    ] {
        fs::write(bed.path("config.toml"), text).unwrap();
        for words in ["config check", "snapshot ls", "daemon"] {
            let mut command = bed.command(&words.split(' ').collect::<Vec<_>>());
            if words == "config check" {
                command = std::process::Command::new(env!("CARGO_BIN_EXE_cimsnap"));
                command.args(["config", "check"]).arg(bed.path("config.toml"));
            }
            if words == "daemon" {
                command.args(["--root", "/proc/none"]);
            }
            printable(words, &command.output().unwrap());
        }
    }
}
