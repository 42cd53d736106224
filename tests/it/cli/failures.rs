//! What goes wrong has a code, a cause and a hint.

use std::fs;
use std::process::Stdio;

use cimsnap::cim::io::{Directory, DiskDirectory};

use super::{Shell, sample};

#[test]
fn every_failure_has_its_code() {
    let shell = Shell::new();
    shell.image("a.cim", sample);
    fs::write(
        shell.path("text.cim"),
        "this is not an image, and longer than the header of an image would be",
    )
    .unwrap();
    fs::create_dir(shell.path("full")).unwrap();
    fs::write(shell.path("full/file"), "").unwrap();
    for (words, code, says) in [
        ("ls", 2, "Usage:"),
        ("ls none.cim", 4, "none.cim"),
        ("ls text.cim", 5, "text.cim"),
        ("ls a.cim Files/missing", 4, "a.cim has no /Files/missing\nhint: "),
        ("ls a.cim ..", 1, ".. leaves the root"),
        ("cat a.cim Files", 1, "/Files is a directory\nhint: "),
        ("cat a.cim Files/readme.txt --stream other", 4, "/Files/readme.txt has no stream other\nhint: "),
        ("extract a.cim full", 1, "full is not an empty directory\nhint: "),
        ("extract a.cim full/file", 1, "cannot make full/file"),
        ("create full a.cim", 1, "hint: `cimsnap cim fork`"),
        ("create full none/a.cim", 4, "none"),
        ("create full region_x.part", 1, "region_x.part"),
        ("dump text.cim", 5, "hint: `cimsnap cim check --deep"),
        ("mount none.cim full", 4, "none.cim"),
        ("mount a.cim none", 1, "none"),
        ("umount full", 1, "full is not a mount of an image\nhint: "),
    ] {
        let (got, text) = shell.fails(words);
        assert_eq!(got, code, "{words}: {text}");
        assert!(text.contains(says), "{words}: {text}");
        assert!(code == 2 || text.starts_with("error: "), "{words}: {text}");
    }
}

#[test]
fn a_damaged_image_is_told_where() {
    let shell = Shell::new();
    shell.image("a.cim", sample);
    let region = shell.json("regions a.cim")[0]["regions"][0]["file"].as_str().unwrap().to_owned();
    let mut bytes = fs::read(shell.path(&region)).unwrap();
    let at = bytes.windows(5).position(|window| window == b"hello").unwrap();
    bytes[at] ^= 0x20;
    fs::write(shell.path(&region), bytes).unwrap();
    shell.ok("check a.cim");
    let output = shell.run("check --deep a.cim");
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("error: region_"), "{text}");
    assert!(text.contains("not sound: 1 error"), "{text}");
    let findings = &shell.json("check --deep a.cim")[0]["findings"];
    assert_eq!(findings[0]["severity"], "error");
    assert_eq!(findings[0]["file"], region.as_str());

    fs::write(shell.path(&region), "").unwrap();
    assert_eq!(shell.fails("cat a.cim Files/readme.txt").0, 5);
    assert_eq!(shell.run("check a.cim").status.code(), Some(3));
    fs::remove_file(shell.path(&region)).unwrap();
    assert_eq!(shell.run("regions a.cim").status.code(), Some(5));
}

#[test]
fn images_of_unknown_versions_are_named() {
    let shell = Shell::new();
    shell.image("a.cim", sample);
    let mut header = fs::read(shell.path("a.cim")).unwrap();
    header[16] = 4;
    fs::write(shell.path("b.cim"), header).unwrap();
    for command in ["ls b.cim", "check b.cim", "regions b.cim", "stat b.cim", "fork b.cim c.cim --delete x"] {
        let (code, text) = shell.fails(command);
        assert_eq!(code, 1, "{command}");
        assert!(text.contains("b.cim has format version 4.0; only versions 1, 2 and 3"), "{text}");
    }
}

#[test]
fn images_of_version_3_are_called_experimental_and_not_written_over() {
    let shell = Shell::new();
    shell.image("a.cim", sample);
    let mut header = fs::read(shell.path("a.cim")).unwrap();
    header[16] = 3;
    fs::write(shell.path("b.cim"), header).unwrap();
    assert_eq!(shell.ok("ls b.cim"), shell.ok("ls a.cim"));
    assert!(shell.ok("regions b.cim").starts_with("version 3.0"));
    assert!(shell.ok("stat b.cim").contains("version 3.0, of which support is experimental"));
    assert!(!shell.ok("stat a.cim").contains("experimental"));
    assert!(shell.ok("check b.cim").starts_with("version 3.0, of which support is experimental"));
    assert_eq!(shell.json("check b.cim")[0]["experimental"], true);
    let (code, text) = shell.fails("fork b.cim c.cim --delete Files");
    assert_eq!(code, 1);
    assert!(text.contains("can be neither forked nor extended"), "{text}");
}

#[test]
fn a_reader_that_goes_ends_the_program_quietly() {
    let shell = Shell::new();
    shell.image("a.cim", |writer| {
        let size = 8 << 20;
        let metadata = crate::support::file_metadata();
        let mut stream = writer.create_file(&crate::support::path("big"), &metadata, size).unwrap();
        stream.append(&[7; 100]).unwrap();
        stream.finish().unwrap();
    });
    let mut child = shell
        .command(&["cim", "cat", "a.cim", "big"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn two_writers_do_not_meet() {
    let shell = Shell::new();
    fs::create_dir(shell.path("source")).unwrap();
    let first = DiskDirectory::new(shell.root.path()).lock().unwrap();
    let (code, text) = shell.fails("create source a.cim");
    assert_eq!(code, 1);
    assert!(text.contains("hint: wait for the other writer"), "{text}");
    drop(first);
    shell.ok("create source a.cim");
}
