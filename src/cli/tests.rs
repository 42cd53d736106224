//! What the help says is true.

use std::path::Path;

use clap::{Command, CommandFactory};

use super::Cli;
use super::exit::HELP;

/// Visits every command that has no commands of its own, and every family of them, by the words that call it.
fn each_command(command: &Command, words: &[&str], visit: &mut impl FnMut(&Command, &[&str])) {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        let words = [words, &[inner.get_name()]].concat();
        visit(inner, &words);
        each_command(inner, &words, visit);
    }
}

/// Returns the words of each example that calls the program, without what a shell would do beside it.
fn examples(command: &Command) -> Vec<Vec<String>> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines = lines.map_while(|line| line.strip_prefix("  "));
    lines.flat_map(|line| line.split(" | ")).filter(|part| part.starts_with("cimsnap ")).map(words).collect()
}

fn words(line: &str) -> Vec<String> {
    let words = line.split(' ').take_while(|word| !word.is_empty() && !word.starts_with(['>', '&', '#']));
    // A digest in full would hide the rest of the line.
    words.map(|word| word.trim_matches('\'').replace("DIGITS", &"0".repeat(64))).collect()
}

#[test]
fn every_command_has_examples_that_can_be_run() {
    let mut count = 0;
    each_command(&Cli::command(), &["cimsnap"], &mut |command, called| {
        let examples = examples(command);
        let is_own = examples.iter().any(|example| called.iter().eq(example.iter().take(called.len())));
        assert!(is_own, "{called:?}: no example of it among {examples:?}");
        for example in examples {
            let parsed = Cli::command().try_get_matches_from(&example);
            assert!(parsed.is_ok(), "{}: {}", example.join(" "), parsed.unwrap_err());
        }
        count += 1;
    });
    assert!(count > 35, "{count}");
}

#[test]
fn the_parser_of_arguments_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn exit_codes_stand_in_the_documentation() {
    let page = include_str!("../../docs/cli.md");
    let mut codes: Vec<(&str, String)> = Vec::new();
    for line in HELP.lines().skip(1) {
        match (line.trim().split_once("  "), codes.last_mut()) {
            (Some((code, text)), _) => codes.push((code, text.trim().to_owned())),
            (None, Some((_, text))) => text.extend([" ", line.trim()]),
            (None, None) => panic!("{line}"),
        }
    }
    assert_eq!(codes.len(), 7);
    for (code, text) in codes {
        assert!(page.contains(&format!("\n| {code} | {text} |\n")), "{code}: {text}");
    }
}

/// What a page has people type, without the prompt.
fn typed(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines =
        blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("# ").or(line.strip_prefix("> ")));
    let parts = lines.flat_map(|line| line.split(" | ")).flat_map(|line| line.split(" && "));
    parts.filter(|part| {
        part.starts_with("cimsnap ") && (cfg!(windows) || !part.starts_with("cimsnap service"))
    })
}

#[test]
fn what_the_documentation_types_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let mut count = 0;
    for path in pages.chain([root.join("README.md")]) {
        for line in typed(&std::fs::read_to_string(&path).unwrap()) {
            let parsed = Cli::command().try_get_matches_from(words(line));
            assert!(parsed.is_ok(), "{}: {line}: {}", path.display(), parsed.unwrap_err());
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}
