//! Names, tags and platforms that a terminal would act on.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::json;
use tar::EntryType;

use super::Shell;
use super::oci::{Layer, MANIFEST, Oci};
use crate::import::tars::Tar;
use crate::support::printed::{HOSTILE, SHOWN, printable};

/// A layer whose names are hostile, as are its links and the names of its extended attributes.
fn layer() -> Vec<u8> {
    let name = HOSTILE.as_bytes();
    let xattr = |prefix: &str| format!("SCHILY.xattr.{prefix}.{HOSTILE}").into_bytes();
    Tar::new()
        .dir("d")
        .records(&[(&xattr("user"), b"value"), (&xattr("system"), b"value")])
        .raw(EntryType::Regular, &[b"d/", name].concat(), b"", b"data", |_| {})
        .raw(EntryType::Symlink, &[b"d/link ", name].concat(), name, b"", |_| {})
        .raw(EntryType::Directory, &[b"dir \x9b\xff", name].concat(), b"", b"", |_| {})
        .bytes()
}

fn run(shell: &Shell, words: &[&str]) -> String {
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    let what = format!("{words:?}");
    printable(&what, &shell.command(&words).output().unwrap())
}

#[test]
fn names_in_images_are_printed_as_escapes() {
    let shell = Shell::new();
    fs::write(shell.path("layer.tar"), layer()).unwrap();
    fs::write(shell.path("other.tar"), Tar::new().dir("d").bytes()).unwrap();
    let warned = run(&shell, &["layer", "import", "layer.tar", "a.cim"]);
    assert!(warned.contains("warning: ") && warned.contains("[31m"), "{warned}");
    run(&shell, &["layer", "import", "other.tar", "b.cim"]);
    run(&shell, &["layer", "set", "layer.tar", "."]);
    for words in [
        "cim ls a.cim d",
        "cim ls -l a.cim d",
        "cim tree a.cim",
        "cim dump a.cim",
        "cim diff a.cim b.cim",
        "cim diff b.cim a.cim",
        "cim check --deep a.cim",
        "cim regions a.cim",
        "cim stat a.cim d",
        "cim extract a.cim out",
        "layer export a.cim out.tar",
        "cim mounts",
    ] {
        let text = run(&shell, &words.split(' ').collect::<Vec<_>>());
        let names = ["ls", "tree", "dump", "diff"].iter().any(|verb| words.contains(&format!(" {verb} ")));
        assert!(!names || text.contains("\\u{202e}"), "{words}: {text}");
    }
    let file = format!("d/{HOSTILE}");
    let stat = run(&shell, &["cim", "stat", "a.cim", &file]);
    assert!(
        stat.lines().any(|line| line.contains("ea: ") && line.to_lowercase().contains("\\u{202e}")),
        "{stat}"
    );
    for words in [
        ["cim", "ls", "a.cim", &file],
        ["cim", "cat", "a.cim", &format!("{file} missing")],
        ["cim", "ls", "a.cim", &format!("{file}/below")],
        ["cim", "cat", "a.cim", &format!("dir {HOSTILE}")],
    ] {
        run(&shell, &words);
    }
    // JSON has names as it had them before, and is JSON.
    let told = shell.json("ls a.cim d");
    assert!(told.iter().any(|entry| entry["name"].as_str().unwrap().contains('\u{202e}')), "{told:?}");
}

#[test]
fn files_and_arguments_are_printed_as_escapes() {
    let shell = Shell::new();
    let name = HOSTILE.replace('/', "-");
    let path = shell.path(&name);
    fs::create_dir(&path).unwrap();
    fs::write(path.join(OsStr::from_bytes(b"\x9b\xe2\x80\xff")), "").unwrap();
    fs::write(shell.path("not a layer"), "not a layer").unwrap();
    let missing = format!("missing {name}");
    let broken = format!("{name}/broken.tar");
    fs::write(
        shell.path(&broken),
        Tar::new().raw(EntryType::Link, HOSTILE.as_bytes(), b"none", b"", |_| {}).bytes(),
    )
    .unwrap();
    for words in [
        &["cim", "create", &name, "a.cim"][..],
        &["cim", "create", &missing, "b.cim"],
        &["cim", "ls", &missing],
        &["cim", "mount", "a.cim", &missing],
        &["cim", "umount", &missing],
        &["layer", "import", &broken, "c.cim"],
        &["layer", "import", &missing, "c.cim"],
        &["layer", "import", "not a layer", &format!("{name}.cim")],
        &["layer", "set", "not a layer", &missing],
        &["layer", "export", &missing, "x.tar"],
        &["image", "ls", &name],
        &["image", "prune", &missing],
        &["image", "convert", &format!("oci:{missing}"), "--to", "x"],
        &["pull", &missing],
        &["pull", &format!("localhost:1/a:{name}")],
        &["pull", "localhost:1/a", "--platform", &name],
        &["pull", "localhost:1/a", "--mirror", &name, "--retries", "0"],
        &[&name],
        &["cim", &name],
        &["cim", "ls", "--no-such", &name],
        &["completions", &name],
        &["config", "check", &missing],
        &["config", "import", &missing, &name],
        &["config", "containerd", "--dump", &missing],
        &["doctor", "--containerd-config", &missing],
        &["cim", "fork", "a.cim", "d.cim", "--delete", &name],
        &["bench", &missing],
    ] {
        run(&shell, words);
    }
}

