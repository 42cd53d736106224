//! Which keys there are, as the structs of the configuration describe them.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Config;

/// A table of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name; empty for the keys that stand above all tables.
    pub name: String,
    /// What it is about.
    pub meaning: String,
    /// What stands in it.
    pub keys: Vec<Key>,
}

/// A key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in its table.
    pub name: String,
    /// What its value may be.
    pub kind: String,
    /// What holds without it, as TOML; `None` if that is no value.
    pub default: Option<String>,
    /// What holds without it on Windows, where that differs from Linux; `refused` if it must not be given.
    pub windows: Option<String>,
    /// What it could be, as TOML, if the default does not show it.
    pub example: Option<String>,
    /// What it means.
    pub meaning: String,
}

impl Config {
    /// Returns all tables with their keys, first that of the keys above all tables.
    pub fn tables() -> Vec<Table> {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<Self>().to_value();
        let (inner, outer): (Vec<_>, Vec<_>) =
            fields(&schema).partition(|(_, field)| field["properties"].is_object());
        let top = Table {
            name: String::new(),
            meaning: meaning(&schema),
            keys: outer.into_iter().map(key).collect(),
        };
        let inner = inner.into_iter().map(|(name, field)| Table {
            name: name.clone(),
            meaning: meaning(field),
            keys: fields(field).map(key).collect(),
        });
        std::iter::once(top).chain(inner).collect()
    }
}

fn fields(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flat_map(Map::iter)
}

fn key((name, field): (&String, &Value)) -> Key {
    Key {
        name: name.clone(),
        kind: kind(field),
        default: toml(&field["default"]),
        windows: field["windows"].as_str().map(str::to_owned),
        example: toml(&field["examples"][0]),
        meaning: meaning(field),
    }
}

/// What is said of a field, in one line.
fn meaning(schema: &Value) -> String {
    let words: Vec<&str> = schema["description"].as_str().unwrap_or_default().split_whitespace().collect();
    words.join(" ")
}

/// What a value may be: as the field says, or one of several, or as its type says.
fn kind(field: &Value) -> String {
    if let Some(kind) = field["kind"].as_str() {
        return kind.to_owned();
    }
    if let Some(choices) = field["oneOf"].as_array() {
        let choices: Vec<String> = choices.iter().map(choice).collect();
        return choices.join("; ");
    }
    let is = |name: &str| {
        field["type"].as_array().is_some_and(|all| all.iter().any(|one| one == name)) || field["type"] == name
    };
    let kind = match field["minimum"].as_u64() {
        Some(1) => "number above zero",
        Some(_) => "number",
        None if is("boolean") => "`true` or `false`",
        None => "text",
    };
    kind.to_owned()
}

fn choice(schema: &Value) -> String {
    let meaning = meaning(schema);
    let text = meaning.trim_end_matches('.');
    format!("`{}`: {text}", schema["const"])
}

fn toml(value: &Value) -> Option<String> {
    let value = toml::Value::try_from(value).ok()?;
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(table: &str, name: &str) -> Key {
        let table = Config::tables().into_iter().find(|each| each.name == table).unwrap();
        table.keys.into_iter().find(|each| each.name == name).unwrap()
    }

    #[test]
    fn keys_are_as_their_structs_say() {
        let sync = key("", "sync");
        assert_eq!((sync.kind.as_str(), sync.default.as_deref()), ("`true` or `false`", Some("true")));
        let workers = key("", "workers");
        assert_eq!((workers.default, workers.example.as_deref()), (None, Some("4")));
        assert_eq!(workers.kind, "number above zero");
        assert_eq!(key("limits", "mounts").default.as_deref(), Some("\"auto\""));
        assert!(key("log", "format").kind.contains("`\"json\"`: An object of JSON a line"));
        assert!(key("grpc", "drain_seconds").meaning.starts_with("How many seconds the daemon waits"));
    }

    #[test]
    fn every_key_says_what_it_means() {
        let tables = Config::tables();
        assert!(tables.len() > 4 && tables[0].name.is_empty());
        for table in tables {
            assert!(!table.meaning.is_empty() && !table.keys.is_empty(), "{table:?}");
            for key in table.keys {
                assert!(key.meaning.ends_with('.') && !key.meaning.contains('\n'), "{key:?}");
                assert!(key.default.is_some() || key.example.is_some(), "{key:?}");
            }
        }
    }

    /// What the reference says of Windows, which is made on Linux.
    #[test]
    #[cfg(windows)]
    fn defaults_of_windows_are_as_the_keys_say() {
        let data = std::env::var("ProgramData").unwrap();
        for key in Config::tables().into_iter().flat_map(|table| table.keys) {
            let Some(windows) = key.windows.filter(|windows| windows != "refused") else { continue };
            let expected = toml::Value::from(windows.replace("%ProgramData%", &data)).to_string();
            assert_eq!(key.default, Some(expected), "{}", key.name);
        }
    }
}
