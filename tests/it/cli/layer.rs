//! Single layers become layer sets and images.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use super::oci::{Layer, Oci};
use super::{Shell, is_left};
use crate::import::registry;
use crate::import::tars::Tar;
use crate::support::{built_library, tree};

#[test]
fn a_layer_becomes_an_image_over_its_parent() {
    let shell = Shell::new();
    let lower = Layer::gzip(&Tar::new().dir("d").file("d/a", "a").file("d/b", "bb").bytes());
    let upper = Layer::zstd(&Tar::new().whiteout("d/.wh.a").file("Files", "no system tells").bytes());
    fs::write(shell.path("lower"), &lower.blob).unwrap();
    fs::write(shell.path("upper"), &upper.blob).unwrap();
    let facts = &shell.json("layer import lower lower.cim")[0];
    let figures =
        ["files", "directories", "bytes", "os", "diff_id", "image", "format"].map(|key| &facts[key]);
    assert_eq!(
        figures.map(|value| value.to_string().replace('"', "")),
        ["2", "1", "3", "linux", &lower.diff_id, "lower.cim", "gzip"]
    );
    let stages = facts["stages"].as_object().unwrap();
    assert_eq!(stages.keys().collect::<Vec<_>>(), ["commit", "hash", "inflate", "read", "write"]);
    // The parent tells the system, where the first entry would tell another.
    let text = shell.ok("layer import --parent lower.cim upper upper.cim");
    assert!(text.starts_with("upper.cim: ") && text.contains(&upper.diff_id), "{text}");
    assert_eq!(shell.ok("ls upper.cim"), "d/\nFiles\n");
    assert_eq!(shell.ok("ls upper.cim d"), "b\n");
    assert_eq!(shell.ok("cat upper.cim d/b"), "bb");
    shell.ok("check --deep upper.cim");

    fs::create_dir(shell.path("other")).unwrap();
    let before = is_left(shell.root.path());
    for (words, code, says) in [
        ("layer import upper upper.cim", 1, "image upper.cim exists already"),
        ("layer import --parent none.cim upper x.cim", 4, "none.cim does not exist"),
        ("layer import --parent lower.cim upper other/x.cim", 1, "where its parent lies"),
        ("layer import none x.cim", 1, "cannot open none"),
        ("layer import --os windows upper x.cim", 1, "cannot import"),
        ("layer import lower.cim x.cim", 1, "neither gzip, zstd nor tar"),
        ("layer set lower none", 4, "directory none does not exist"),
    ] {
        let (got, text) = shell.fails(words);
        assert!(got == code && text.contains(says), "{words}: {got} {text}");
        assert_eq!(is_left(shell.root.path()), before, "{words}");
    }
}

