//! What shells complete, and what the manual has.

use std::fs;
use std::process::Command;

use super::Shell;

#[test]
fn bash_completes_commands_and_options() {
    let shell = Shell::new();
    let script = shell.path("completion");
    let output = shell.command(&["completions", "bash"]).output().unwrap();
    assert!(output.status.success());
    fs::write(&script, output.stdout).unwrap();
    let complete = |words: &[&str]| {
        let program = "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                       _cimsnap cimsnap \"${COMP_WORDS[-1]}\" \"${COMP_WORDS[-2]}\"; echo \"${COMPREPLY[@]}\"";
        let output = Command::new("bash").args(["-c", program]).arg(&script).args(words).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete(&["cimsnap", "snap"]), "snapshot");
    assert_eq!(complete(&["cimsnap", "snapshot", "u"]), "usage");
    assert_eq!(complete(&["cimsnap", "fsck", "--re"]), "--repair");
}

#[test]
fn every_shell_gets_something() {
    let shell = Shell::new();
    for name in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = shell.command(&["completions", name]).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 1000, "{name}");
    }
}

#[test]
fn each_command_has_a_page_of_the_manual() {
    let shell = Shell::new();
    let output = shell.command(&["man", "pages"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for command in ["", "-snapshot-info", "-cim-mount", "-layer-import", "-image-convert", "-daemon", "-top"]
    {
        let page = fs::read_to_string(shell.path(&format!("pages/cimsnap{command}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{command}");
    }
    let info = fs::read_to_string(shell.path("pages/cimsnap-snapshot-info.1")).unwrap();
    assert!(info.contains("Show everything about a snapshot") && info.contains("Examples:"), "{info}");
}
