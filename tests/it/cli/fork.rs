//! Forks.

use std::fs;

use super::{Shell, is_left, sample, small};
use crate::support::tree;

#[test]
fn a_fork_is_its_parent_with_changes() {
    let shell = Shell::new();
    tree::make(&shell.path("source"));
    shell.ok("create source base.cim");
    let before = shell.ok("dump base.cim");
    fs::create_dir_all(shell.path("more/d/new")).unwrap();
    fs::write(shell.path("more/d/new/file"), "new").unwrap();
    fs::write(shell.path("more/e"), "changed").unwrap();
    let expected = shell.path("expected");
    let copied = std::process::Command::new("cp").arg("-a").arg(shell.path("source")).arg(&expected).status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(expected.join("d/e")).unwrap();
    fs::remove_file(expected.join("to-directory")).unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-aT", "more", "expected"])
        .current_dir(shell.root.path())
        .status();
    assert!(copied.unwrap().success());

    shell.ok("fork base.cim new.cim more --delete d/e --delete /to-directory");
    shell.ok("check --deep new.cim");
    shell.ok("extract new.cim out");
    assert_eq!(shell.tree("out"), shell.tree("expected"));
    assert_eq!(shell.ok("dump base.cim"), before);
    let regions = shell.json("regions new.cim").remove(0);
    let own: Vec<bool> =
        regions["regions"].as_array().unwrap().iter().map(|region| region["own"] == true).collect();
    assert_eq!(own, [false, false, false, true, true]);
}

#[test]
fn differences_have_letters_and_a_code() {
    let shell = Shell::new();
    shell.image("a.cim", sample);
    shell.ok("fork a.cim same.cim --delete Files/empty");
    fs::create_dir(shell.path("more")).unwrap();
    fs::write(shell.path("more/new"), "x").unwrap();
    shell.ok("fork --os windows same.cim b.cim more");
    let output = shell.run("diff --no-times a.cim b.cim");
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "M / (security)\nD /Files/empty\nA /new\n");
    assert_eq!(shell.ok("diff a.cim a.cim"), "");
    let lines = shell.json("diff a.cim same.cim");
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["change"], &lines[0]["path"]), (&"D".into(), &"/Files/empty".into()));
}

#[test]
fn what_cannot_be_forked_leaves_nothing() {
    let shell = Shell::new();
    shell.image("a.cim", small);
    let before = is_left(shell.root.path());
    fs::create_dir(shell.path("other")).unwrap();
    fs::write(shell.path("bad.tar"), b"this is no tar at all, however long it may be".repeat(30)).unwrap();
    for (words, code, says) in [
        ("fork a.cim other/b.cim --delete d", 1, "other/b.cim is not in ., where its parent lies"),
        ("fork a.cim b.cim --delete nothing", 4, "cannot delete /nothing"),
        ("fork none.cim b.cim --delete d", 4, "none.cim"),
        ("fork a.cim a.cim --delete nothing", 4, "cannot delete /nothing"),
        ("fork a.cim b.cim bad.tar", 1, "cannot read bad.tar"),
        ("fork a.cim b.cim missing", 1, "cannot open missing"),
        ("fork a.cim b.cim", 2, "<SOURCE>"),
    ] {
        let (got, text) = shell.fails(words);
        assert_eq!(got, code, "{words}: {text}");
        assert!(text.contains(says), "{words}: {text}");
        assert_eq!(is_left(shell.root.path()), before, "{words}");
    }
}
