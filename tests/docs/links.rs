//! What pages name is there: other pages, their sections, files, and targets of make.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::project;

fn pages() -> Vec<PathBuf> {
    let beside = ["", "docs", "deploy", "tests"].map(|name| fs::read_dir(project(name)).unwrap());
    let files = beside.into_iter().flatten().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    assert!(pages.len() > 15, "{pages:?}");
    pages
}

/// Returns where the links of a page lead that stay in the project.
fn links(page: &str) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let all = link.captures_iter(page).map(|found| found[1].to_owned());
    all.filter(|target| !target.contains("://")).collect()
}

/// Returns the names by which links lead to the sections of a page.
fn sections(page: &str) -> BTreeSet<String> {
    let titles =
        page.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#'));
    let name = |title: &str| {
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    titles.map(name).collect()
}

/// Says what is wrong with a link of a page, if anything is.
fn fault(page: &Path, link: &str) -> Option<String> {
    let (file, section) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    let is_there = match (target.exists(), section) {
        (there, "") => there,
        (there, section) => there && sections(&fs::read_to_string(&target).unwrap()).contains(section),
    };
    (!is_there).then(|| format!("{}: {link}", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        faults.extend(links(&text).iter().filter_map(|link| fault(&page, link)));
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let page = project("README.md");
    assert_eq!(fault(&page, "docs/cli.md"), None);
    assert_eq!(fault(&page, "docs/windows.md#not-seen-on-windows"), None);
    assert!(fault(&page, "docs/none.md").is_some());
    assert!(fault(&page, "docs/windows.md#none").is_some());
}

#[test]
fn every_target_of_make_that_a_page_names_is_there() {
    let makefile = fs::read_to_string(project("Makefile")).unwrap();
    let target = Regex::new(r"(?m)^([a-z-]+):").unwrap();
    let targets: BTreeSet<_> = target.captures_iter(&makefile).map(|found| found[1].to_owned()).collect();
    let named = Regex::new(r"(?m)(?:`|^ {4}|^# )make ([a-z-]+)").unwrap();
    let mut found = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for name in named.captures_iter(&text) {
            assert!(targets.contains(&name[1]), "{} names make {}", page.display(), &name[1]);
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}
