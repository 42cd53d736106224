//! What a registry wants to see before it gives anything: the header `WWW-Authenticate`.

/// One way to prove who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The scheme, in lower case.
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Returns a parameter by its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a header, which may hold several challenges. What cannot be understood is left out.
///
/// A comma stands between parameters and between challenges alike: a word is a parameter if an equals sign follows it,
/// and otherwise begins a challenge.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut text = Text(header);
    let mut challenges: Vec<Challenge> = Vec::new();
    while !text.0.is_empty() {
        let word = text.word().to_ascii_lowercase();
        if word.is_empty() {
            text.skip();
        } else if text.takes('=') {
            let value = text.value();
            if let Some(challenge) = challenges.last_mut() {
                challenge.parameters.push((word, value));
            }
        } else {
            challenges.push(Challenge { scheme: word, parameters: Vec::new() });
        }
    }
    challenges
}

/// What was not read yet.
struct Text<'t>(&'t str);

impl<'t> Text<'t> {
    fn word(&mut self) -> &'t str {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
        self.until(|c| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:".contains(c)))
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'t str {
        let (before, rest) = self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()));
        self.0 = rest;
        before
    }

    fn takes(&mut self, wanted: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip(&mut self) {
        let mut chars = self.0.chars();
        chars.next();
        self.0 = chars.as_str();
    }

    fn value(&mut self) -> String {
        self.0 = self.0.trim_start();
        match self.0.strip_prefix('"') {
            Some(rest) => {
                self.0 = rest;
                self.quoted()
            }
            None => self.until(|c| c == ',' || c.is_whitespace()).to_owned(),
        }
    }

    /// Reads to the closing quotation mark, or to the end where that lacks.
    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut chars = self.0.chars();
        while let Some(next) = chars.next().filter(|&next| next != '"') {
            value.extend(if next == '\\' { chars.next() } else { Some(next) });
        }
        self.0 = chars.as_str();
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str) -> Vec<(String, Vec<(String, String)>)> {
        parse(header).into_iter().map(|challenge| (challenge.scheme, challenge.parameters)).collect()
    }

    fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let owned = parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        (scheme.to_owned(), owned.collect())
    }

    #[test]
    fn registries_ask_in_many_ways() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let read_hub = &parse(hub)[0];
        assert_eq!(read_hub.get("realm"), Some("https://auth.docker.io/token"));
        assert_eq!(read_hub.get("scope"), Some("repository:a/b:pull,push"));
        assert_eq!(read_hub.get("error"), None);
        assert_eq!(read("Basic"), [challenge("basic", &[])]);
        assert_eq!(read(r#"bAsIc realm="a \"b\"""#), [challenge("basic", &[("realm", "a \"b\"")])]);
        assert_eq!(
            read(r#"Negotiate, Bearer Realm = https://a/b , service=x, Basic realm="c""#),
            [
                challenge("negotiate", &[]),
                challenge("bearer", &[("realm", "https://a/b"), ("service", "x")]),
                challenge("basic", &[("realm", "c")]),
            ]
        );
        assert_eq!(read(r#"Bearer realm="unclosed"#), [challenge("bearer", &[("realm", "unclosed")])]);
        assert_eq!(read(r#"realm="no scheme", "?", é"#), []);
    }

    proptest! {
        #[test]
        fn any_header_ends(header in any::<String>()) {
            prop_assert!(parse(&header).len() <= header.len());
        }

        #[test]
        fn what_is_quoted_comes_back(values in prop::collection::vec("[ -~]{0,12}", 0..4)) {
            let quoted = |value: &String| value.replace('\\', "\\\\").replace('"', "\\\"");
            let parameters: Vec<String> =
                values.iter().enumerate().map(|(at, value)| format!("p{at}=\"{}\"", quoted(value))).collect();
            let challenges = parse(&format!("Bearer {}", parameters.join(", ")));
            for (at, value) in values.iter().enumerate() {
                prop_assert_eq!(challenges[0].get(&format!("p{at}")), Some(value.as_str()));
            }
        }
    }
}
