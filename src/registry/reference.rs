//! Names of images, as docker and containerd read them: `debian`, `host:5000/path/name:tag`, `name@sha256:…`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::layer::digest::{Digest, DigestError};

/// Where images are that name no registry.
pub(super) const DEFAULT_HOST: &str = "docker.io";

/// Where the default registry keeps images that name no owner.
const DEFAULT_OWNER: &str = "library/";

const DEFAULT_TAG: &str = "latest";

/// Most bytes of the host and the path together, and of a tag.
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// The name of an image: a registry, a repository in it, and a tag or a digest of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} names no image: {reason}")]
pub struct BadReference {
    text: String,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Reason {
    #[error("the host is not one")]
    Host,
    #[error(
        "a path has lower-case letters and digits, with single dots or underscores, or dashes, between them"
    )]
    Path,
    #[error("a tag has at most {MAX_TAG} letters, digits, dots, dashes and underscores")]
    Tag,
    #[error("{0}")]
    Digest(#[from] DigestError),
    #[error("host and path have more than {MAX_NAME} characters")]
    TooLong,
    #[error("64 digits alone are the id of an image, not its name")]
    Id,
}

impl Reference {
    /// Returns the registry, with its port if that is given.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the path within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the digest, if the name has one.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Returns what the registry is asked for: the digest, which says more than a tag beside it.
    pub fn target(&self) -> String {
        let tag = || self.tag.clone().unwrap_or_else(|| DEFAULT_TAG.to_owned());
        self.digest.map_or_else(tag, |digest| digest.to_string())
    }

    fn parse(text: &str) -> Result<Self, Reason> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse()?)),
            None => (text, None),
        };
        let (name, tag) = split_tag(name);
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(Reason::Tag);
        }
        let (host, path) = split_host(name);
        let repository = match path.contains('/') || host != DEFAULT_HOST {
            true => path.to_owned(),
            false => format!("{DEFAULT_OWNER}{path}"),
        };
        if !is_host(host) {
            return Err(Reason::Host);
        }
        if !repository.split('/').all(is_component) {
            return Err(Reason::Path);
        }
        if is_id(name) {
            return Err(Reason::Id);
        }
        if host.len().saturating_add(repository.len()) >= MAX_NAME {
            return Err(Reason::TooLong);
        }
        let tag = tag.or(digest.is_none().then_some(DEFAULT_TAG)).map(str::to_owned);
        Ok(Self { host: host.to_owned(), repository, tag, digest })
    }
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        Self::parse(text)
            .map_err(|reason| BadReference { text: text.chars().take(MAX_NAME).collect(), reason })
    }
}

/// In full, so that equal images have equal names.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

/// A colon begins a tag if no slash follows; otherwise, a port.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    }
}

/// The first part is a host if it could be nothing else.
fn split_host(name: &str) -> (&str, &str) {
    let is_one = |first: &str| {
        first == "localhost" || first.contains(['.', ':']) || first.chars().any(|c| c.is_ascii_uppercase())
    };
    match name.split_once('/') {
        Some(("index.docker.io", path)) => (DEFAULT_HOST, path),
        Some((host, path)) if is_one(host) => (host, path),
        _ => (DEFAULT_HOST, name),
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let named = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(label),
    };
    named && port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'))
}

/// Runs of letters and digits, between which stand one dot, one or two underscores, or any number of dashes.
fn is_component(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |text: &str| matches!(text, "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    let bounded = text.starts_with(inner) && text.ends_with(inner);
    bounded && text.split(inner).filter(|between| !between.is_empty()).all(separator)
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= MAX_TAG && text.starts_with(word) && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn full(text: &str) -> String {
        text.parse::<Reference>().unwrap().to_string()
    }

    #[test]
    fn names_are_those_of_docker() {
        for (text, wanted) in [
            ("debian", "docker.io/library/debian:latest"),
            ("debian:12", "docker.io/library/debian:12"),
            ("index.docker.io/debian", "docker.io/library/debian:latest"),
            ("docker.io/debian", "docker.io/library/debian:latest"),
            ("own/er", "docker.io/own/er:latest"),
            ("localhost/a", "localhost/a:latest"),
            ("localhost:5000/a:b", "localhost:5000/a:b"),
            ("127.0.0.1:5000/a/b__c/d--e.f", "127.0.0.1:5000/a/b__c/d--e.f:latest"),
            ("[::1]:5000/a", "[::1]:5000/a:latest"),
            ("Host/a:_B.c-", "Host/a:_B.c-"),
            (
                "mcr.microsoft.com/windows/nanoserver:ltsc2022",
                "mcr.microsoft.com/windows/nanoserver:ltsc2022",
            ),
        ] {
            assert_eq!(full(text), wanted);
            assert_eq!(full(wanted), wanted);
        }
        assert_eq!(full(&format!("a@{DIGEST}")), format!("docker.io/library/a@{DIGEST}"));
        assert_eq!(full(&format!("a:b@{DIGEST}")), format!("docker.io/library/a:b@{DIGEST}"));
        let both: Reference = format!("a:b@{DIGEST}").parse().unwrap();
        assert_eq!((both.host(), both.repository()), ("docker.io", "library/a"));
        assert_eq!(both.target(), DIGEST);
    }

    #[test]
    fn other_texts_name_no_image() {
        let digits = "a".repeat(64);
        let long = format!("a.b/{}", "a".repeat(252));
        for text in [
            "",
            ":a",
            "a:",
            "a:-b",
            "a/",
            "/a",
            "a//b",
            "A",
            "a b",
            "a..b",
            "a_-b",
            "a___b",
            "-a",
            "a-",
            "a:b:c",
            "a@",
            "a@sha256:12",
            "a@md5:1",
            "ho_st.x/a",
            "-h.x/a",
            "h.x:port/a",
            "h.x:99999/a",
            "[::g]/a",
            "h../a",
            "h.x/ä",
            "a:ä",
            &digits,
            &long,
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so_that_it_is_read_again(text in "[a-zA-Z0-9._:/@\\[\\]-]{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = text.parse::<Reference>();
        }

        #[test]
        fn parts_are_told_apart(
            host in "[a-z]{1,8}\\.[a-z]{1,5}(:[1-9][0-9]{0,3})?",
            path in "[a-z0-9]{1,5}((\\.|_|__|-+)[a-z0-9]{1,3})?(/[a-z0-9]{1,5}){0,3}",
            tag in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}",
        ) {
            let reference: Reference = format!("{host}/{path}:{tag}").parse().unwrap();
            prop_assert_eq!(reference.host(), host);
            prop_assert_eq!(reference.repository(), path);
            prop_assert_eq!(reference.target(), tag);
        }
    }
}
