//! Who we are to a registry: what `docker login` and its like have left behind.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use super::helper::{self, HelperError};
use crate::layer::base64;
use crate::registry::reference::DEFAULT_HOST;

/// What the default registry is called in such files.
const DEFAULT_KEY: &str = "https://index.docker.io/v1/";

/// The name of a user that stands for a token in the place of a password.
const TOKEN_USER: &str = "<token>";

/// Most bytes of a configuration.
const MAX_FILE: u64 = 4 << 20;

/// How long a program may take that keeps secrets: it may ask somebody to unlock them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why credentials cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The configuration cannot be read.
    #[error("cannot read {}", .path.display())]
    Io {
        /// The configuration.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration cannot be understood.
    #[error("{} cannot be understood", .path.display())]
    Malformed {
        /// The configuration.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// What is kept of a user and their password is not written as it should be.
    #[error("the entry {0:?} of auths is not base64 of USER:PASSWORD")]
    Auth(String),
    /// The program that keeps secrets does not tell them.
    #[error(transparent)]
    Helper(#[from] HelperError),
}

/// What proves to a registry who we are.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// A user and what only they know.
    Password(String, String),
    /// Is given for tokens.
    Refresh(String),
    /// Is a token.
    Token(String),
}

/// What is known of all registries.
#[derive(Clone, Default)]
pub struct Credentials {
    kept: Kept,
    patience: Option<Duration>,
}

/// The configuration of docker, as far as it is about credentials.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Kept {
    auths: HashMap<String, Entry>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl Credentials {
    /// Reads a `config.json` of docker. Where there is none, nothing is known.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let failed = |source| CredentialsError::Io { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        match File::open(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            file => file.and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).map_err(failed)?,
        };
        let malformed = |source| CredentialsError::Malformed { path: path.to_owned(), source };
        Ok(Self { kept: serde_json::from_slice(&bytes).map_err(malformed)?, patience: None })
    }

    /// Has programs that keep secrets answer within some time.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// Returns what is known of a registry. The program for that registry comes first, then the one for all, then the
    /// file itself.
    pub(super) fn of(&self, host: &str) -> Result<Option<Login>, CredentialsError> {
        let key = if host == DEFAULT_HOST { DEFAULT_KEY } else { host };
        let own = self.kept.cred_helpers.iter().find(|(known, _)| is_of(known, host)).map(|(_, name)| name);
        let all = Some(&self.kept.creds_store).filter(|name| !name.is_empty());
        if let Some(name) = own.or(all) {
            let told = helper::get(name, key, self.patience.unwrap_or(PATIENCE))?;
            if let Some((user, secret)) = told {
                return Ok(Some(match user == TOKEN_USER {
                    true => Login::Refresh(secret),
                    false => Login::Password(user, secret),
                }));
            }
        }
        let entry = self.kept.auths.iter().find(|(known, _)| is_of(known, host));
        entry.map_or(Ok(None), |(known, entry)| entry.login(known))
    }
}

impl Entry {
    /// Returns what the entry says. One that is empty is left by programs that keep secrets elsewhere.
    fn login(&self, name: &str) -> Result<Option<Login>, CredentialsError> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Login::Token(self.registrytoken.clone())));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Login::Refresh(self.identitytoken.clone())));
        }
        if !self.auth.is_empty() {
            let bad = || CredentialsError::Auth(name.to_owned());
            let text = base64::decode(self.auth.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.ok_or_else(bad)?;
            // Some writers fill up with NUL.
            let (user, password) = text.trim_end_matches('\0').split_once(':').ok_or_else(bad)?;
            return Ok(Some(Login::Password(user.to_owned(), password.to_owned())));
        }
        let known = !self.username.is_empty();
        Ok(known.then(|| Login::Password(self.username.clone(), self.password.clone())))
    }
}

/// Whether a name in a configuration is that of a registry. Some have a scheme, and the path of an old interface.
fn is_of(known: &str, host: &str) -> bool {
    let bare = known.trim_start_matches("https://").trim_start_matches("http://");
    let bare = bare.split('/').next().unwrap_or_default();
    bare == host || (host == DEFAULT_HOST && bare == "index.docker.io")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str, host: &str) -> Option<Login> {
        let credentials = Credentials { kept: serde_json::from_str(config).unwrap(), patience: None };
        credentials.of(host).unwrap()
    }

    fn password(user: &str, password: &str) -> Option<Login> {
        Some(Login::Password(user.to_owned(), password.to_owned()))
    }

    #[test]
    fn entries_are_found_by_host() {
        let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "bWU6YTpi"},
            "http://old:5000/v2/": {"username": "u", "password": "p"},
            "i.x": {"auth": "bWU6YTpi", "identitytoken": "i"}, "r.x": {"registrytoken": "r"}, "e.x": {}
        }, "HttpHeaders": {"a": "b"}}"#;
        assert!(of(config, "docker.io") == password("me", "a:b"));
        assert!(of(config, "old:5000") == password("u", "p"));
        assert!(of(config, "i.x") == Some(Login::Refresh("i".to_owned())));
        assert!(of(config, "r.x") == Some(Login::Token("r".to_owned())));
        for unknown in ["old", "e.x", "x"] {
            assert!(of(config, unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn what_is_no_password_is_told() {
        for auth in ["?", "bWU=", "/w=="] {
            let kept =
                serde_json::from_str(&format!(r#"{{"auths": {{"a.b": {{"auth": "{auth}"}}}}}}"#)).unwrap();
            let error = Credentials { kept, patience: None }.of("a.b").err().unwrap();
            assert!(matches!(error, CredentialsError::Auth(name) if name == "a.b"), "{auth}");
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        assert!(Credentials::read(&path).unwrap().of("a.b").unwrap().is_none());
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(Credentials::read(&path), Err(CredentialsError::Malformed { .. })));
    }
}
