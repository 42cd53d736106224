//! What programs print, and what must not be in it.

use std::process::Output;

use cimsnap::escape::is_hidden;

/// A text with one or more of each kind of character that a terminal acts on or does not show, and with a line that
/// passes for a message.
pub(crate) const HOSTILE: &str = "a\u{1b}[31m\u{7}\u{7f}\u{9b}2J\u{85}\u{ad}\u{61c}\u{200b}\u{200e}\u{2028}\u{2029}\u{202e}\u{2066}\u{2069}\u{feff}\u{e0041}\r\t\nerror: forged";

/// How it is printed.
pub(crate) const SHOWN: &str = "a\\u{1b}[31m\\u{7}\\u{7f}\\u{9b}2J\\u{85}\\u{ad}\\u{61c}\\u{200b}\\u{200e}\\u{2028}\\u{2029}\\u{202e}\\u{2066}\\u{2069}\\u{feff}\\u{e0041}\\r\\t\\nerror: forged";

/// Checks that all that a command printed can be shown on a terminal, and returns it.
#[track_caller]
pub(crate) fn printable(what: &str, output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8(text).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = text.chars().find(|&c| c != '\n' && is_hidden(c));
    assert_eq!(found, None, "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{what}: {text}");
    text
}
