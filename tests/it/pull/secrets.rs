//! Addresses with signatures are printed without them.

use serde_json::json;

use super::registry::Registry;
use super::server::{Reply, Request, Server};
use super::{Bed, layers};
use crate::cli::Shell;
use crate::cli::oci::{MANIFEST, Oci};

/// What stands in the query, the fragment or the name of a user, and nowhere else.
const SECRET: &str = "S3cret";

fn assert_hidden(shell: &Shell, words: &str, says: &[&str]) {
    let (_, text) = shell.fails(words);
    assert!(!text.contains(SECRET), "{text}");
    for says in says {
        assert!(text.contains(says), "{says}: {text}");
    }
}

#[test]
fn redirects_are_told_without_their_signature() {
    let storages: [fn(&Request) -> Reply; 6] = [
        // One that refuses, and quotes the address.
        |_| {
            let text =
                format!("https://me:{SECRET}@a.b/c?X-Amz-Signature={SECRET} and /c?sig={SECRET} expired");
            Reply::new(403, json!({"errors": [{"message": text}]}).to_string().as_bytes())
        },
        |_| Reply::new(404, b""),
        |_| Reply::new(206, b"x").header("content-range", "bytes 5-6/7"),
        |_| Reply::new(200, b"x").cut(0),
        |_| Reply::new(200, b"short"),
        |request| Reply::new(307, b"").header("location", &request.target),
    ];
    for storage in storages {
        let bed = Bed::new();
        let storage = Server::start(storage);
        let place = storage.host().to_owned();
        let sends_on = bed.before(move |request, registry| {
            let location = format!("http://u:{SECRET}@{place}/data?X-Amz-Signature={SECRET}#{SECRET}");
            match request.target.contains("/blobs/") {
                true => Reply::new(307, b"").header("location", &location),
                false => registry.answer(request),
            }
        });
        let words = format!("pull {}/own/app:1 --retries 0", sends_on.host());
        assert_hidden(&bed.shell, &words, &["error: cannot pull"]);
        assert!(storage.count(SECRET) > 0, "the signature reaches the storage");
    }
    // Places that cannot be asked.
    for location in ["http://127.0.0.1:1/x", "http://[bad/x", "ftp://a/x", "http://no-such-host.invalid/x"] {
        let bed = Bed::new();
        let location = format!("{location}?sig={SECRET}");
        let sends_on = bed.before(move |request, registry| match request.target.contains("/blobs/") {
            true => Reply::new(307, b"").header("location", &location),
            false => registry.answer(request),
        });
        assert_hidden(&bed.shell, &format!("pull {}/own/app:1 --retries 0", sends_on.host()), &["error: "]);
    }
}

#[test]
fn addresses_of_layers_are_told_without_their_signature() {
    let (shell, registry) = (Shell::new(), Registry::start());
    let storages: [fn(&Request) -> Reply; 4] = [
        |_| Reply::new(500, b""),
        |_| Reply::new(206, b"x"),
        |_| Reply::new(200, b"x"),
        |_| Reply::new(200, b"xxx").cut(1),
    ];
    for (number, storage) in storages.into_iter().enumerate() {
        let storage = Server::start(storage);
        let oci = Oci::new(&shell.path(&format!("layout-{number}")));
        let image = oci.image("linux", &layers());
        let bytes = std::fs::read(oci.path(&image["digest"])).unwrap();
        let mut manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let url = format!("http://{}/layer?sig={SECRET}", storage.host());
        manifest["layers"][0]["urls"] = json!([url]);
        manifest["layers"][0]["mediaType"] =
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into();
        let repository = format!("elsewhere-{number}");
        registry.push(&oci, &oci.document(MANIFEST, &manifest), &repository, "1", None);
        let words = format!("pull {}/{repository}:1 --plain-http --retries 0", registry.host());
        assert_hidden(&shell, &words, &[storage.host()]);
    }
}

#[test]
fn realms_and_mirrors_are_told_without_their_secrets() {
    let bed = Bed::new();
    for challenge in [
        format!("Bearer realm=\"ftp://me:{SECRET}@a.b/token?sig={SECRET}\""),
        format!("Bearer realm=\"http://127.0.0.1:1/token?sig={SECRET}\""),
        format!("Strange realm=\"https://a.b/?sig={SECRET}\""),
    ] {
        let server = bed.before(move |_, _| Reply::new(401, b"").header("www-authenticate", &challenge));
        assert_hidden(&bed.shell, &format!("pull {}/a --retries 0", server.host()), &["error: "]);
    }
    let words = format!(
        "pull {}/own/none:1 --mirror http://me:{SECRET}@127.0.0.1:1 --retries 0",
        bed.registry.host()
    );
    assert_hidden(&bed.shell, &words, &["127.0.0.1:1 does not answer"]);
}
