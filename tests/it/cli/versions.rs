//! Images of versions 1 and 3, and expanded executables, through the command line.

use std::fs;

use super::Shell;
use crate::formats::expanded::executable;
use crate::support::format_writer::{Data, Files, Inherited, Style, Tree, sample, samples, write};

fn lay(shell: &Shell, files: &Files) {
    for (name, bytes) in files {
        fs::write(shell.path(name), bytes).unwrap();
    }
}

#[test]
fn every_command_reads_version_1() {
    let shell = Shell::new();
    lay(&shell, &samples(&Style::of_version(1)));
    assert!(shell.ok("regions a.cim").starts_with("version 1.0"));
    assert!(shell.ok("check a.cim --deep").contains("sound: 0 errors, 0 notes"));
    assert!(shell.ok("ls a.cim many").contains("file 29"));
    assert!(shell.ok("stat a.cim program.exe").contains("12067"));
    assert_eq!(shell.run("cat a.cim d0/file").stdout.len(), 50);
    assert_eq!(shell.ok("dump a.cim").lines().count(), shell.ok("tree a.cim").lines().count() - 2);
    let (_, differences) = (shell.run("diff a.cim b.cim").status.code(), shell.run("diff a.cim b.cim"));
    let differences = String::from_utf8(differences.stdout).unwrap();
    assert!(differences.contains("A /of b") && differences.contains("D /1024 bytes"), "{differences}");
    shell.ok("extract a.cim out");
    let Some(Data::Expanded(program, _)) = sample()
        .nodes
        .into_iter()
        .filter_map(|node| match node.data {
            Some(data @ Data::Expanded(..)) => Some(data),
            _ => None,
        })
        .next()
    else {
        panic!()
    };
    let extracted = fs::read(shell.path("out/program.exe")).unwrap();
    assert!(extracted == program && fs::metadata(shell.path("out/sparse")).unwrap().len() == 1 << 40);
    shell.ok("fork b.cim c.cim --delete many");
    assert!(shell.ok("regions c.cim").starts_with("version 2.0"));
    assert!(shell.ok("check c.cim --deep").contains("sound: 0 errors, 0 notes"));
    assert!(!shell.ok("tree c.cim").contains("many"));
}

#[test]
fn files_with_unknown_features_are_named_and_left_out() {
    let shell = Shell::new();
    let mut tree = Tree::new();
    tree.file(0, "eas", Data::Plain(b"ea".to_vec()));
    let odd = tree.file(0, "odd", Data::Plain(b"x".to_vec()));
    tree.nodes[odd].tail = vec![1];
    let mut files = Files::new();
    write(&mut files, "a.cim", 0x11, &tree, &Style::of_version(3), Inherited::default());
    lay(&shell, &files);
    let unknown = "a nonzero record tail is not known to this version";
    assert!(shell.ok("ls a.cim").contains(&format!("odd (unreadable: {unknown})")));
    assert!(shell.ok("stat a.cim odd").contains(&format!("unreadable: {unknown}")));
    let check = shell.ok("check a.cim");
    assert!(
        check.contains(&format!("/odd: {unknown}")) && check.contains("sound: 0 errors, 1 note"),
        "{check}"
    );
    let (code, text) = shell.fails("cat a.cim odd");
    assert!(code == 1 && text.contains(unknown), "{text}");
    assert_eq!(shell.ok("cat a.cim eas"), "ea");
    let output = shell.run("extract a.cim out");
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("/odd: {unknown}")));
    assert!(!shell.path("out/odd").exists() && shell.path("out/eas").exists());
}

#[test]
fn executables_are_expanded_where_that_is_asked_for() {
    let shell = Shell::new();
    fs::create_dir(shell.path("source")).unwrap();
    let program = executable(&[(0x400, 0x1600), (0x1A00, 0x200)], 0x123, 0x1D23);
    fs::write(shell.path("source/program.exe"), &program).unwrap();
    fs::write(shell.path("source/text"), "MZ").unwrap();
    shell.ok("create source plain.cim");
    shell.ok("create source expanded.cim --expand-pe --object-ids windows");
    shell.ok("create source base.cim --object-ids windows");
    shell.ok("fork base.cim fork.cim source --expand-pe");
    let says = |image: &str| shell.ok(&format!("stat {image} program.exe"));
    assert!(!says("plain.cim").contains("IMAGEHASH"));
    for image in ["expanded.cim", "fork.cim"] {
        assert!(says(image).contains("$KERNEL.PURGE.IMAGEHASH.SHA256, 32 bytes"), "{}", says(image));
        assert!(shell.ok(&format!("check --deep {image}")).contains("sound: 0 errors, 0 notes"));
        shell.ok(&format!("extract {image} out-{image}"));
        assert!(fs::read(shell.path(&format!("out-{image}/program.exe"))).unwrap() == program);
        // What is exported is the layer that went in.
        assert!(!shell.ok(&format!("dump {image}")).is_empty());
    }
    let exported = |image: &str| {
        let output = shell.command(&["layer", "export", image, "-"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert!(exported("plain.cim") == exported("expanded.cim"));
}
