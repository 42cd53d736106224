//! Pages of the documentation that tell what the code says, and what is made for its numbers.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod configuration;
mod links;
mod metrics;
mod monitoring;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Tests of several sections of a page run side by side.
static WRITING: Mutex<()> = Mutex::new(());

/// Returns a file of the project.
fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Checks that a page has a text between the marks of a section, or puts it there if `CIMSNAP_UPDATE_DOCS` is set.
fn check_section(page: &str, section: &str, text: &str) {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = project(page);
    let written = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {section}: begin -->\n"), format!("<!-- {section}: end -->"));
    let (before, rest) = written.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    let expected = format!("{before}{begin}{text}{end}{after}");
    if std::env::var_os("CIMSNAP_UPDATE_DOCS").is_some() {
        return fs::write(path, expected).unwrap();
    }
    assert!(written == expected, "{page} is out of date: run with CIMSNAP_UPDATE_DOCS=1\n{text}");
}

/// Returns a table, with a row for each of `rows`.
fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows: String = rows.into_iter().map(|row| line(&row.map(|cell| cell.replace('|', "\\|")))).collect();
    format!("| {} |\n|{}\n{rows}", head.join(" | "), "---|".repeat(N))
}
