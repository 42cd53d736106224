//! Why a registry does not give what was asked of it.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::credentials::CredentialsError;
use super::pace::TooSlow;
use crate::escape::without_secrets;
use crate::layer::digest::Digest;

/// Why a registry does not give what was asked of it. What it says itself is quoted in part.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It cannot be reached, or stopped answering.
    #[error("{host} does not answer")]
    Connection {
        /// The registry, or where it sends us.
        host: String,
        /// Why.
        source: TransportError,
    },
    /// It answers with a failure.
    #[error("{host} answers {status} when asked for {what}{says}")]
    Status {
        /// The registry, or where it sends us.
        host: String,
        /// The status of HTTP.
        status: u16,
        /// What was wanted.
        what: String,
        /// What it says.
        says: Says,
        /// How long it wants us to wait.
        retry_after: Option<Duration>,
    },
    /// It does not know us, or does not let us.
    #[error("{host} refuses {repository} to {who}{says}")]
    Unauthorized {
        /// The registry.
        host: String,
        /// The repository.
        repository: String,
        /// As whom it was asked.
        who: Who,
        /// What it says.
        says: Says,
    },
    /// It has no such image, or lacks a part of it.
    #[error("{host} has no {what}{says}")]
    NotFound {
        /// The registry.
        host: String,
        /// What was wanted.
        what: String,
        /// What it says.
        says: Says,
    },
    /// It wants a proof that is not known.
    #[error("{host} wants a proof that is not known: {wants:?}")]
    Challenge {
        /// The registry.
        host: String,
        /// What it wants.
        wants: String,
    },
    /// It sends us for a token to where no secrets may be sent.
    #[error("{host} wants tokens to be taken from {realm:?}, which is not safe")]
    Realm {
        /// The registry.
        host: String,
        /// Where it sends us.
        realm: String,
    },
    /// Who gives tokens gives something else.
    #[error("{host} gives no token")]
    Token {
        /// Who gives tokens.
        host: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Credentials cannot be had.
    #[error("credentials for {host} cannot be had")]
    Credentials {
        /// The registry.
        host: String,
        /// Why.
        source: CredentialsError,
    },
    /// A document is larger than any honest one.
    #[error("{what} of {host} has more than {limit} bytes")]
    TooLarge {
        /// The registry.
        host: String,
        /// The document.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A server sends too slowly.
    #[error("{host} does not answer fast enough: {source}")]
    Slow {
        /// The registry, or where it sends us.
        host: String,
        /// How fast it should be.
        source: TooSlow,
    },
    /// Something has another digest than it was asked for by.
    #[error("{host} gives {what} with the digest {found}, not {wanted}")]
    Digest {
        /// The registry, or where it sends us.
        host: String,
        /// What was wanted.
        what: String,
        /// The digest that was wanted.
        wanted: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// Something has another size than its descriptor says.
    #[error("{host} gives {what} of another size than {size} bytes")]
    Size {
        /// The registry, or where it sends us.
        host: String,
        /// What was wanted.
        what: String,
        /// The size that it should have.
        size: u64,
    },
    /// Something came from several servers, and had another digest as a whole.
    #[error("{host} gave a part of {what}, which as a whole had another digest than {wanted}")]
    Part {
        /// The mirror, or where it sends us.
        host: String,
        /// What was wanted.
        what: String,
        /// The digest that was wanted.
        wanted: Digest,
    },
    /// The rest of a blob was wanted, and another part of it came.
    #[error("{host} was asked for a layer from byte {at}, and sends {range:?}")]
    Range {
        /// The registry, or where it sends us.
        host: String,
        /// Where the rest begins.
        at: u64,
        /// What came.
        range: String,
    },
    /// No server gives it.
    #[error("the other servers do not give it: {mirrors}")]
    Nowhere {
        /// What the others say.
        mirrors: Refusals,
        /// What the registry says, or the server that was asked last.
        #[source]
        registry: Box<RemoteError>,
    },
    /// A stream ended too early.
    #[error("{host} ends a layer after {at} of {size} bytes")]
    Ended {
        /// The registry, or where it sends us.
        host: String,
        /// How many bytes came.
        at: u64,
        /// How many should.
        size: u64,
    },
}

/// As whom a registry was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// As nobody: no credentials were found.
    Anybody,
    /// As the user of the credentials.
    User,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anybody => "whoever is not logged in",
            Self::User => "the user whose credentials were found",
        })
    }
}

