//! The image that is unpacked: which one, and how it comes into the namespace of the bench.

use std::collections::HashSet;

use cimsnap::registry::{PlatformWish, SourceImage};

use super::ctr::Ctr;
use super::documents::{Subject, describe};
use super::error::BenchError;
use super::session::{Session, is_bench};
use crate::cli::Result;

/// Where an image is already.
struct Place {
    namespace: String,
    reference: String,
    bytes: f64,
}

/// Brings an image into the namespace of a bench: the one that is named, or the largest that cimsnap does not have.
pub(super) fn bring(
    session: &Session,
    wanted: Option<&str>,
    platform: &PlatformWish,
    plain_http: bool,
    had: &HashSet<String>,
) -> Result<Subject> {
    let places = complete(&session.ctr)?;
    let Some(reference) = wanted else {
        return largest(session, places, platform, had);
    };
    match places.iter().find(|place| place.reference == reference) {
        Some(place) => copy(session, place, platform)?,
        None => fetch(&session.ctr, reference, platform, plain_http)?,
    }
    let subject = describe(&session.ctr, reference, platform, &session.documents())?;
    if has_any(&subject.source, had) {
        return Err(BenchError::Had(reference.to_owned()).into());
    }
    Ok(subject)
}

fn largest(
    session: &Session,
    mut places: Vec<Place>,
    platform: &PlatformWish,
    had: &HashSet<String>,
) -> Result<Subject> {
    places.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    for place in places {
        let there = session.ctr.within(&place.namespace);
        match describe(&there, &place.reference, platform, &session.documents()) {
            Ok(subject) if !has_any(&subject.source, had) => {
                copy(session, &place, platform)?;
                return Ok(subject);
            }
            // Of another platform, or not an image at all: there are others.
            _ => continue,
        }
    }
    Err(BenchError::NoImage.into())
}

fn has_any(source: &SourceImage, had: &HashSet<String>) -> bool {
    source.layers.iter().any(|layer| had.contains(&layer.blob.digest.to_string()))
}

/// Lists the images that containerd has all blobs of, in any namespace.
fn complete(ctr: &Ctr) -> std::result::Result<Vec<Place>, BenchError> {
    let mut places = Vec::new();
    for namespace in ctr.names(&["namespaces", "list", "--quiet"])? {
        if is_bench(&namespace) {
            continue;
        }
        // An image that cannot be checked makes the command fail, after it has told of the others.
        let listed = ctr.within(&namespace).ask(&["images", "check"]).unwrap_or_default();
        places.extend(listed.lines().filter_map(|line| place(&namespace, line)));
    }
    Ok(places)
}

/// Reads a line such as `REF TYPE DIGEST complete (2/2) 12.0 MiB/12.0 MiB true`.
fn place(namespace: &str, line: &str) -> Option<Place> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [reference, _, _, "complete", _, number, unit, ..] = fields.as_slice() else {
        return None;
    };
    let unit = match unit.chars().next()? {
        'K' | 'k' => 1e3,
        'M' => 1e6,
        'G' => 1e9,
        'T' => 1e12,
        _ => 1.0,
    };
    let bytes = number.parse::<f64>().ok()? * unit;
    Some(Place { namespace: namespace.to_owned(), reference: (*reference).to_owned(), bytes })
}

/// Has our namespace hold the blobs too. containerd keeps them once.
fn copy(session: &Session, place: &Place, platform: &PlatformWish) -> std::result::Result<(), BenchError> {
    let platform = platform.to_string();
    let from = session.ctr.within(&place.namespace);
    // The other way ends when containerd has sent everything, which may be before all of it is written.
    let export = ["images", "export", "--local", "--platform", &platform, "-", &place.reference];
    let import = ["images", "import", "--no-unpack", "--platform", &platform, "-"];
    session.ctr.pipe(&import, &from, &export)
}

fn fetch(
    ctr: &Ctr,
    reference: &str,
    platform: &PlatformWish,
    plain_http: bool,
) -> std::result::Result<(), BenchError> {
    let platform = platform.to_string();
    let mut fetch = vec!["content", "fetch", "--platform", &platform];
    fetch.extend(plain_http.then_some("--plain-http"));
    fetch.push(reference);
    ctr.ask(&fetch).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_images_have_a_place() {
        let line = "reg/a:1 application/x sha256:00 complete (3/3) 12.5 MiB/12.5 MiB true";
        let found = place("default", line).unwrap();
        assert_eq!((found.reference.as_str(), found.bytes), ("reg/a:1", 12.5e6));
        for line in [
            "REF TYPE DIGEST STATUS SIZE UNPACKED",
            "reg/a:1 application/x sha256:00 incomplete (2/3) 1.0 MiB/12.5 MiB true",
            "reg/a:1 application/x sha256:00 unavailable (0/?) 0.0 B/? false",
        ] {
            assert!(place("default", line).is_none(), "{line}");
        }
    }
}
