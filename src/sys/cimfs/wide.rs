//! Strings as the library takes them.

use std::path::Path;

use super::CimfsError;
use crate::sys::os;

/// UTF-16 that ends with a zero, and has none before.
#[derive(Clone, Debug)]
pub struct WideString(Vec<u16>);

impl WideString {
    /// Takes the units of a string.
    pub fn new(units: impl IntoIterator<Item = u16>) -> Result<Self, CimfsError> {
        let mut units: Vec<u16> = units.into_iter().collect();
        if units.contains(&0) {
            return Err(CimfsError::NotAString(String::from_utf16_lossy(&units)));
        }
        units.push(0);
        Ok(Self(units))
    }

    /// Takes text.
    pub fn text(text: &str) -> Result<Self, CimfsError> {
        Self::new(text.encode_utf16())
    }

    /// Takes a path of the operating system.
    pub fn path(path: &Path) -> Result<Self, CimfsError> {
        let units = os::path_units(path);
        Self::new(units.ok_or_else(|| CimfsError::NotAString(path.display().to_string()))?)
    }

    pub(super) fn as_ptr(&self) -> *const u16 {
        self.0.as_ptr()
    }
}

/// Points to a string, or nowhere.
pub(super) fn optional(string: Option<&WideString>) -> *const u16 {
    string.map_or(std::ptr::null(), WideString::as_ptr)
}
