//! A real registry, on a port of its own choice.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use cimsnap::layer::digest::Digest;
use serde_json::Value;

use super::server::{Reply, Request};
use super::{PASSWORD, USER};
use crate::cli::oci::{INDEX, Oci};

/// The password of [`USER`], hashed as `htpasswd -B` does.
const HASHED: &str = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

/// A registry. It ends with the last clone.
#[derive(Clone)]
pub(super) struct Registry(Arc<Running>);

struct Running {
    process: Child,
    host: String,
    root: Arc<tempfile::TempDir>,
}

impl Registry {
    pub(super) fn start() -> Self {
        Self::configured(|_| String::new())
    }

    /// Starts one that asks for a password.
    pub(super) fn private() -> Self {
        Self::configured(|root| {
            let path = root.join("htpasswd");
            fs::write(&path, format!("{USER}:{HASHED}\n")).unwrap();
            format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", path.display())
        })
    }

    /// Starts one that has the same images and encrypts. Its certificate is signed by that of `ca.pem` in a directory.
    pub(super) fn encrypted(&self, authority: &Path) -> Self {
        let script = "set -e
            key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
            openssl req -x509 $key -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
            openssl req $key -keyout key.pem -out request.pem -subj /CN=localhost
            echo subjectAltName=DNS:localhost > names
            openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile names";
        let made = Command::new("sh").args(["-c", script]).current_dir(authority).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let file = |name| authority.join(name).display().to_string();
        Self::sharing(self.0.root.clone(), |_| {
            format!("  tls: {{certificate: {}, key: {}}}\n", file("cert.pem"), file("key.pem"))
        })
    }

    fn configured(more: impl FnOnce(&Path) -> String) -> Self {
        Self::sharing(Arc::new(tempfile::tempdir().unwrap()), more)
    }

    fn sharing(root: Arc<tempfile::TempDir>, more: impl FnOnce(&Path) -> String) -> Self {
        let config = root.path().join("config.yaml");
        let text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: \"127.0.0.1:0\"\n{}",
            root.path().join("data").display(),
            more(root.path()),
        );
        fs::write(&config, text).unwrap();
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/bin/docker-registry");
        let mut process = Command::new(program)
            .arg("serve")
            .arg(&config)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}, from tests/setup/containerd.sh: {error}"));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let host = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ',']).next().unwrap().to_owned())
        });
        thread::spawn(move || lines.for_each(drop));
        Self(Arc::new(Running { process, host: host.unwrap(), root }))
    }

    pub(super) fn host(&self) -> &str {
        &self.0.host
    }

    /// Brings an image, or an index of such, from a layout into a repository.
    pub(super) fn push(
        &self,
        oci: &Oci,
        described: &Value,
        to: &str,
        tag: &str,
        login: Option<(&str, &str)>,
    ) {
        let bytes = fs::read(oci.path(&described["digest"])).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let media_type = described["mediaType"].as_str().unwrap();
        if media_type == INDEX {
            for child in document["manifests"].as_array().unwrap() {
                self.push(oci, child, to, child["digest"].as_str().unwrap(), login);
            }
        } else {
            let layers = document["layers"].as_array().unwrap().iter();
            // Layers that are elsewhere are not pushed.
            let own = layers.filter(|layer| layer.get("urls").is_none()).chain([&document["config"]]);
            own.for_each(|blob| self.upload(&fs::read(oci.path(&blob["digest"])).unwrap(), to, login));
        }
        self.put(&format!("manifests/{tag}"), to, &bytes, media_type, login);
    }

    fn upload(&self, bytes: &[u8], to: &str, login: Option<(&str, &str)>) {
        let url = format!("http://{}/v2/{to}/blobs/uploads/", self.host());
        let request = authorized(ureq::post(url).config().max_redirects(0).build(), login);
        let response = request.send_empty().unwrap();
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let separator = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{separator}digest={}", Digest::of(bytes));
        authorized(ureq::put(url), login).content_type("application/octet-stream").send(bytes).unwrap();
    }

    fn put(&self, path: &str, to: &str, bytes: &[u8], media_type: &str, login: Option<(&str, &str)>) {
        let request = ureq::put(format!("http://{}/v2/{to}/{path}", self.host()));
        authorized(request, login).content_type(media_type).send(bytes).unwrap();
    }

    /// Answers a request that came to somebody else.
    pub(super) fn answer(&self, request: &Request) -> Reply {
        let mut forwarded = ureq::get(format!("http://{}{}", self.host(), request.target));
        for name in ["accept", "range", "authorization"] {
            if let Some(value) = request.header(name) {
                forwarded = forwarded.header(name, value);
            }
        }
        let config = forwarded.config().http_status_as_error(false);
        let mut response = config.build().call().unwrap();
        let mut reply = Reply::new(
            response.status().as_u16(),
            &response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap(),
        );
        for name in ["content-type", "content-range", "www-authenticate"] {
            if let Some(value) = response.headers().get(name) {
                reply = reply.header(name, value.to_str().unwrap());
            }
        }
        reply
    }
}

fn authorized<B>(request: ureq::RequestBuilder<B>, login: Option<(&str, &str)>) -> ureq::RequestBuilder<B> {
    match login {
        Some((user, password)) => request.header("authorization", basic(user, password)),
        None => request,
    }
}

/// The header of a user and a password.
pub(super) fn basic(user: &str, password: &str) -> String {
    assert_eq!((user, password), (USER, PASSWORD));
    "Basic bWU6c2VjcmV0".to_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
