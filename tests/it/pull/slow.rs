//! Servers that send so slowly that a pull would never end.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::registry::Registry;
use super::server::{Reply, Request, Server};
use super::{Bed, pull};

/// Has a server answer as the registry does, and one path in another way.
fn with(bed: &Bed, path: &str, change: impl Fn(Reply, usize) -> Reply + Send + Sync + 'static) -> Server {
    let (path, count) = (path.to_owned(), AtomicUsize::new(0));
    bed.before(move |request: &Request, registry: &Registry| {
        let reply = registry.answer(request);
        match request.target.starts_with(&path) {
            true => change(reply, count.fetch_add(1, Ordering::Relaxed)),
            false => reply,
        }
    })
}

/// Where the rest of a layer was asked for.
fn ranges(server: &Server, path: &str) -> Vec<u64> {
    let asked = server.asked().into_iter().filter(|request| request.target.starts_with(path));
    let range = |request: &Request| {
        let range = request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?;
        range.parse::<u64>().ok()
    };
    asked.filter_map(|request| range(&request)).collect()
}

#[test]
fn a_layer_that_comes_too_slowly_is_fetched_from_the_registry() {
    let bed = Bed::new();
    let blob = bed.blob(1);
    let slow = with(&bed, &blob, |reply, _| reply.drip(500_000));
    let registry = with(&bed, &blob, |reply, _| reply);
    pull(&bed.shell, &format!("{}/own/app:1 --mirror {} --timeout 1", registry.host(), slow.host()));
    bed.is_converted("images");
    assert_eq!(slow.count(&blob), 1, "the mirror is not asked again");
    let ranges = ranges(&registry, &blob);
    assert!(matches!(ranges[..], [at] if at > 500_000), "{ranges:?}");
}

#[test]
fn a_layer_that_comes_too_slowly_is_resumed_where_there_is_no_mirror() {
    let bed = Bed::new();
    let blob = bed.blob(1);
    let server = with(&bed, &blob, |reply, asked| if asked < 2 { reply.drip(0) } else { reply });
    pull(&bed.shell, &format!("{}/own/app:1 --timeout 1", server.host()));
    bed.is_converted("images");
    let ranges = ranges(&server, &blob);
    assert!(matches!(ranges[..], [one, other] if one > 0 && other > one), "{ranges:?}");
}

#[test]
fn a_pull_that_is_too_slow_ends() {
    let bed = Bed::new();
    // Each answer brings some bytes, which must not count as progress for ever.
    let blob = bed.blob(1);
    let server = with(&bed, &blob, |reply, _| reply.drip(0));
    let (code, text) = bed.shell.fails(&format!("pull {}/own/app:1 --timeout 1 --retries 2", server.host()));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("{} does not answer fast enough", server.host())), "{text}");
    assert!(text.contains("it sends less than 1 KiB/s\nhint: try again later"), "{text}");
    assert_eq!(server.count(&blob), 3);
    let config = format!("/v2/own/app/blobs/{}", bed.manifest()["config"]["digest"].as_str().unwrap());
    for path in ["/v2/own/app/manifests/", &config] {
        let server = with(&bed, path, |reply, _| reply.drip(1));
        let (code, text) =
            bed.shell.fails(&format!("pull {}/own/app:1 --timeout 1 --retries 0 --to other", server.host()));
        assert!(code == 1 && text.contains("it sends less than 1 KiB/s"), "{path}: {text}");
    }
}

#[test]
fn headers_that_never_end_are_not_waited_for() {
    let bed = Bed::new();
    let server = with(&bed, "/v2/own/app/manifests/", |reply, _| reply.drip_header());
    let (code, text) = bed.shell.fails(&format!("pull {}/own/app:1 --timeout 1 --retries 0", server.host()));
    assert!(code == 1 && text.contains("it is silent for too long"), "{text}");
}

#[test]
fn what_comes_with_a_refusal_or_a_redirect_is_not_waited_for() {
    let bed = Bed::new();
    let long = vec![b' '; 4096];
    let says = long.clone();
    let refuses = bed.before(move |_, _| Reply::new(403, &says).drip(1));
    let (code, text) = bed.shell.fails(&format!("pull {}/own/app:1 --timeout 1", refuses.host()));
    assert!(code == 1 && text.contains("refuses own/app"), "{text}");
    let registry = bed.registry.host().to_owned();
    let sends_on = bed.before(move |request, _| {
        let location = format!("http://{registry}{}", request.target);
        Reply::new(307, &long).header("location", &location).drip(1)
    });
    pull(&bed.shell, &format!("{}/own/app:1 --timeout 1", sends_on.host()));
    bed.is_converted("images");
}

#[test]
fn tokens_that_come_too_slowly_are_not_waited_for() {
    let bed = Bed::new();
    let tokens = Server::start(|_| Reply::new(200, &[b' '; 4096]).drip(1));
    let realm = format!("Bearer realm=\"http://{}/token\",service=\"s\"", tokens.host());
    let server = bed.before(move |_, _| Reply::new(401, b"").header("www-authenticate", &realm));
    let (code, text) = bed.shell.fails(&format!("pull {}/own/app:1 --timeout 1 --retries 0", server.host()));
    assert!(code == 1 && text.contains("it sends less than 1 KiB/s"), "{text}");
    assert!(text.contains(tokens.host()), "{text}");
}
