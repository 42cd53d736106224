//! What the reading commands print.

use super::{Shell, sample};

#[test]
fn listings() {
    let shell = Shell::new();
    shell.image("a.cim", sample);
    assert_eq!(shell.ok("ls a.cim"), "Files/\n");
    assert_eq!(shell.ok("ls a.cim files/README.TXT"), "README.TXT\n");
    insta::assert_snapshot!(shell.ok("ls -l a.cim /Files"), @r#"
    --h-a--              6 2001-02-03T04:05:06.1234567Z again.txt
    d------              0 2001-02-03T04:05:06.1234567Z empty/
    --h-a--              6 2001-02-03T04:05:06.1234567Z readme.txt
    "#);
    insta::assert_snapshot!(shell.ok("tree a.cim"), @r#"
    /
    └── Files/
        ├── again.txt
        ├── empty/
        └── readme.txt

    2 directories, 2 files
    "#);
    insta::assert_snapshot!(shell.ok("tree -d 1 a.cim"), @r#"
    /
    └── Files/

    1 directory, 0 files
    "#);
    insta::assert_snapshot!(shell.ok("stat a.cim Files/readme.txt"), @r#"
          path: /Files/readme.txt
       file id: 4, 2 names
    attributes: 0x22 (hidden, archive)
          size: 6 (6 B)
       created: 2001-02-03T04:05:06.1234567Z
       written: 2001-02-03T04:05:06.1234567Z
       changed: 2001-02-03T04:05:06.1234567Z
      accessed: 2001-02-03T04:05:06.1234567Z
          data: at region 0 offset 0x28
        stream: Zone, 4 bytes
    "#);
    insta::assert_snapshot!(shell.ok("dump a.cim"), @r#"
    "/" dir attributes=0x10 created=2001-02-03T04:05:06.1234567Z written=2001-02-03T04:05:06.1234567Z changed=2001-02-03T04:05:06.1234567Z accessed=2001-02-03T04:05:06.1234567Z size=0
    "/Files" dir attributes=0x10 created=2001-02-03T04:05:06.1234567Z written=2001-02-03T04:05:06.1234567Z changed=2001-02-03T04:05:06.1234567Z accessed=2001-02-03T04:05:06.1234567Z size=0
    "/Files/again.txt" file attributes=0x22 created=2001-02-03T04:05:06.1234567Z written=2001-02-03T04:05:06.1234567Z changed=2001-02-03T04:05:06.1234567Z accessed=2001-02-03T04:05:06.1234567Z size=6 data=8e4c7c1b99dbfd50e7a95185 stream="Zone":4:53e0d28fad5de20614d4dc0c links=2
    "/Files/empty" dir attributes=0x10 created=2001-02-03T04:05:06.1234567Z written=2001-02-03T04:05:06.1234567Z changed=2001-02-03T04:05:06.1234567Z accessed=2001-02-03T04:05:06.1234567Z size=0
    "/Files/readme.txt" file attributes=0x22 created=2001-02-03T04:05:06.1234567Z written=2001-02-03T04:05:06.1234567Z changed=2001-02-03T04:05:06.1234567Z accessed=2001-02-03T04:05:06.1234567Z size=6 data=8e4c7c1b99dbfd50e7a95185 stream="Zone":4:53e0d28fad5de20614d4dc0c links=2 link="/Files/again.txt"
    "#);
    assert_eq!(shell.ok("dump a.cim --no-data --no-times").lines().count(), 5);
    assert_eq!(shell.ok("cat a.cim Files\\readme.txt"), "hello\n");
    assert_eq!(shell.ok("cat a.cim Files/again.txt --stream zone"), "side");
    insta::assert_snapshot!(shell.ok("check --deep a.cim"), @r#"sound: 0 errors, 0 notes; 4 files and directories, 4 names, 128 KiB compared with their digests"#);
}

#[test]
fn everything_that_can_be_read_can_be_read_by_machine() {
    let shell = Shell::new();
    shell.image("a.cim", sample);
    insta::assert_snapshot!(shell.json("ls a.cim Files")[2], @r#"{"attributes":34,"directory":false,"name":"readme.txt","size":6,"written":"2001-02-03T04:05:06.1234567Z"}"#);
    insta::assert_snapshot!(shell.json("tree a.cim")[1], @r#"{"directory":false,"path":"/Files/again.txt","size":6}"#);
    insta::assert_snapshot!(shell.json("stat a.cim Files/readme.txt")[0], @r#"{"accessed":"2001-02-03T04:05:06.1234567Z","attributes":34,"changed":"2001-02-03T04:05:06.1234567Z","created":"2001-02-03T04:05:06.1234567Z","data":"region 0 offset 0x28","id":4,"links":2,"path":"/Files/readme.txt","size":6,"streams":[{"name":"Zone","size":4}],"written":"2001-02-03T04:05:06.1234567Z"}"#);
    insta::assert_snapshot!(shell.json("dump a.cim")[3], @r#"{"accessed":"2001-02-03T04:05:06.1234567Z","attributes":16,"changed":"2001-02-03T04:05:06.1234567Z","created":"2001-02-03T04:05:06.1234567Z","kind":"directory","path":"/Files/empty","size":0,"written":"2001-02-03T04:05:06.1234567Z"}"#);
    insta::assert_snapshot!(shell.json("check --deep a.cim")[0], @r#"{"errors":0,"experimental":false,"files":4,"findings":[],"hashed":131082,"names":4,"notes":0,"objects":3,"sound":true,"version":"2.0"}"#);
    let regions = &shell.json("regions a.cim")[0];
    assert_eq!((&regions["version"], &regions["regions"][0]["kind"]), (&"2.0".into(), &"small data".into()));
    std::fs::create_dir(shell.path("empty")).unwrap();
    let made = &shell.json("create empty b.cim")[0];
    assert_eq!((&made["image"], &made["files"], &made["bytes"]), (&"b.cim".into(), &0.into(), &0.into()));
    assert!(made["seconds"].as_f64().is_some());
    assert_eq!(shell.json("extract b.cim out")[0]["left_out"], 0);
}

#[test]
fn a_quiet_program_says_nothing() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path("empty")).unwrap();
    assert_eq!(shell.ok("create -q empty a.cim"), "");
    assert!(shell.ok("create empty b.cim").starts_with("b.cim: 0 files, 0 directories, 0 B in "));
}
