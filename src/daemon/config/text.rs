//! The configuration as a file for people.

use std::fmt::Write;

use toml::Value;

use super::{Config, Key, Table};

/// How long lines of comments become.
const WIDTH: usize = 100;

impl Config {
    /// Returns the text of a file that says this, and what each key means.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let values = toml::Table::try_from(self)?;
        let tables = Self::tables();
        let parts = tables.iter().map(|table| match table.name.as_str() {
            "" => write(table, Some(&values)),
            name => write(table, values.get(name).and_then(Value::as_table)),
        });
        Ok(parts.collect::<Vec<_>>().join("\n"))
    }
}

fn write(table: &Table, values: Option<&toml::Table>) -> String {
    let mut text = comment(&table.meaning);
    if !table.name.is_empty() {
        let _ = writeln!(text, "[{}]", table.name);
    }
    for key in &table.keys {
        let value = values.and_then(|values| values.get(&key.name));
        let _ = write!(text, "\n{}{}", comment(&key.meaning), line(key, value));
    }
    text
}

/// A key with its value. Where there is none it is a comment that shows one.
fn line(key: &Key, value: Option<&Value>) -> String {
    match (value, &key.example) {
        (Some(value), _) => format!("{} = {value}\n", key.name),
        (None, Some(example)) => format!("# {} = {example}\n", key.name),
        (None, None) => String::new(),
    }
}

/// Breaks a text into lines of a comment.
fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split(' ') {
        let is_full = |line: &String| line.len() + word.len() >= WIDTH;
        match lines.last_mut().filter(|line| !is_full(line)) {
            Some(line) => line.extend([" ", word]),
            None => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut config = Config { workers: std::num::NonZeroUsize::new(3), share: true, ..Config::default() };
        config.grpc.address = "/run/it's \"here\".sock".into();
        config.metrics.address = Some("[::1]:9473".parse().unwrap());
        for config in [Config::default(), config] {
            let text = config.to_toml().unwrap();
            assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "{text}");
        }
    }

    #[test]
    fn every_key_stands_there_with_its_meaning() {
        let text = Config::default().to_toml().unwrap();
        let said = text.replace("\n# ", " ");
        for key in Config::tables().into_iter().flat_map(|table| table.keys) {
            let stands = said.contains(&format!(" {}\n{} = ", key.meaning, key.name));
            let is_shown = said.contains(&format!(" {} {} = ", key.meaning, key.name));
            assert!(stands || is_shown, "{key:?}\n{text}");
        }
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert!(text.contains("\n# workers = 4\n"), "{text}");
    }
}
