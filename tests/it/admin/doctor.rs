//! `cimsnap doctor`, where there is no containerd.

use std::fs;

use serde_json::{Value, json};

use super::bed::Bed;

fn health(report: &Value, seen: &str) -> Value {
    let symptoms = report["symptoms"].as_array().unwrap();
    let found = symptoms.iter().find(|symptom| symptom["seen"].as_str().unwrap().contains(seen));
    found.unwrap_or_else(|| panic!("{seen}: {symptoms:#?}"))["health"].clone()
}

#[test]
fn each_side_is_looked_at_by_itself() {
    let bed = Bed::new();
    let config = bed.path("containerd.toml");
    fs::write(&config, "version = 3\n").unwrap();
    let words = format!("doctor --containerd-config {}", config.display());
    let [report] = bed.json(&words).try_into().unwrap();
    assert_eq!(report["well"], json!(false));
    assert_eq!(health(&report, "no daemon answers on"), "error");
    assert_eq!(health(&report, "containerd does not answer on"), "error");
    assert_eq!(health(&report, "no proxy plugin of type snapshot"), "error");
    assert_eq!(health(&report, "FUSE"), "ok");
    assert_eq!(health(&report, "images of Windows are written by the portable engine"), "ok");

    let _daemon = bed.daemon();
    let [report] = bed.json(&words).try_into().unwrap();
    assert_eq!(health(&report, "the daemon serves on"), "ok");
    assert_eq!(health(&report, "containerd does not answer on"), "error");
    let output = bed.run(&words);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text.contains("\n    start containerd, or set containerd.address"), "{text}");
}
