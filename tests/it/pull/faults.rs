//! Registries that break off, fail, lie and fall silent.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::Reply;
use super::{Bed, has_images, pull};

#[test]
fn the_rest_is_asked_for_where_a_connection_breaks() {
    let bed = Bed::new();
    let blob = bed.blob(1);
    // Each answer breaks off after so many bytes.
    let cuts = Mutex::new(vec![0, 1, 999_999, 0, 100_000].into_iter());
    let broken = blob.clone();
    let proxy = bed.before(move |request, registry| {
        let reply = registry.answer(request);
        match request.target == broken {
            true => match cuts.lock().unwrap().next() {
                Some(at) => reply.cut(at),
                None => reply,
            },
            false => reply,
        }
    });
    let (states, _) = pull(&bed.shell, &format!("{}/own/app:1", proxy.host()));
    assert_eq!(states, ["made"; 3]);
    bed.is_converted("images");
    let asked = proxy.asked();
    let ranges = asked.iter().filter(|request| request.target == blob).map(|request| request.header("range"));
    let from = |at| Some(format!("bytes={at}-"));
    let wanted = [None, None, from(1), from(1_000_000), from(1_000_000), from(1_100_000)];
    assert_eq!(ranges.map(|range| range.map(str::to_owned)).collect::<Vec<_>>(), wanted);
}

#[test]
fn who_knows_nothing_of_ranges_sends_all_again() {
    let bed = Bed::new();
    let (blob, count) = (bed.blob(1), AtomicUsize::new(0));
    let proxy = bed.before(move |request, registry| {
        if request.target != blob {
            return registry.answer(request);
        }
        let whole = registry.answer(&request.without("range"));
        match count.fetch_add(1, Ordering::Relaxed) {
            0 => whole.cut(1_234_567),
            _ => whole,
        }
    });
    pull(&bed.shell, &format!("{}/own/app:1", proxy.host()));
    bed.is_converted("images");
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    let bed = Bed::new();
    let count = AtomicUsize::new(0);
    let proxy = bed.before(move |request, registry| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::new(503, b"<html>"),
        1 => Reply::new(429, br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#)
            .header("retry-after", "0"),
        2 => Reply::new(500, b""),
        _ => registry.answer(request),
    });
    let (states, _) = pull(&bed.shell, &format!("{}/own/app:1", proxy.host()));
    assert_eq!((states, proxy.count("/manifests/")), (vec!["made".to_owned(); 3], 4));
    let busy = bed.before(|_, _| {
        Reply::new(429, br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#)
            .header("retry-after", "0")
    });
    let (code, text) = bed.shell.fails(&format!("pull {}/own/app:1 --retries 2", busy.host()));
    assert!(
        code == 1 && text.contains("answers 429 when asked for own/app, manifests/1, and says \"slow down\""),
        "{text}"
    );
    assert!(text.contains("hint: try again later") && busy.asked().len() == 3, "{text}");
}

#[test]
fn layers_that_are_not_what_the_image_says_leave_nothing() {
    for layer in 0..3 {
        let bed = Bed::new();
        let blob = bed.blob(layer);
        let lying = bed.before(move |request, registry| {
            let mut reply = registry.answer(request);
            if request.target == blob {
                let middle = reply.body.len() / 2;
                reply.body[middle] ^= 1;
            }
            reply
        });
        let name = format!("{}/own/app:1", lying.host());
        let (code, text) = bed.shell.fails(&format!("pull {name}"));
        let number = layer + 1;
        assert!(code == 5 || code == 1, "{text}");
        assert!(text.contains(&format!("cannot pull {name}: cannot convert layer {number} of 3")), "{text}");
        let digest = bed.blob(layer).rsplit('/').next().unwrap().to_owned();
        let hex = digest.strip_prefix("sha256:").unwrap();
        assert!(!bed.shell.path(&format!("images/blob_sha256-{hex}")).exists());
        let row = &bed.shell.json("image convert oci:layout --to converted")[layer];
        let image = bed.shell.path("images").join(row["image"].as_str().unwrap());
        assert!(!image.exists(), "no image of a layer that lies");
        assert!(bed.shell.json("image ls").is_empty(), "and no name");
        let leftovers = std::fs::read_dir(bed.shell.path("images")).unwrap();
        let mut leftovers = leftovers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(leftovers.all(|name| !name.ends_with(".part")));
    }
}

#[test]
fn manifests_are_what_they_are_asked_for_as() {
    let bed = Bed::new();
    let digest = bed.image["digest"].as_str().unwrap().to_owned();
    let lying = bed.before(|request, registry| {
        let mut reply = registry.answer(request);
        if request.target.contains("/manifests/") {
            reply.body.push(b' ');
        }
        reply
    });
    let (code, text) = bed.shell.fails(&format!("pull {}/own/app@{digest}", lying.host()));
    assert!(code == 5 && text.contains("gives a manifest with the digest sha256:"), "{text}");
    assert!(text.contains(&format!("not {digest}")), "{text}");
    let endless = bed.before(|_, _| Reply::new(200, &vec![b' '; 5 << 20]));
    let (_, text) = bed.shell.fails(&format!("pull {}/own/app:1", endless.host()));
    assert!(text.contains("has more than 4194304 bytes"), "{text}");
    let other = bed.before(|_, _| {
        Reply::new(200, br#"{"schemaVersion":1}"#)
            .header("content-type", "application/vnd.docker.distribution.manifest.v1+json; charset=utf-8")
    });
    let (_, text) = bed.shell.fails(&format!("pull {}/own/app:1", other.host()));
    assert!(text.contains("manifest.v1+json\", which is not that of a manifest"), "{text}");
    assert!(!has_images(&bed.shell.path("images")));
}

#[test]
fn silence_is_borne_for_a_while() {
    let bed = Bed::new();
    let (blob, count) = (bed.blob(1), AtomicUsize::new(0));
    let stalls = blob.clone();
    let proxy = bed.before(move |request, registry| {
        let reply = registry.answer(request);
        match request.target == stalls && count.fetch_add(1, Ordering::Relaxed) == 0 {
            true => reply.stall(500_000),
            false => reply,
        }
    });
    pull(&bed.shell, &format!("{}/own/app:1 --timeout 1", proxy.host()));
    bed.is_converted("images");
    let asked = proxy.asked();
    let rest = asked.iter().find(|request| request.header("range").is_some()).unwrap();
    assert_eq!(rest.header("range"), Some("bytes=500000-"));
    let silent = bed.before(move |request, registry| match request.target == blob {
        true => registry.answer(request).stall(0),
        false => registry.answer(request),
    });
    let (code, text) =
        bed.shell.fails(&format!("pull {}/own/app:1 --timeout 1 --retries 1 --to other", silent.host()));
    assert!(code == 1 && text.contains("does not answer: it is silent for too long"), "{text}");
    assert!(
        text.contains("cannot convert layer 2 of 3") && text.contains("hint: check the name of the host"),
        "{text}"
    );
}
