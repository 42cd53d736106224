//! How to prove to a registry who asks: from what it wants to see to the header that shows it.

use serde::Deserialize;

use super::challenge::{self, Challenge};
use super::credentials::{Credentials, Login};
use super::error::{RemoteError, Who};
use super::http::{Answer, Http, is_safe};
use crate::escape::without_secrets;
use crate::layer::base64;
use crate::registry::error::quoted;

/// What we are called by those who give tokens.
const CLIENT: &str = "cimsnap";

/// Most bytes of an answer with a token.
const MAX_ANSWER: u64 = 1 << 20;

/// A header that proves who asks.
pub(super) struct Proof {
    pub(super) header: String,
    pub(super) who: Who,
}

/// What a registry wants, and for what.
pub(super) struct Wanted<'w> {
    /// The registry.
    pub(super) host: &'w str,
    /// By what name credentials for it are kept.
    pub(super) login: &'w str,
    pub(super) repository: &'w str,
    /// Whether it is asked in a way that nobody reads along.
    pub(super) is_safe: bool,
}

/// What is given for a token. Old ones have one name for it, new ones the other.
#[derive(Deserialize)]
struct Given {
    token: Option<String>,
    access_token: Option<String>,
}

/// Makes the header that satisfies a registry; `None` where it wants a password, and none is known.
pub(super) fn prove(
    http: &Http,
    credentials: &Credentials,
    wanted: &Wanted<'_>,
    answer: &Answer,
) -> Result<Option<Proof>, RemoteError> {
    let failed = |source| RemoteError::Credentials { host: wanted.host.to_owned(), source };
    let login = credentials.of(wanted.login).map_err(failed)?;
    let headers = answer.headers().get_all("www-authenticate");
    let texts: Vec<&str> = headers.iter().filter_map(|value| value.to_str().ok()).collect();
    let challenges: Vec<Challenge> = texts.iter().flat_map(|text| challenge::parse(text)).collect();
    let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
    let user = |header| Some(Proof { header, who: Who::User });
    match (of("bearer"), of("basic"), login) {
        (Some(_), _, Some(Login::Token(token))) => Ok(user(format!("Bearer {token}"))),
        (Some(bearer), _, login) => {
            let who = if login.is_some() { Who::User } else { Who::Anybody };
            let token = token(http, bearer, wanted, login)?;
            Ok(Some(Proof { header: format!("Bearer {token}"), who }))
        }
        (None, Some(_), Some(Login::Password(name, password))) => Ok(user(basic(&name, &password))),
        (None, Some(_), _) => Ok(None),
        (None, None, _) => {
            let wants = quoted(&without_secrets(&texts.join(", ")));
            Err(RemoteError::Challenge { host: wanted.host.to_owned(), wants })
        }
    }
}

fn basic(name: &str, password: &str) -> String {
    let encoded = base64::encode(format!("{name}:{password}").as_bytes());
    format!("Basic {}", String::from_utf8_lossy(&encoded))
}

/// Has a token made for one repository.
fn token(
    http: &Http,
    bearer: &Challenge,
    wanted: &Wanted<'_>,
    login: Option<Login>,
) -> Result<String, RemoteError> {
    let realm = bearer.get("realm").unwrap_or_default();
    let unsafe_realm = wanted.is_safe && !is_safe(realm);
    if unsafe_realm || !realm.starts_with("http") {
        return Err(RemoteError::Realm {
            host: wanted.host.to_owned(),
            realm: quoted(&without_secrets(realm)),
        });
    }
    let scope = format!("repository:{}:pull", wanted.repository);
    let scope = bearer.get("scope").unwrap_or(&scope);
    let service = bearer.get("service").unwrap_or_default();
    let answer = match login {
        Some(Login::Refresh(secret)) => http.post(
            realm,
            &[
                ("grant_type", "refresh_token"),
                ("client_id", CLIENT),
                ("service", service),
                ("scope", scope),
                ("refresh_token", &secret),
            ],
        )?,
        login => {
            let url = with_query(realm, &[("service", service), ("scope", scope)]);
            let header = match &login {
                Some(Login::Password(name, password)) => Some(basic(name, password)),
                _ => None,
            };
            let headers: Vec<_> = header.iter().map(|header| ("authorization", header.as_str())).collect();
            http.get(&url, &headers)?
        }
    };
    read(answer, wanted)
}

fn read(answer: Answer, wanted: &Wanted<'_>) -> Result<String, RemoteError> {
    let host = answer.host.clone();
    match answer.status().as_u16() {
        200 => {}
        401 | 403 => {
            let repository = wanted.repository.to_owned();
            return Err(RemoteError::Unauthorized { host, repository, who: Who::User, says: answer.says() });
        }
        _ => return Err(answer.failure("a token")),
    }
    let bytes = answer.document("the token", MAX_ANSWER)?;
    let failed = |source| RemoteError::Token { host: host.clone(), source };
    let given: Given = serde_json::from_slice(&bytes).map_err(failed)?;
    let token = given.token.or(given.access_token).filter(|token| is_plain(token));
    token.ok_or_else(|| failed(serde::de::Error::missing_field("token")))
}

/// Whether a token can stand in a header.
fn is_plain(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn with_query(realm: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = realm.to_owned();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        let separator = if url.contains('?') { '&' } else { '?' };
        url.push(separator);
        url.push_str(name);
        url.push('=');
        url.extend(value.bytes().map(escaped));
    }
    url
}

fn escaped(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b',' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stands_in_the_query() {
        let url = with_query(
            "https://a/t?b=c",
            &[("service", "x y&z"), ("scope", "repository:a/b:pull,push"), ("d", "")],
        );
        assert_eq!(url, "https://a/t?b=c&service=x%20y%26z&scope=repository:a/b:pull,push");
        assert_eq!(with_query("https://a/t", &[("s", "é")]), "https://a/t?s=%C3%A9");
    }

    #[test]
    fn passwords_are_encoded() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
