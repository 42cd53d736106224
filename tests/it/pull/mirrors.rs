//! Mirrors that send other bytes than those that were asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Reply, Request, Server};
use super::{Bed, has_images, pull};

/// What a mirror does to the answer of a registry: changes it.
type Change = fn(Reply) -> Reply;

fn flip(mut reply: Reply) -> Reply {
    let middle = reply.body.len() / 2;
    if let Some(byte) = reply.body.get_mut(middle) {
        *byte ^= 1;
    }
    reply
}

fn garbage(mut reply: Reply) -> Reply {
    reply.body.fill(b'x');
    reply
}

fn longer(mut reply: Reply) -> Reply {
    reply.body.extend_from_slice(b"more");
    reply
}

fn shorter(mut reply: Reply) -> Reply {
    reply.body.truncate(reply.body.len() / 2);
    reply
}

fn empty(mut reply: Reply) -> Reply {
    reply.body.clear();
    reply
}

const CHANGES: [(&str, Change); 5] =
    [("flipped", flip), ("garbage", garbage), ("longer", longer), ("shorter", shorter), ("empty", empty)];

/// A server that answers with other bytes where a path has an end, and in whole where it is asked for a part.
fn lying(bed: &Bed, end: &str, change: Change) -> Server {
    let end = end.to_owned();
    bed.before(move |request, registry| {
        match request.target.split('?').next().is_some_and(|path| path.ends_with(&end)) {
            true => change(registry.answer(&request.without("range"))),
            false => registry.answer(request),
        }
    })
}

#[test]
fn a_layer_that_a_mirror_has_wrong_is_fetched_from_the_registry() {
    for layer in 0..3 {
        for (name, change) in CHANGES {
            let bed = Bed::new();
            let mirror = lying(&bed, &bed.blob(layer), change);
            let registry = bed.before(|request, registry| registry.answer(request));
            let words = format!("{}/own/app:1 --mirror {}", registry.host(), mirror.host());
            let (states, _) = pull(&bed.shell, &words);
            assert_eq!(states, ["made"; 3], "{name}");
            bed.is_converted("images");
            assert!(mirror.count(&bed.blob(layer)) >= 1, "{name}: the mirror is asked first");
            assert!(registry.count(&bed.blob(layer)) >= 1, "{name}");
        }
    }
}

#[test]
fn a_layer_that_no_server_has_right_is_corrupt() {
    for layer in 0..3 {
        for (name, change) in CHANGES {
            let bed = Bed::new();
            let (mirror, registry) =
                (lying(&bed, &bed.blob(layer), change), lying(&bed, &bed.blob(layer), flip));
            for words in [format!("--mirror {}", mirror.host()), String::new()] {
                let (code, text) =
                    bed.shell.fails(format!("pull {}/own/app:1 {words}", registry.host()).trim_end());
                assert_eq!(code, 5, "{name}: {text}");
                assert!(text.contains(&format!("{} gives a layer", registry.host())), "{name}: {text}");
                let named = text.contains(mirror.host());
                assert_eq!(named, !words.is_empty(), "{name}: {text}");
            }
            // Alone, it is as wrong.
            let (code, text) = bed.shell.fails(&format!("pull {}/own/app:1", mirror.host()));
            assert_eq!(code, 5, "{name}: {text}");
            assert!(text.contains(mirror.host()), "{name}: {text}");
        }
    }
}

#[test]
fn a_mirror_that_lies_counts_where_the_registry_has_nothing() {
    let bed = Bed::new();
    let mirror = lying(&bed, &bed.blob(0), garbage);
    let blob = bed.blob(0);
    let lacks = bed.before(move |request, registry| match request.target.starts_with(&blob) {
        true => Reply::new(404, b""),
        false => registry.answer(request),
    });
    let words = format!("pull {}/own/app:1 --mirror {}", lacks.host(), mirror.host());
    let (code, text) = bed.shell.fails(&words);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains(&format!("{} gives a layer with the digest sha256:", mirror.host())), "{text}");
    assert!(text.contains(&format!("{} has no own/app, blobs/sha256:", lacks.host())), "{text}");
}

