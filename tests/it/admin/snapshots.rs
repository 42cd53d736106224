//! `cimsnap snapshot`.

use serde_json::json;

use super::bed::Bed;

#[test]
fn a_daemon_and_the_store_that_it_leaves_say_the_same() {
    let bed = Bed::filled();
    let commands = ["snapshot ls", "snapshot usage", "snapshot info top", "gc --dry-run"];
    let ask = || commands.map(|command| (bed.ok(command), bed.json(command)));
    let alone = ask();
    let daemon = bed.daemon();
    assert_eq!(ask(), alone);
    drop(daemon);
    assert_eq!(ask(), alone);
}

#[test]
fn everything_about_a_snapshot_is_told() {
    let bed = Bed::filled();
    let [base, top] = bed.json("snapshot ls").try_into().unwrap();
    assert_eq!((&base["key"], &top["key"]), (&json!("base"), &json!("top")));
    assert_eq!((&top["kind"], &top["parent"]), (&json!("committed"), &json!("base")));
    assert_eq!(top["image"]["parent"], base["image"]["chain"]);
    assert_eq!(top["layer"]["size"], json!(super::bed::top().len()));
    let row = bed.open().stat("top").unwrap();
    let (seconds, nanos) = row.created.parts();
    assert_eq!(top["created"], json!(seconds * 1_000_000_000 + i64::from(nanos)));
    assert_eq!(bed.json("snapshot info top")[0], top);
    let usage = bed.open().usage("top").unwrap();
    let told = json!({ "key": "top", "bytes": usage.bytes, "inodes": usage.inodes });
    assert_eq!(bed.json("snapshot usage top"), [told]);

    let text = bed.ok("snapshot info top");
    for stage in ["fork", "read", "inflate", "hash", "convert", "sync"] {
        assert!(text.contains(&format!("\n  {stage} ")), "{stage}: {text}");
    }
    assert!(text.contains(top["layer"]["diff_id"].as_str().unwrap()), "{text}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let bed = Bed::filled();
    let ask = || {
        let output = bed.run("snapshot info nothing");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, errors) = ask();
    assert!(code == Some(4) && errors.contains("\"nothing\" does not exist"), "{errors}");
    let _daemon = bed.daemon();
    let (code, errors) = ask();
    assert!(code == Some(4) && errors.contains("\"nothing\" does not exist"), "{errors}");
}

#[test]
fn looking_for_a_store_makes_none() {
    let bed = Bed::new();
    let output = bed.run("snapshot ls");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && errors.contains("there is no store in"), "{errors}");
    assert!(!bed.root().exists());
}
