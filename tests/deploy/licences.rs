//! What the program is made of may be given on: every dependency has a licence that `.deny.toml` allows.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

fn allowed() -> Vec<Licensee> {
    let rules = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".deny.toml")).unwrap();
    let rules: toml::Table = rules.parse().unwrap();
    let names = rules["licenses"]["allow"].as_array().unwrap().iter();
    names.map(|name| Licensee::parse(name.as_str().unwrap()).unwrap()).collect()
}

fn is_allowed(licence: &str, allowed: &[Licensee]) -> bool {
    // Crates of old write a slash in the place of "or".
    let expression = Expression::parse_mode(licence, ParseMode::LAX);
    expression
        .is_ok_and(|all| all.evaluate(|wanted| allowed.iter().any(|licensee| licensee.satisfies(wanted))))
}

#[test]
fn every_dependency_may_be_given_on() {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = told["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    let allowed = allowed();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence, &allowed), "{}: {licence:?}", package["name"]);
    }
}

#[test]
fn other_licences_are_refused() {
    let allowed = allowed();
    for (licence, expected) in [
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only OR MIT", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0-only", false),
        ("MIT AND MPL-2.0", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(licence, &allowed), expected, "{licence}");
    }
}
