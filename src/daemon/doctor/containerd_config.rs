//! The configuration of containerd, with what it imports.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Symptom;

/// Reads a configuration of containerd, and the files that it imports.
pub(super) fn load(path: &Path) -> Result<Table, Symptom> {
    let mut told = read(path)?;
    for import in imports(&told, path) {
        merge(&mut told, read(&import)?);
    }
    Ok(told)
}

fn read(path: &Path) -> Result<Table, Symptom> {
    let at = path.display();
    let advice = "name it with --containerd-config, or write one: `containerd config default`";
    let text = fs::read_to_string(path)
        .map_err(|error| Symptom::error(format!("{at} cannot be read: {error}"), advice))?;
    parse(&text).map_err(|symptom| Symptom { seen: format!("{at}: {}", symptom.seen), ..symptom })
}

/// Parses a configuration.
pub(super) fn parse(text: &str) -> Result<Table, Symptom> {
    text.parse().map_err(|error: toml::de::Error| {
        let advice = "mend it: containerd does not start with it; two plugins cannot have one name";
        Symptom::error(format!("is no TOML: {}", error.message()), advice)
    })
}

/// Lists what is imported. As with containerd, a name may end in `*.toml`, and is looked for beside the file.
fn imports(told: &Table, path: &Path) -> Vec<PathBuf> {
    let beside = path.parent().unwrap_or(Path::new("/"));
    let patterns = told.get("imports").and_then(Value::as_array).into_iter().flatten();
    patterns.filter_map(Value::as_str).flat_map(|pattern| matching(&beside.join(pattern))).collect()
}

fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((begin, end)) = name.split_once('*') else { return vec![pattern.to_owned()] };
    let entries = pattern.parent().and_then(|directory| fs::read_dir(directory).ok());
    let mut found: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// Lays one configuration over another, as containerd does: tables grow, all else is replaced. (Lists that stand outside of
/// tables would grow as well; none of them is looked at afterwards.)
pub(super) fn merge(told: &mut Table, more: Table) {
    for (key, value) in more {
        match (told.get_mut(&key), value) {
            (Some(Value::Table(told)), Value::Table(more)) => merge(told, more),
            (_, value) => drop(told.insert(key, value)),
        }
    }
}