/// What a registry says about a failure; may be nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Says(pub(super) String);

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ", and says {:?}", self.0) }
    }
}

/// Why a connection failed. Stands between the errors of the system and those who would take them for errors of files.
pub struct TransportError(ureq::Error);

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ureq::Error::Io(error) => error.fmt(f),
            ureq::Error::Timeout(_) => f.write_str("it is silent for too long"),
            ureq::Error::Rustls(error) => error.fmt(f),
            // Some name the URL.
            other => f.write_str(&without_secrets(&other.to_string())),
        }
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportError({self})")
    }
}

impl std::error::Error for TransportError {}

/// Why mirrors do not give something, one after the other.
#[derive(Debug)]
pub struct Refusals(Vec<RemoteError>);

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, refusal) in self.0.iter().enumerate() {
            write!(f, "{}{refusal}", if number == 0 { "" } else { "; " })?;
            let mut cause = refusal.source();
            while let Some(error) = cause {
                write!(f, " ({error})")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl RemoteError {
    /// Makes an error of a connection that failed.
    pub(super) fn transport(host: &str, error: ureq::Error) -> Self {
        let host = host.to_owned();
        match &error {
            ureq::Error::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<TooSlow>()) => {
                Self::Slow { host, source: TooSlow }
            }
            _ => Self::Connection { host, source: TransportError(error) },
        }
    }

    /// Returns whether a server sent other bytes than those that were asked for.
    pub fn has_wrong_bytes(&self) -> bool {
        match self {
            Self::Nowhere { mirrors: Refusals(mirrors), registry } => {
                registry.has_wrong_bytes() || mirrors.iter().any(Self::has_wrong_bytes)
            }
            Self::Digest { .. }
            | Self::Size { .. }
            | Self::Part { .. }
            | Self::Range { .. }
            | Self::Ended { .. } => true,
            _ => false,
        }
    }

    /// Adds what mirrors have said before the registry did.
    pub(super) fn after(self, refusals: Vec<Self>) -> Self {
        match refusals.is_empty() {
            true => self,
            false => Self::Nowhere { mirrors: Refusals(refusals), registry: Box::new(self) },
        }
    }

    /// Returns what the registry itself says, whatever mirrors said before.
    pub fn of_registry(&self) -> &Self {
        match self {
            Self::Nowhere { registry, .. } => registry.of_registry(),
            own => own,
        }
    }

    /// Returns whether the same may come out well later.
    pub fn is_passing(&self) -> bool {
        match self {
            // A registry that sent wrong bytes is not asked again, but a mirror may come back.
            Self::Nowhere { mirrors: Refusals(mirrors), registry } if registry.has_wrong_bytes() => {
                mirrors.iter().any(Self::is_passing)
            }
            Self::Nowhere { registry, .. } => registry.is_passing(),
            Self::Connection { source, .. } => source.is_passing(),
            Self::Ended { .. } | Self::Slow { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Returns how long the other side wants us to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self.of_registry() {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl TransportError {
    fn is_passing(&self) -> bool {
        use ureq::Error as E;
        // A name that is not known or a certificate that is not good will not be so in a moment.
        matches!(self.0, E::Io(_) | E::Timeout(_) | E::ConnectionFailed | E::Protocol(_) | E::BodyStalled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_transport_name_no_secrets() {
        for error in [
            ureq::Error::BadUri("https://me:secret@a.b/c?sig=secret".into()),
            ureq::Error::RequireHttpsOnly("http://a.b/c?sig=secret#secret".into()),
        ] {
            let error = RemoteError::transport("a.b", error);
            let source = error.source().unwrap();
            for text in [format!("{source}"), format!("{source:?}"), format!("{error:?}")] {
                assert!(!text.contains("secret") && text.contains("//a.b/c"), "{text}");
            }
        }
    }
}
