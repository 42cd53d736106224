//! Layouts that are broken, or mean harm.

use std::fs;

use serde_json::{Value, json};

use super::Shell;
use super::oci::{INDEX, Layer, MANIFEST, Oci};
use crate::import::tars::Tar;

fn layers() -> [Layer; 1] {
    [Layer::gzip(&Tar::new().file("a", "a").bytes())]
}

/// Lists one descriptor, and returns what comes of converting it.
fn refused(describe: impl FnOnce(&Oci) -> Value) -> (i32, String) {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let descriptor = describe(&oci);
    oci.list("", descriptor);
    let failure = shell.fails("image convert oci:layout --to out");
    assert!(!shell.path("out").exists(), "nothing is made before the image is known");
    failure
}

fn manifest(oci: &Oci, change: impl FnOnce(&mut Value)) -> Value {
    let image = oci.image("linux", &layers());
    let mut document: Value = serde_json::from_slice(&fs::read(oci.path(&image["digest"])).unwrap()).unwrap();
    change(&mut document);
    oci.document(MANIFEST, &document)
}

#[test]
fn descriptors_name_blobs_and_nothing_else() {
    let digits = "0".repeat(64);
    for (digest, says) in [
        ("sha256:../../../../etc/passwd".to_owned(), "index.json cannot be understood"),
        (format!("sha256:../{}", &digits[3..]), "index.json cannot be understood"),
        (format!("sha256:{}", "A".repeat(64)), "index.json cannot be understood"),
        (format!("sha512:{}", digits.repeat(2)), "index.json has a digest that names nothing"),
        (String::new(), "index.json cannot be understood"),
    ] {
        let (code, text) = refused(|_| json!({"mediaType": INDEX, "digest": digest, "size": 1}));
        assert!(code == 5 && text.contains(says), "{digest}: {text}");
    }
    let (code, text) =
        refused(|_| json!({"mediaType": INDEX, "digest": format!("sha256:{digits}"), "size": 1}));
    assert!(code == 4 && text.contains(&format!("the layout has no index sha256:{digits}")), "{text}");
}

#[test]
fn documents_are_what_their_descriptors_say() {
    let described = |key: &'static str, value: Value| {
        refused(move |oci| {
            let mut image = oci.image("linux", &layers());
            image[key] = value;
            image
        })
    };
    let (code, text) = described("size", json!(5));
    assert!(code == 5 && text.contains("bytes, not 5"), "{text}");
    let (code, text) = described("size", json!(5 << 20));
    assert!(code == 1 && text.contains("has 5242880 bytes, and may have 4194304"), "{text}");
    let (code, text) = refused(|oci| {
        let image = oci.image("linux", &layers());
        let path = oci.path(&image["digest"]);
        let text = fs::read_to_string(&path).unwrap().replace("\"schemaVersion\":2", "\"schemaVersion\":3");
        fs::write(path, text).unwrap();
        image
    });
    assert!(code == 5 && text.contains("has the digest sha256:"), "{text}");
    let (code, text) = refused(|oci| oci.blob(MANIFEST, b"{}"));
    assert!(code == 5 && text.contains("cannot be understood: missing field"), "{text}");
    let (_, text) = refused(|oci| manifest(oci, |document| document["mediaType"] = INDEX.into()));
    assert!(text.contains("which is not that of a manifest"), "{text}");
    let (_, text) = refused(|oci| {
        manifest(oci, |document| document["layers"][0]["mediaType"] = "application/x-elf".into())
    });
    assert!(text.contains("\"application/x-elf\" is not the media type of a layer"), "{text}");
    let (code, text) = refused(|oci| manifest(oci, |document| document["layers"] = json!([])));
    assert!(code == 5 && text.contains("0 layers, and its configuration diff ids of 1"), "{text}");
    let (_, text) = refused(|oci| oci.image("linux", &[]));
    assert!(text.contains("the image has no layers"), "{text}");
    let (_, text) = refused(|oci| oci.image("plan9", &layers()));
    assert!(text.contains("\"plan9\", which is neither windows nor linux"), "{text}");
    let (_, text) = refused(|oci| {
        let image = oci.image("linux", &layers());
        let path = oci.path(&image["digest"]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        image
    });
    assert!(text.contains("is no file"), "{text}");
}

#[test]
fn indexes_end() {
    let wrapped = |times: usize| {
        move |oci: &Oci| {
            let mut inner = oci.image("linux", &layers());
            for _ in 0..times {
                // Twice each, so that walking all ways would take 2^n steps.
                inner = oci.document(INDEX, &json!({"schemaVersion": 2, "manifests": [inner, inner]}));
            }
            inner
        }
    };
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    oci.list("", wrapped(8)(&oci));
    shell.ok("image convert oci:layout --to out");
    let (_, text) = refused(wrapped(9));
    assert!(text.contains("is an index within 8 others"), "{text}");
}

#[test]
fn what_is_no_layout_is_told() {
    let shell = Shell::new();
    fs::create_dir(shell.path("empty")).unwrap();
    Oci::new(&shell.path("bare"));
    let mut oci = Oci::new(&shell.path("layout"));
    oci.list("1", oci.image("linux", &layers()));
    fs::create_dir(shell.path("future")).unwrap();
    fs::write(shell.path("future/oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    for (source, code, says) in [
        ("oci:empty", 4, "empty is no OCI layout: it has no file oci-layout\nhint: "),
        ("oci:none", 4, "none is no OCI layout"),
        ("oci:bare", 1, "cannot read bare/index.json"),
        ("oci:future", 1, "version \"2.0.0\""),
        ("oci:layout:2", 4, "the layout has no image \"2\", but 1"),
        ("layout", 2, "want oci:"),
        ("oci:layout --platform linux/", 2, "is no platform"),
    ] {
        let (got, text) = shell.fails(&format!("image convert {source} --to out"));
        assert!(got == code && text.contains(says), "{source}: {got} {text}");
    }
}