#[test]
fn what_an_image_says_of_itself_is_printed_as_escapes() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("tags"));
    let layers = [Layer::gzip(&Tar::new().dir("d").bytes())];
    oci.list(&format!("one {HOSTILE}"), oci.image("linux", &layers));
    oci.list(&format!("two {HOSTILE}"), oci.image("windows", &layers));
    let text = run(&shell, &["image", "convert", "oci:tags", "--to", "x"]);
    assert!(text.contains(&format!("one {SHOWN}")), "{text}");
    let text = run(&shell, &["image", "convert", &format!("oci:tags:{HOSTILE}"), "--to", "x"]);
    assert!(text.contains(&format!("two {SHOWN}")), "{text}");

    let mut oci = Oci::new(&shell.path("platform"));
    let mut image = oci.image("linux", &layers);
    image["platform"] = json!({"os": "linux", "architecture": HOSTILE, "os.version": HOSTILE});
    oci.list("", image);
    let text = run(&shell, &["pull", "oci:platform", "--to", "x", "--platform", "linux/amd64"]);
    assert!(text.contains(SHOWN), "{text}");

    // A digest, a media type, a system and a type of root, each of which an error quotes.
    for change in ["digest", "mediaType", "os", "rootfs", "diff_id", "garbage"] {
        let mut oci = Oci::new(&shell.path(change));
        let config = json!({
            "os": if change == "os" { HOSTILE } else { "linux" }, "architecture": "amd64",
            "rootfs": {
                "type": if change == "rootfs" { HOSTILE } else { "layers" },
                "diff_ids": [if change == "diff_id" { HOSTILE } else { layers[0].diff_id.as_str() }],
            },
        });
        let mut layer = oci.blob(layers[0].media_type, &layers[0].blob);
        if ["digest", "mediaType"].contains(&change) {
            layer[change] = json!(HOSTILE);
        }
        let config = oci.document("application/vnd.oci.image.config.v1+json", &config);
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
        let manifest = match change {
            "garbage" => oci.blob(MANIFEST, format!("{{\"schemaVersion\": \"{HOSTILE}\"}}").as_bytes()),
            _ => oci.document(MANIFEST, &manifest),
        };
        oci.list("", manifest);
        let text = run(&shell, &["pull", &format!("oci:{change}"), "--to", "y"]);
        assert!(text.starts_with("error: "), "{change}: {text}");
    }
}

#[test]
fn platforms_of_pulled_images_are_printed_as_escapes() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let layer = Layer::gzip(&Tar::new().dir("d").bytes());
    let config = json!({
        "os": "linux", "architecture": HOSTILE, "os.version": HOSTILE, "variant": HOSTILE,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    });
    let config = oci.document("application/vnd.oci.image.config.v1+json", &config);
    let layers = [oci.blob(layer.media_type, &layer.blob)];
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
    oci.list("", oci.document(MANIFEST, &manifest));
    let text = run(&shell, &["pull", "oci:layout", "--to", "images", "--name", "own"]);
    assert!(text.contains(&format!("linux({SHOWN})/{SHOWN}/{SHOWN}")), "{text}");
    let text = run(&shell, &["image", "ls", "images"]);
    assert!(text.contains(&format!("linux({SHOWN})/{SHOWN}/{SHOWN}")), "{text}");
    let told = shell.json("image ls images");
    assert_eq!(told[0]["platform"], json!(format!("linux({HOSTILE})/{HOSTILE}/{HOSTILE}")));
}
