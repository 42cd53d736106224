//! Images of a real registry.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use super::registry::Registry;
use super::server::{Reply, Server};
use super::{Bed, is_converted, layers, pull};
use crate::cli::Shell;
use crate::cli::oci::{INDEX, Layer, Oci};
use crate::import::tars::Tar;

#[test]
fn a_pull_makes_what_convert_makes_of_the_same_layout() {
    let bed = Bed::new();
    let proxy = bed.before(|request, registry| registry.answer(request));
    let name = format!("{}/own/app:1", proxy.host());
    let (states, told) = pull(&bed.shell, &name);
    assert_eq!(states, ["made"; 3]);
    assert_eq!((&told["name"], &told["platform"]), (&json!(name), &json!("linux/amd64")));
    bed.is_converted("images");
    assert_eq!((proxy.count("/manifests/"), proxy.count("/blobs/")), (1, 4));
    // The second time it is only asked what the tag names.
    let (states, again) = pull(&bed.shell, &name);
    assert_eq!((states, again), (vec!["kept".to_owned(); 3], told));
    assert_eq!((proxy.count("/manifests/"), proxy.count("/blobs/")), (2, 4));
}

#[test]
fn an_image_is_chosen_by_platform_and_digest() {
    let (shell, registry) = (Shell::new(), Registry::start());
    let mut oci = Oci::new(&shell.path("layout"));
    let windows = [Layer::gzip(&Tar::new().dir("Files").file("Files/a", "a").dir("Hives").bytes())];
    let (linux, windows) = (oci.image("linux", &layers()), oci.image("windows", &windows));
    let index =
        oci.document(INDEX, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [linux, windows]}));
    oci.list("", index.clone());
    registry.push(&oci, &index, "two", "latest", None);
    let host = registry.host();
    let (_, told) = pull(&shell, &format!("{host}/two --platform linux/amd64 --to out"));
    assert_eq!(told["manifest"], linux["digest"]);
    is_converted(&shell, "oci:layout --platform linux/amd64", "out");
    let by_digest = format!("{host}/two@{}", index["digest"].as_str().unwrap());
    let (states, told) = pull(&shell, &format!("{by_digest} --platform linux/amd64 --to out"));
    assert_eq!((states, &told["name"]), (vec!["kept".to_owned(); 3], &json!(by_digest)));
    let (code, text) = shell.fails(&format!("pull {host}/two --platform linux/s390x --to out"));
    assert!(code == 4 && text.contains("not for linux/s390x, but linux/amd64, windows/amd64"), "{text}");
    let rows = shell.json("image ls out");
    assert_eq!(
        rows.iter().map(|row| &row["name"]).collect::<Vec<_>>(),
        [&json!(format!("{host}/two:latest")), &json!(by_digest)]
    );
}

#[test]
fn what_is_not_there_is_told() {
    let bed = Bed::new();
    let host = bed.registry.host().to_owned();
    let (code, text) = bed.shell.fails(&format!("pull {host}/own/app:2"));
    assert_eq!(code, 4);
    assert!(
        text.contains(&format!("cannot pull {host}/own/app:2: {host} has no own/app, manifests/2")),
        "{text}"
    );
    assert!(text.contains("says \"manifest unknown\"\nhint: check the name"), "{text}");
    let (code, text) = bed.shell.fails("pull 127.0.0.1:1/a --retries 0");
    assert!(code == 1 && text.contains("127.0.0.1:1 does not answer: Connection refused"), "{text}");
    let (code, text) = bed.shell.fails("pull Own/App");
    assert!(code == 2 && text.contains("names no image"), "{text}");
    assert!(!bed.shell.path("images").exists(), "nothing is made before the image is known");
}

#[test]
fn mirrors_are_asked_first() {
    let bed = Bed::new();
    let mirror = bed.before(|request, registry| registry.answer(request));
    let empty = Server::start(|_| Reply::new(404, b""));
    let broken = Server::start(|_| Reply::new(500, b""));
    let mirrors = [&broken, &empty, &mirror].map(|mirror| format!("--mirror {}", mirror.host())).join(" ");
    // The registry itself is not there: what is told shows that it was not needed.
    let (states, told) = pull(&bed.shell, &format!("127.0.0.1:1/own/app:1 {mirrors}"));
    assert_eq!((states, &told["name"]), (vec!["made".to_owned(); 3], &json!("127.0.0.1:1/own/app:1")));
    assert!(mirror.asked().iter().all(|request| request.target.ends_with("?ns=127.0.0.1:1")));
    assert!(empty.count("/blobs/") == 4 && broken.count("/blobs/") == 4);
    bed.is_converted("images");
    let (_, text) =
        bed.shell.fails(&format!("pull {} --mirror {} --platform a/b", bed.reference(), empty.host()));
    assert!(text.contains("not for a/b"), "{text}");
}

