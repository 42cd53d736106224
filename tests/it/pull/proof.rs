//! Registries that want to know who asks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::registry::{Registry, basic};
use super::server::{Reply, Server};
use super::{Bed, PASSWORD, USER, pull};
use crate::cli::Shell;

const LOGIN: Option<(&str, &str)> = Some((USER, PASSWORD));

/// Base64 of user and password.
fn auth() -> Value {
    json!({"auth": basic(USER, PASSWORD).strip_prefix("Basic ").unwrap()})
}

fn private() -> Bed {
    Bed::with(Registry::private(), LOGIN)
}

fn log_in(shell: &Shell, config: &Value) {
    fs::write(shell.path("config.json"), config.to_string()).unwrap();
}

/// Pulls with a directory of programs that keep secrets, and returns the exit code and what was said.
fn with_helper(bed: &Bed, script: &str, words: &[&str]) -> (i32, String) {
    let path = bed.shell.path("docker-credential-test");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:{}", path.parent().map(Path::display).unwrap(), std::env::var("PATH").unwrap());
    let name = bed.reference();
    let output = bed.shell.command(&[&["pull", &name], words].concat()).env("PATH", search).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn passwords_come_from_the_configuration_of_docker() {
    let bed = private();
    let (host, name) = (bed.registry.host(), bed.reference());
    let (code, text) = bed.shell.fails(&format!("pull {name}"));
    assert!(
        code == 1 && text.contains(&format!("{host} refuses own/app to whoever is not logged in")),
        "{text}"
    );
    assert!(
        text.contains("hint: if there is such an image, it is not for everybody: `docker login HOST`"),
        "{text}"
    );
    log_in(&bed.shell, &json!({"auths": {host: {"username": USER, "password": "wrong"}}}));
    let (code, text) = bed.shell.fails(&format!("pull {name}"));
    assert!(code == 1 && text.contains("to the user whose credentials were found"), "{text}");
    log_in(&bed.shell, &json!({"auths": {format!("http://{host}/v2/"): auth()}}));
    assert_eq!(pull(&bed.shell, &name).0, ["made"; 3]);
    bed.is_converted("images");
    fs::write(bed.shell.path("config.json"), "{").unwrap();
    let (code, text) = bed.shell.fails(&format!("pull {name}"));
    assert!(code == 1 && text.contains("config.json cannot be understood"), "{text}");
}

#[test]
fn programs_that_keep_secrets_are_asked() {
    let bed = private();
    let host = bed.registry.host();
    let told = format!(r#"printf '{{"ServerURL":"x","Username":"{USER}","Secret":"{PASSWORD}"}}'"#);
    log_in(&bed.shell, &json!({"credsStore": "test"}));
    let unknown = "echo 'credentials not found in native keychain'; exit 1";
    let (code, text) = with_helper(&bed, unknown, &[]);
    assert!(code == 1 && text.contains("whoever is not logged in"), "{text}");
    let (code, text) = with_helper(&bed, "echo 'the keychain is locked'; exit 1", &[]);
    assert!(
        code == 1
            && text.contains(
                "docker-credential-test fails, exit status: 1, and says \"the keychain is locked\""
            ),
        "{text}"
    );
    let (code, text) = with_helper(&bed, "sleep 1000", &["--timeout", "1"]);
    assert!(code == 1 && text.contains("docker-credential-test has not answered within 1 seconds"), "{text}");
    let (_, text) = with_helper(&bed, "echo nonsense", &[]);
    assert!(text.contains("what docker-credential-test prints cannot be understood"), "{text}");
    // It is told which registry it is about, and comes before the file.
    log_in(
        &bed.shell,
        &json!({"credHelpers": {host: "test"}, "auths": {host: {"username": "x", "password": "x"}}}),
    );
    let (code, text) = with_helper(&bed, &format!("[ \"$1 $(cat)\" = 'get {host}' ] && {told}"), &[]);
    assert!(code == 0, "{text}");
    bed.is_converted("images");
    log_in(&bed.shell, &json!({"credHelpers": {host: "../test"}}));
    let (_, text) = bed.shell.fails(&format!("pull {} --to other", bed.reference()));
    assert!(text.contains("\"../test\" names no credential helper"), "{text}");
}

/// A registry that takes tokens alone, and whoever gives them to those who answer well.
fn with_tokens(bed: &Bed, gives: impl Fn(&super::server::Request) -> bool + Send + Sync + 'static) -> Server {
    let host: &'static OnceLock<String> = Box::leak(Box::default());
    let server = bed.before(move |request, registry| {
        if request.target.starts_with("/token") {
            return match gives(request) {
                true => Reply::new(200, br#"{"access_token":"T0ken"}"#),
                false => Reply::new(401, br#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}"#),
            };
        }
        if request.header("authorization") == Some("Bearer T0ken") {
            return registry.answer(&request.without("authorization"));
        }
        let realm = host.get().unwrap();
        let challenge = format!(
            r#"Bearer realm="http://{realm}/token",service="a test",scope="repository:own/app:pull""#
        );
        Reply::new(401, b"").header("www-authenticate", &challenge)
    });
    host.set(server.host().to_owned()).unwrap();
    server
}

#[test]
fn a_token_is_fetched_once_and_shown_each_time() {
    let bed = Bed::new();
    let server = with_tokens(&bed, |request| request.header("authorization").is_none());
    assert_eq!(pull(&bed.shell, &format!("{}/own/app:1", server.host())).0, ["made"; 3]);
    bed.is_converted("images");
    let tokens = server.asked().into_iter().filter(|request| request.target.starts_with("/token"));
    let tokens: Vec<_> = tokens.map(|request| request.target).collect();
    assert_eq!(tokens, ["/token?service=a%20test&scope=repository:own/app:pull"]);
}

#[test]
fn tokens_are_given_for_what_docker_login_has_left() {
    let bed = Bed::new();
    let by_password =
        with_tokens(&bed, |request| request.header("authorization") == Some(&basic(USER, PASSWORD)));
    let name = format!("{}/own/app:1", by_password.host());
    let (code, text) = bed.shell.fails(&format!("pull {name}"));
    assert!(code == 1 && text.contains("and says \"who are you\""), "{text}");
    log_in(&bed.shell, &json!({"auths": {by_password.host(): auth()}}));
    assert_eq!(pull(&bed.shell, &name).0, ["made"; 3]);
    let refreshed = with_tokens(&bed, |request| {
        request.method == "POST"
            && request.body.contains("grant_type=refresh_token")
            && request.body.contains("refresh_token=r+%26r")
    });
    log_in(&bed.shell, &json!({"auths": {refreshed.host(): {"identitytoken": "r &r"}}}));
    let output = bed.shell.run(&format!("pull {}/own/app:1", refreshed.host()));
    let asked = refreshed.asked();
    assert!(output.status.success(), "{output:?} {asked:?}");
    let ready = with_tokens(&bed, |_| false);
    log_in(&bed.shell, &json!({"auths": {ready.host(): {"registrytoken": "T0ken"}}}));
    pull(&bed.shell, &format!("{}/own/app:1", ready.host()));
}

#[test]
fn nobody_else_is_shown_what_proves_who_asks() {
    let bed = private();
    let stored = bed.before(|request, registry| {
        // The place of blobs knows them by addresses that need no proof.
        let mut reply = registry.answer(&request.with("authorization", &basic(USER, PASSWORD)));
        if request.header("authorization").is_some() {
            reply = Reply::new(400, b"");
        }
        reply
    });
    let place = stored.host().to_owned();
    let sends_on = bed.before(move |request, registry| match request.target.contains("/blobs/") {
        true => Reply::new(307, b"").header("location", &format!("http://{place}{}", request.target)),
        false => registry.answer(request),
    });
    log_in(&bed.shell, &json!({"auths": {sends_on.host(): auth()}}));
    let name = format!("{}/own/app:1", sends_on.host());
    assert_eq!(pull(&bed.shell, &name).0, ["made"; 3]);
    assert!(
        stored.count("/blobs/") == 4
            && stored.asked().iter().all(|request| request.header("authorization").is_none())
    );
    // Nor does it get one by asking.
    let curious = Server::start(|_| Reply::new(401, b"").header("www-authenticate", "Basic realm=\"x\""));
    let place = curious.host().to_owned();
    let sends_on = bed.before(move |request, registry| match request.target.contains("/blobs/") {
        true => Reply::new(307, b"").header("location", &format!("http://{place}{}", request.target)),
        false => registry.answer(request),
    });
    log_in(&bed.shell, &json!({"auths": {sends_on.host(): auth(), curious.host(): auth()}}));
    let (_, text) = bed.shell.fails(&format!("pull {}/own/app:1 --to other", sends_on.host()));
    assert!(text.contains(&format!("{} answers 401", curious.host())), "{text}");
    assert!(curious.asked().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn proofs_that_are_not_known_are_told() {
    let bed = Bed::new();
    for (challenge, says) in [
        ("Negotiate", "wants a proof that is not known: \"Negotiate\""),
        (
            "Bearer realm=\"file:///etc/passwd\"",
            "wants tokens to be taken from \"file:///etc/passwd\", which is not safe",
        ),
        ("Bearer service=\"x\"", "wants tokens to be taken from \"\""),
    ] {
        let server = bed.before(move |_, _| Reply::new(401, b"").header("www-authenticate", challenge));
        let (code, text) = bed.shell.fails(&format!("pull {}/a", server.host()));
        assert!(code == 1 && text.contains(says), "{text}");
    }
}
