//! Draws what the demo printed, as a terminal shows it: `make demo-picture`.
//!
//! Lines appear one after another where the picture is animated, and are all there where it is not. What is too long for
//! the width is cut, digests are shortened, and so are paths of the project.

#![allow(clippy::unwrap_used, missing_docs, reason = "a program for people")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const COLUMNS: usize = 116;
const WIDTH: f64 = 7.6;
const HEIGHT: f64 = 17.0;
const MARGIN: f64 = 14.0;

/// Seconds between one line and the next.
const PACE: f64 = 0.15;

/// Lines that say little, by how they begin: what is installed and compiled, and who generates which layer.
const LEFT_OUT: [&str; 10] = [
    "layer  ",
    "Base ",
    "Windows ",
    "BuildKit ",
    "Crane ",
    "Shuffled ",
    "Opaque ",
    "Empty ",
    "$ tests/",
    "$ go ",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let printed = fs::read_to_string(root.join("target/demo/printed")).unwrap();
    let printed = printed.replace(&format!("{}/", root.display()), "");
    fs::write(root.join("docs/demo.svg"), draw(&lines(&printed))).unwrap();
}

fn lines(printed: &str) -> Vec<String> {
    let told = printed.lines().filter(|line| !LEFT_OUT.iter().any(|start| line.starts_with(start)));
    let mut lines = vec!["# make demo".to_owned()];
    lines.extend(told.filter(|line| !line.is_empty()).map(|line| cut(&short(&expand(line)))));
    lines
}

/// Replaces tabs by as many spaces as a terminal shows.
fn expand(line: &str) -> String {
    let mut text = String::new();
    for part in line.split_inclusive('\t') {
        text += part.trim_end_matches('\t');
        if part.ends_with('\t') {
            text += &" ".repeat(8 - text.chars().count() % 8);
        }
    }
    text
}

/// Shortens digests.
fn short(line: &str) -> String {
    let mut parts = line.split("sha256-");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let kept = if digits == 64 { format!("{}…{}", &part[..8], &part[64..]) } else { part.to_owned() };
        write!(text, "sha256-{kept}").unwrap();
    }
    text
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(COLUMNS) {
        Some(_) => line.chars().take(COLUMNS - 1).chain(['…']).collect(),
        None => line.to_owned(),
    }
}

fn draw(lines: &[String]) -> String {
    let columns = f64::from(u32::try_from(COLUMNS).unwrap());
    let (width, height) = (columns * WIDTH + 2.0 * MARGIN, at(lines.len()) + MARGIN);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0} {height:.0}' font-family='monospace' \
         font-size='12.5'>\n<title>What make demo prints</title>\n<style>text{{fill:#d0d0d0;white-space:pre;\
         animation:come .1s backwards}}.step{{fill:#7fd3ff;font-weight:bold}}.typed{{fill:#b8e986}}.took{{fill:#888}}\
         @keyframes come{{from{{opacity:0}}}}</style>\n<rect width='100%' height='100%' rx='8' fill='#1c1f24'/>\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let delay = PACE * f64::from(u32::try_from(index).unwrap());
        let (class, y, text) = (class(line), at(index + 1), escape(line));
        writeln!(
            svg,
            "<text class='{class}' x='{MARGIN}' y='{y:.0}' style='animation-delay:{delay:.2}s' \
             xml:space='preserve'>{text}</text>"
        )
        .unwrap();
    }
    svg + "</svg>\n"
}

fn at(line: usize) -> f64 {
    MARGIN + HEIGHT * f64::from(u32::try_from(line).unwrap())
}

fn class(line: &str) -> &'static str {
    match line {
        _ if line.starts_with("== ") => "step",
        _ if line.starts_with("$ ") || line.starts_with("# ") => "typed",
        _ if line.starts_with("   done in ") => "took",
        _ => "said",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
