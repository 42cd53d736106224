//! What a configuration of containerd imports. Its text stays as it is in all other places.

use serde::Deserialize;
use toml::{Spanned, Value};

use super::WiringError;

/// The list of what is imported, and where each of it stands.
type Imports = Spanned<Vec<Spanned<String>>>;

/// What is looked at of a configuration, and where it stands.
#[derive(Deserialize)]
struct Head {
    version: Option<Spanned<i64>>,
    imports: Option<Imports>,
}

/// Returns where the version ends, and what is imported.
fn head(text: &str) -> Result<(usize, Option<Imports>), WiringError> {
    let Head { version, imports } = toml::from_str(text)?;
    match version {
        Some(version) if *version.get_ref() >= 3 => Ok((version.span().end, imports)),
        other => Err(WiringError::Version(other.map_or(1, Spanned::into_inner))),
    }
}

/// Returns a configuration of containerd that imports a file besides, after all others, so that it has the last word.
pub fn import(text: &str, file: &str) -> Result<String, WiringError> {
    let (after_version, imports) = head(text)?;
    let quoted = Value::from(file);
    let (place, more) = match &imports {
        None => (after_version, format!("\nimports = [{quoted}]")),
        Some(list) if list.get_ref().iter().any(|import| covers(import.get_ref(), file)) => {
            return Ok(text.to_owned());
        }
        Some(list) => match list.get_ref().last() {
            Some(last) => (last.span().end, format!(", {quoted}")),
            None => (list.span().start + 1, quoted.to_string()),
        },
    };
    Ok(splice(text, place, place, &more))
}

/// Returns a configuration of containerd that does not import a file by its name.
pub fn remove(text: &str, file: &str) -> Result<String, WiringError> {
    let Some(list) = head(text)?.1 else { return Ok(text.to_owned()) };
    let all = list.get_ref();
    let Some(index) = all.iter().position(|import| import.get_ref() == file) else {
        return Ok(text.to_owned());
    };
    let own = all[index].span();
    let (start, end) = match (index.checked_sub(1).and_then(|before| all.get(before)), all.get(index + 1)) {
        (Some(before), _) => (before.span().end, own.end),
        (None, Some(after)) => (own.start, after.span().start),
        (None, None) => (list.span().start + 1, list.span().end - 1),
    };
    Ok(splice(text, start, end, ""))
}

/// Whether an import, perhaps of all files of a directory, brings a file in.
fn covers(import: &str, file: &str) -> bool {
    let in_directory =
        |directory: &str| file.strip_prefix(directory).is_some_and(|name| !name.contains(['/', '\\']));
    import == file || (file.ends_with(".toml") && import.strip_suffix("*.toml").is_some_and(in_directory))
}

fn splice(text: &str, start: usize, end: usize, put: &str) -> String {
    let (before, after) = (text.get(..start).unwrap_or(text), text.get(end..).unwrap_or_default());
    [before, put, after].concat()
}
