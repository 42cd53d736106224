//! Pages of the documentation whose commands are run, in their order, on a machine that lasts as long as that.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use super::PROJECT;
use super::package::pack;

/// A command of a page, and what the page shows that it prints.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) shown: String,
}

/// Returns what stands in blocks of a console behind a prompt, without what aligns it.
pub(super) fn steps(page: &str, prompt: &str) -> Vec<Step> {
    let blocks = page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks {
        let mut is_answer = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix(prompt) {
                steps.push(Step { command: words(command), shown: String::new() });
                is_answer = true;
            } else if is_answer {
                let step = steps.last_mut().unwrap();
                step.shown += &format!("{line}\n");
            }
        }
    }
    steps
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Puts what the machine of a test has in the place of what it does not have. Each has to be in one of the commands.
pub(super) fn substitute(steps: &mut [Step], substitutes: &[(&str, &str)]) {
    for (shown, run) in substitutes {
        let is_there = steps.iter().any(|step| step.command.contains(shown));
        assert!(is_there, "the page does not say {shown:?} any more");
        steps.iter_mut().for_each(|step| step.command = step.command.replace(shown, run));
    }
}

/// Runs commands on a machine that `lay_out` has put something on, and returns what each of them prints.
pub(super) fn run(commands: &[&str], lay_out: impl FnOnce(&Path)) -> Vec<String> {
    let machine = tempfile::tempdir_in(PROJECT.join("target")).unwrap();
    furnish(machine.path());
    lay_out(machine.path());
    fs::write(machine.path().join("commands"), commands.join("\n") + "\n").unwrap();
    let output = Command::new(PROJECT.join("tests/deploy/machine/machine.sh"))
        .arg(machine.path())
        .current_dir(&*PROJECT)
        .output()
        .unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{printed}\n{errors}", output.status);
    assert!(printed.ends_with("\nall is run\n"), "{printed}\n{errors}");
    answers(commands, &printed)
}

/// Puts what is installed where an operator would have it.
fn furnish(machine: &Path) {
    let home = machine.join("home");
    fs::create_dir(&home).unwrap();
    pack(&home);
    let mut archive = Command::new(PROJECT.join("deploy/package/linux.sh"));
    archive.env("DIST", &home).env("CIMSNAP", home.join("cimsnap"));
    let output = archive.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Cuts what a machine prints at the commands, each of which it repeats before it runs it.
fn answers(commands: &[&str], printed: &str) -> Vec<String> {
    let printed = format!("\n{printed}");
    let mut rest = printed.strip_suffix("\nall is run\n").unwrap();
    let mut answers = Vec::new();
    for command in commands {
        let mark = format!("\n# {command}\n");
        let at = rest.find(&mark).unwrap_or_else(|| panic!("{command} is not run: {printed}"));
        answers.push(rest[..at].to_owned());
        // What comes next may begin with the end of this line.
        rest = &rest[at + mark.len() - 1..];
    }
    answers.push(rest.to_owned());
    answers.split_off(1)
}

/// Makes equal what may differ from one run to the next: numbers, sizes, ids, digests, where a registry listens, columns.
pub(super) fn normalised(text: &str) -> String {
    let rules = [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
        (r"[0-9a-f]{64}", "DIGEST"),
        (r"(localhost|127\.0\.0\.1):[0-9]+", "REGISTRY"),
        (r"0x[0-9a-f]+", "NUMBER"),
        (r"[0-9][0-9.,]*", "NUMBER"),
        (r"NUMBER ([KMGT]i)?B\b", "SIZE"),
        (r"[ \t]+", " "),
        (r"(?m) $", ""),
    ];
    let text = text.trim_matches('\n').to_owned();
    rules.iter().fold(text, |text, (from, to)| Regex::new(from).unwrap().replace_all(&text, *to).into_owned())
}

#[test]
fn what_differs_each_time_is_made_equal_and_nothing_else() {
    let shown = "a.cim: 4,417 files, 0 B in 1.11 s (95.8 MiB/s)\n  region_61f5ba5f-0e9b-46ff-91a4-39dee9b0b2b7_0  own\n";
    let made = normalised(shown);
    assert_eq!(made, "a.cim: NUMBER files, SIZE in NUMBER s (SIZE/s)\n region_ID_NUMBER own");
    assert_eq!(normalised(&shown.replace("1.11", "0.02").replace("95.8 MiB", "1 KiB")), made);
    assert_ne!(normalised(&shown.replace("files", "directories")), made);
}
