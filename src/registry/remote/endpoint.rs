//! Where a registry is, or one that has the same.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::http::{host_of, is_loopback};
use crate::escape::without_secrets;
use crate::registry::reference::{DEFAULT_HOST, Reference};

/// Where the default registry is.
const DEFAULT_ADDRESS: &str = "registry-1.docker.io";

/// A server that has what others have, as `HOST` or with a scheme.
#[derive(Clone, PartialEq, Eq)]
pub struct Mirror(String);

impl FromStr for Mirror {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&self.0))
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mirror({self})")
    }
}

/// A server that is asked for the repository of an image.
pub(super) struct Endpoint {
    /// Scheme and host.
    base: String,
    /// By what name credentials for it are kept.
    pub(super) login: String,
    /// For whom it stands in, unless it is the registry itself.
    namespace: Option<String>,
    /// The header that it has taken for a proof.
    authorization: Mutex<Option<String>>,
}

impl Endpoint {
    /// Returns the registry of an image.
    pub(super) fn of(reference: &Reference, plain: bool) -> Self {
        let login = reference.host().to_owned();
        let address = if login == DEFAULT_HOST { DEFAULT_ADDRESS } else { &login };
        Self { base: with_scheme(address, plain), login, namespace: None, authorization: Mutex::default() }
    }

    /// Returns a mirror that stands in for the registry of an image.
    pub(super) fn mirror(mirror: &Mirror, reference: &Reference, plain: bool) -> Self {
        let base = with_scheme(&mirror.0, plain);
        let login = host_of(&base).to_owned();
        Self { base, login, namespace: Some(reference.host().to_owned()), authorization: Mutex::default() }
    }

    /// Returns the address of something in a repository.
    pub(super) fn url(&self, repository: &str, path: &str) -> String {
        let namespace = self.namespace.iter().map(|namespace| format!("?ns={namespace}")).collect::<String>();
        format!("{}/v2/{repository}/{path}{namespace}", self.base)
    }

    /// Takes the proof, so that others wait until it is a new one.
    pub(super) fn authorization(&self) -> MutexGuard<'_, Option<String>> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks without encryption where that is wanted, and where nobody could listen.
fn with_scheme(address: &str, plain: bool) -> String {
    if address.starts_with("http://") || address.starts_with("https://") {
        return address.to_owned();
    }
    let scheme = if plain || is_loopback(address) { "http" } else { "https" };
    format!("{scheme}://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_from_names() {
        let of = |text: &str, plain| Endpoint::of(&text.parse().unwrap(), plain);
        assert_eq!(
            of("debian", false).url("library/debian", "tags"),
            "https://registry-1.docker.io/v2/library/debian/tags"
        );
        assert_eq!(of("debian", false).login, "docker.io");
        assert_eq!(of("a.b:1/c", false).url("c", "d"), "https://a.b:1/v2/c/d");
        assert_eq!(of("a.b:1/c", true).url("c", "d"), "http://a.b:1/v2/c/d");
        assert_eq!(of("localhost:1/c", false).url("c", "d"), "http://localhost:1/v2/c/d");
        let debian = "debian".parse().unwrap();
        let mirror = |text: &str| Endpoint::mirror(&text.parse().unwrap(), &debian, false);
        assert_eq!(mirror("m.x").url("c", "d"), "https://m.x/v2/c/d?ns=docker.io");
        assert_eq!(mirror("http://m.x:1/").url("c", "d"), "http://m.x:1/v2/c/d?ns=docker.io");
        assert_eq!(
            (mirror("http://m.x:1").login, mirror("127.0.0.1:1").base),
            ("m.x:1".into(), "http://127.0.0.1:1".into())
        );
    }
}