#[test]
fn every_mirror_that_was_asked_in_vain_is_named() {
    let bed = Bed::new();
    let empty = Server::start(|_| Reply::new(404, b""));
    let full = Server::start(|_| Reply::new(507, br#"{"errors":[{"message":"no room"}]}"#));
    let mirrors = format!("--mirror 127.0.0.1:1 --mirror {} --mirror {}", full.host(), empty.host());
    let (code, text) = bed.shell.fails(&format!("pull {}/own/none:1 {mirrors}", bed.registry.host()));
    for said in [
        "127.0.0.1:1 does not answer (".to_owned(),
        format!("; {} answers 507 when asked for own/none, manifests/1, and says \"no room\"", full.host()),
        format!("; {} has no own/none, manifests/1", empty.host()),
        format!(": {} has no own/none, manifests/1", bed.registry.host()),
        "hint: check the name and the tag".to_owned(),
    ] {
        assert!(text.contains(&said), "{said}\n{text}");
    }
    // What the registry itself says decides.
    assert_eq!(code, 4, "{text}");
}

#[test]
fn layers_that_are_elsewhere_are_taken_from_there() {
    let (shell, registry) = (Shell::new(), Registry::start());
    let oci = Oci::new(&shell.path("layout"));
    let layer = Layer::gzip(&Tar::new().file("a", "a").bytes());
    let blob = layer.blob.clone();
    let elsewhere = Server::start(move |_| Reply::new(200, &blob));
    let image = oci.image("linux", &[layer]);
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(oci.path(&image["digest"])).unwrap()).unwrap();
    manifest["layers"][0]["urls"] = json!([format!("http://{}/layer?signed", elsewhere.host())]);
    manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into();
    let described = oci.document(crate::cli::oci::MANIFEST, &manifest);
    registry.push(&oci, &described, "foreign", "1", None);
    let name = format!("{}/foreign:1", registry.host());
    // An image must not have this machine ask for what only it can reach.
    let (code, text) = shell.fails(&format!("pull {name}"));
    assert!(code == 4 && text.contains("has no foreign, blobs/sha256:"), "{text}");
    assert!(elsewhere.asked().is_empty());
    assert_eq!(pull(&shell, &format!("{name} --plain-http")).0, ["made"]);
    assert_eq!(elsewhere.count("/layer?signed"), 1);
}

#[test]
fn two_pulls_at_once_make_one_image() {
    let bed = Bed::new();
    let name = bed.reference();
    let start = || {
        let mut command = bed.shell.command(&["pull", &name, "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let outputs = [start(), start(), start()].map(|pull| pull.wait_with_output().unwrap());
    let mut made = 0;
    for output in outputs {
        assert!(output.status.success(), "{output:?}");
        made += String::from_utf8(output.stdout).unwrap().matches("\"state\":\"made\"").count();
    }
    assert_eq!(made, 3, "each layer is converted once");
    bed.is_converted("images");
    assert_eq!(bed.shell.json("image ls").len(), 1);
}

#[test]
fn certificates_are_those_that_the_system_trusts() {
    let bed = Bed::new();
    let encrypted = bed.registry.encrypted(&bed.shell.path(""));
    let mirror = format!("https://localhost:{}", encrypted.host().rsplit(':').next().unwrap());
    // Whether the mirror is trusted decides, since the registry itself is not there.
    let pull = |trusted: &str| {
        let words = ["pull", "127.0.0.1:1/own/app:1", "--retries", "0", "--mirror", &mirror];
        bed.shell.command(&words).env("SSL_CERT_FILE", bed.shell.path(trusted)).output().unwrap()
    };
    let refused = String::from_utf8(pull("cert.pem").stderr).unwrap();
    assert!(refused.contains("127.0.0.1:1 does not answer"), "{refused}");
    let output = pull("ca.pem");
    assert!(output.status.success(), "{output:?}");
    bed.is_converted("images");
}