#[test]
fn standard_input_is_a_layer_too() {
    let shell = Shell::new();
    let layer = Layer::gzip(&registry::base().bytes());
    let mut child = shell.command(&["layer", "import", "-", "w.cim"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&layer.blob).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(shell.ok("ls w.cim").lines().any(|name| name == "layout"));
    fs::write(shell.path("delta"), registry::delta("SAM", "x", "y").bytes()).unwrap();
    shell.ok("layer import --parent w.cim delta w2.cim");
    shell.ok("check --deep w2.cim");
}

#[test]
fn the_native_engine_writes_the_same_image() {
    let shell = Shell::new();
    fs::write(shell.path("base"), registry::base().file("Files/a", "a").bytes()).unwrap();
    fs::write(shell.path("upper"), registry::delta("SAM", "x", "y").whiteout("Files/.wh.a").bytes()).unwrap();
    let library = built_library();
    let native = format!("layer import --engine native --cimfs-library {}", library.display());
    let facts = &shell.json(&format!("{native} base base.cim"))[0];
    assert_eq!((&facts["image"], facts.get("set")), (&"base.cim".into(), None));
    assert!(facts["stored"].as_u64().unwrap() > 1000, "{facts}");
    let text = shell.ok(&format!("{native} --parent base.cim upper upper.cim"));
    assert!(text.starts_with("upper.cim: 1 file"), "{text}");
    shell.ok("check --deep upper.cim");
    fs::create_dir(shell.path("portable")).unwrap();
    shell.ok("layer import --engine portable base portable/base.cim");
    shell.ok("layer import --parent portable/base.cim upper portable/upper.cim");
    let listings = ["upper.cim", "portable/upper.cim"].map(|image| shell.ok(&format!("dump {image}")));
    let [ours, other] = listings.each_ref().map(|listing| listing.lines().skip(1).collect::<Vec<_>>());
    assert_eq!(ours, other);

    let before = is_left(shell.root.path());
    for (words, says) in [
        ("layer import --engine native base x.cim".to_owned(), "only Windows has the library"),
        ("layer import --engine native --cimfs-library none base x.cim".to_owned(), "cannot load none"),
        (format!("{native} --os linux base x.cim"), "names apart that differ in case only"),
        (format!("{native} base base.cim"), "CimCreateImage: it exists already"),
        (format!("{native} --parent none.cim upper x.cim"), "none.cim does not exist"),
        (format!("{native} --parent portable/base.cim upper x.cim"), "where its parent lies"),
        (format!("{native} upper x.cim"), "no registry hive"),
    ] {
        let (code, text) = shell.fails(&words);
        assert!(code != 0 && text.contains(says), "{words}: {text}");
        assert_eq!(is_left(shell.root.path()), before, "{words}");
    }
    // Nobody asks the library where it is not the default.
    shell.ok(&format!("layer import --cimfs-library {} base auto.cim", library.display()));
    assert_eq!(shell.ok("ls auto.cim Files"), "a\nWindows/\n");
}

#[test]
fn the_id_of_a_set_follows_from_the_layer() {
    let shell = Shell::new();
    let tar = Tar::new().file("a", "a").bytes();
    let (gzip, zstd) = (Layer::gzip(&tar), Layer::zstd(&tar));
    fs::write(shell.path("gzip"), &gzip.blob).unwrap();
    fs::write(shell.path("zstd"), &zstd.blob).unwrap();
    fs::create_dir(shell.path("out")).unwrap();
    let id = shell.ok("layer set gzip out");
    assert_eq!(id.trim().len(), 36);
    let before = is_left(&shell.path("out"));
    assert_eq!(shell.ok("layer set zstd out"), id);
    assert_eq!(is_left(&shell.path("out")), before);
    assert_ne!(shell.ok("layer set --os linux gzip out"), "");

    let mut oci = Oci::new(&shell.path("layout"));
    oci.list("", oci.image("linux", &[zstd]));
    let rows = shell.json("image convert oci:layout --to out");
    assert_eq!((&rows[0]["state"], rows[0]["set"].as_str()), (&"committed".into(), Some(id.trim())));
}

#[test]
fn an_export_leads_back() {
    let shell = Shell::new();
    tree::make(&shell.path("source"));
    // No tar has sockets, and no layer files that are named as whiteouts.
    fs::remove_file(shell.path("source/d/socket")).unwrap();
    fs::remove_file(shell.path("source/.wh.file")).unwrap();
    shell.ok("create source base.cim");
    fs::create_dir(shell.path("more")).unwrap();
    fs::write(shell.path("more/new"), "new").unwrap();
    shell.ok("fork base.cim top.cim more --delete d/e");
    let facts = &shell.json("layer export --parent base.cim top.cim change.tar")[0];
    assert_eq!((&facts["files"], &facts["whiteouts"]), (&1.into(), &1.into()));
    shell.ok("layer import --parent base.cim change.tar again.cim");
    assert_eq!(shell.ok("diff top.cim again.cim"), "");
    let imported = &shell.json("layer import --parent base.cim change.tar twice.cim")[0];
    assert_eq!(imported["diff_id"], facts["diff_id"]);

    let output = shell.command(&["layer", "export", "top.cim", "-"]).output().unwrap();
    assert!(output.status.success());
    fs::write(shell.path("whole.tar"), output.stdout).unwrap();
    shell.ok("layer import whole.tar whole.cim");
    assert_eq!(shell.ok("diff top.cim whole.cim"), "");
    let (code, text) = shell.fails("layer export top.cim whole.tar");
    assert!(code == 1 && text.contains("cannot make whole.tar"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_upper_directory_becomes_a_layer() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path("source/d")).unwrap();
    fs::write(shell.path("source/d/old"), "old").unwrap();
    shell.ok("create source base.cim");
    fs::create_dir_all(shell.path("upper/d")).unwrap();
    fs::write(shell.path("upper/d/new"), "new").unwrap();
    let facts = &shell.json("layer export --parent base.cim --upper upper change.tar")[0];
    assert_eq!((&facts["files"], &facts["whiteouts"]), (&1.into(), &0.into()));
    shell.ok("layer import --parent base.cim change.tar top.cim");
    assert_eq!(shell.ok("ls top.cim d"), "new\nold\n");
    let (code, _) = shell.fails("layer export --parent base.cim change.tar");
    assert_eq!(code, 2);
    let (code, text) = shell.fails("layer export --upper absent other.tar");
    assert!(code == 1 && text.contains("cannot export the upper directory"), "{text}");
}

#[test]
fn missing_hives_are_made_if_wanted() {
    let shell = Shell::new();
    fs::write(shell.path("app"), Tar::new().dir("Files").file("Files/app.exe", "app").bytes()).unwrap();
    let (code, text) = shell.fails("layer import app refused.cim");
    assert!(code != 0 && text.contains("config/SYSTEM\nhint: "), "{text}");
    shell.ok("layer import --create-hives app app.cim");
    assert!(shell.ok("check --deep app.cim").starts_with("sound"));
    assert_eq!(shell.ok("ls app.cim Hives").lines().count(), 5);
    fs::write(shell.path("delta"), registry::delta("SAM", "x", "y").bytes()).unwrap();
    shell.ok("layer import --parent app.cim delta over.cim");
    shell.ok("check --deep over.cim");
}