#[test]
fn documents_that_a_mirror_has_wrong_are_fetched_from_the_registry() {
    let manifest = |bed: &Bed| bed.image["digest"].as_str().unwrap().to_owned();
    let config = |bed: &Bed| bed.manifest()["config"]["digest"].as_str().unwrap().to_owned();
    for (name, change) in CHANGES {
        for digest in [manifest, config] {
            let bed = Bed::new();
            let digest = digest(&bed);
            let mirror = lying(&bed, &digest, change);
            let image = format!("own/app@{}", manifest(&bed));
            let words = format!("{}/{image} --mirror {}", bed.registry.host(), mirror.host());
            let (states, _) = pull(&bed.shell, &words);
            assert_eq!(states, ["made"; 3], "{name}");
            bed.is_converted("images");
            assert_eq!(mirror.count(&digest), 1, "{name}");
            let (code, text) = bed.shell.fails(&format!("pull {}/{image} --to other", mirror.host()));
            assert_eq!(code, 5, "{name}: {text}");
            assert!(text.contains(&format!("{} gives a ", mirror.host())), "{name}: {text}");
            assert!(!has_images(&bed.shell.path("other")), "{name}");
        }
    }
}

#[test]
fn a_manifest_has_the_digest_that_is_stated_with_it() {
    let bed = Bed::new();
    let mirror = bed.before(|request, registry| {
        let reply = registry.answer(request);
        let stated = cimsnap::layer::digest::Digest::of(&reply.body).to_string();
        flip(reply).header("docker-content-digest", &stated)
    });
    let (states, _) = pull(&bed.shell, &format!("{} --mirror {}", bed.reference(), mirror.host()));
    assert_eq!(states, ["made"; 3]);
    bed.is_converted("images");
}

/// Has a mirror break off in the middle of a layer, and answer the request for the rest in its own way.
fn breaking(bed: &Bed, rest: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) -> Server {
    let (blob, count) = (bed.blob(1), AtomicUsize::new(0));
    bed.before(move |request, registry| {
        let reply = registry.answer(request);
        match (request.target.starts_with(&blob), count.load(Ordering::Relaxed)) {
            (false, _) => reply,
            (true, 0) => {
                count.fetch_add(1, Ordering::Relaxed);
                reply.cut(1_000_000)
            }
            (true, _) => rest(request, reply),
        }
    })
}

#[test]
fn bytes_that_are_wrong_after_a_break_are_fetched_again() {
    type Rest = fn(&Request, Reply) -> Reply;
    let rests: [(&str, Rest); 4] = [
        ("wrong bytes", |_, reply| flip(reply)),
        ("right bytes", |_, reply| reply),
        ("another range", |_, reply| Reply::new(206, &reply.body).header("content-range", "bytes 7-8/9")),
        ("no range", |_, reply| Reply::new(206, &reply.body)),
    ];
    for (name, rest) in rests {
        let bed = Bed::new();
        let mirror = breaking(&bed, rest);
        let words = format!("{} --mirror {}", bed.reference(), mirror.host());
        let (states, _) = pull(&bed.shell, &words);
        assert_eq!(states, ["made"; 3], "{name}");
        bed.is_converted("images");
    }
    // A mirror whose start is wrong, and whose rest comes from the registry.
    let bed = Bed::new();
    let blob = bed.blob(1);
    let mirror = bed.before(move |request, registry| match request.target.starts_with(&blob) {
        true => garbage(registry.answer(request)).cut(1_000_000),
        false => registry.answer(request),
    });
    pull(&bed.shell, &format!("{} --mirror {}", bed.reference(), mirror.host()));
    bed.is_converted("images");
}

#[test]
fn right_bytes_are_taken_whatever_length_is_claimed() {
    for claim in [usize::MAX >> 1, 4_000_000, 1_000_000] {
        let bed = Bed::new();
        let blob = bed.blob(1);
        let server = bed.before(move |request, registry| {
            let reply = registry.answer(request);
            match request.target == blob && request.header("range").is_none() {
                true => reply.claim(claim),
                false => reply,
            }
        });
        let (states, _) = pull(&bed.shell, &format!("{}/own/app:1 --timeout 2", server.host()));
        assert_eq!(states, ["made"; 3], "{claim}");
        bed.is_converted("images");
    }
}
