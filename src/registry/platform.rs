//! What an image is for, and which one is wanted.

use std::fmt;
use std::str::FromStr;

use oci_spec::image::ImageConfiguration;
use thiserror::Error;

use super::blob::Blob;
use super::error::{RegistryError, quoted};

/// What an image is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The system: `windows`, `linux`.
    pub os: String,
    /// The processor: `amd64`, `arm64`.
    pub arch: String,
    /// The variant of the processor, unless it is the usual one.
    pub variant: Option<String>,
    /// The version of the system. Windows images have one.
    pub os_version: Option<String>,
}

impl Platform {
    pub(super) fn of_descriptor(platform: &oci_spec::image::Platform) -> Self {
        let (os, arch) = (platform.os().to_string(), platform.architecture().to_string());
        Self::new(os, arch, platform.variant().as_deref(), platform.os_version().as_deref())
    }

    /// Describes the platform, as an index has it.
    pub(super) fn to_descriptor(&self) -> oci_spec::image::Platform {
        let mut platform = oci_spec::image::Platform::default();
        platform.set_os(self.os.as_str().into());
        platform.set_architecture(self.arch.as_str().into());
        platform.set_variant(self.variant.clone());
        platform.set_os_version(self.os_version.clone());
        platform
    }

    pub(super) fn of_config(config: &ImageConfiguration) -> Self {
        let (os, arch) = (config.os().to_string(), config.architecture().to_string());
        Self::new(os, arch, config.variant().as_deref(), config.os_version().as_deref())
    }

    fn new(os: String, arch: String, variant: Option<&str>, os_version: Option<&str>) -> Self {
        let usual =
            matches!((arch.as_str(), variant), ("arm64", Some("v8")) | ("amd64", Some("v1")) | (_, Some("")));
        let variant = variant.filter(|_| !usual).map(str::to_owned);
        let os_version = os_version.filter(|version| !version.is_empty()).map(str::to_owned);
        Self { os, arch, variant, os_version }
    }
}

/// As containerd writes platforms.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if let Some(version) = &self.os_version {
            write!(f, "({version})")?;
        }
        write!(f, "/{}", self.arch)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// The platform that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformWish {
    platform: Platform,
    /// Whether anything else will do where there is no choice.
    lenient: bool,
}

/// A text that names no platform.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no platform: want OS, OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64 or windows(10.0.20348)/amd64"
)]
pub struct BadPlatform(String);

impl PlatformWish {
    /// Wants what this machine is, unless there is no choice.
    pub fn here() -> Self {
        let os = if cfg!(windows) { "windows" } else { "linux" };
        Self { platform: Platform::new(os.to_owned(), arch_here().to_owned(), None, None), lenient: true }
    }

    /// Chooses among images; of those that fit the one of the latest system, and of these the first.
    pub(super) fn choose(&self, found: Vec<(Platform, Blob)>) -> Result<Blob, RegistryError> {
        if let ([(_, only)], true) = (found.as_slice(), self.lenient) {
            return Ok(*only);
        }
        let fitting = found.iter().filter(|(platform, _)| self.accepts(platform));
        let best = fitting.rev().max_by_key(|(platform, _)| version(platform.os_version.as_deref()));
        best.map(|(_, blob)| *blob).ok_or_else(|| {
            let has = found.iter().map(|(platform, _)| quoted(&platform.to_string())).collect();
            RegistryError::NoPlatform { wish: Box::new(self.clone()), has }
        })
    }

    fn accepts(&self, found: &Platform) -> bool {
        let Platform { os, arch, variant, os_version } = &self.platform;
        let wanted = version(os_version.as_deref());
        *os == found.os
            && *arch == found.arch
            && (variant.is_none() || *variant == found.variant)
            && version(found.os_version.as_deref()).starts_with(&wanted)
    }
}

/// Splits a version into its numbers. What is no number counts as zero.
fn version(text: Option<&str>) -> Vec<u64> {
    text.map(|text| text.split('.').map(|part| part.parse().unwrap_or(0)).collect()).unwrap_or_default()
}

/// Returns this machine's processor by the name that images have for it.
fn arch_here() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        other => other,
    }
}

impl FromStr for PlatformWish {
    type Err = BadPlatform;

    fn from_str(text: &str) -> Result<Self, BadPlatform> {
        let bad = || BadPlatform(text.to_owned());
        let mut parts = text.split('/');
        let os = parts.next().unwrap_or_default();
        let (os, os_version) = match os.split_once('(') {
            Some((os, version)) => (os, Some(version.strip_suffix(')').ok_or_else(bad)?)),
            None => (os, None),
        };
        let (arch, variant) = (parts.next().unwrap_or(arch_here()), parts.next());
        let empty = [Some(os), Some(arch), variant, os_version].contains(&Some(""));
        if empty || parts.next().is_some() {
            return Err(bad());
        }
        let platform = Platform::new(os.to_owned(), arch.to_owned(), variant, os_version);
        Ok(Self { platform, lenient: false })
    }
}

impl fmt::Display for PlatformWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.platform.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::digest::Digest;
    use crate::registry::blob::BlobKind;

    fn chosen(wish: &str, has: &[&str]) -> Result<String, RegistryError> {
        let blob =
            |text: &&str| Blob { kind: BlobKind::Manifest, digest: Digest::of(text.as_bytes()), size: 1 };
        let found = has.iter().map(|text| (text.parse::<PlatformWish>().unwrap().platform, blob(text)));
        let wish = if wish.is_empty() { PlatformWish::here() } else { wish.parse().unwrap() };
        let chosen = wish.choose(found.collect())?;
        Ok((*has.iter().find(|text| blob(text) == chosen).unwrap()).to_owned())
    }

    #[test]
    fn the_latest_system_that_fits_is_chosen() {
        let has = [
            "linux/amd64",
            "linux/arm64/v8",
            "windows(10.0.9.1)/amd64",
            "windows(10.0.20348.2)/amd64",
            "windows(10.0.17763.5)/amd64",
            "linux/arm/v6",
            "linux/arm/v7",
        ];
        for (wish, wanted) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/arm64", "linux/arm64/v8"),
            ("linux/arm", "linux/arm/v6"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("windows/amd64", "windows(10.0.20348.2)/amd64"),
            ("windows(10.0.17763)/amd64", "windows(10.0.17763.5)/amd64"),
        ] {
            assert_eq!(chosen(wish, &has).unwrap(), wanted, "{wish}");
        }
        for wish in ["windows(10.0.2034)/amd64", "linux/arm/v5", "linux/s390x"] {
            assert!(matches!(chosen(wish, &has), Err(RegistryError::NoPlatform { .. })), "{wish}");
        }
    }

    #[test]
    fn without_a_wish_the_only_image_will_do() {
        assert_eq!(chosen("", &["windows/s390x"]).unwrap(), "windows/s390x");
        assert!(chosen("", &["windows/s390x", "linux/mips"]).is_err());
        assert!(chosen("linux/amd64", &["windows/s390x"]).is_err());
        let error = chosen("linux/amd64", &["windows(10.0.1)/arm64"]).unwrap_err();
        assert_eq!(error.to_string(), "the image is not for linux/amd64, but windows(10.0.1)/arm64");
    }

    #[test]
    fn other_texts_are_no_platforms() {
        for text in ["", "/amd64", "linux/", "linux/amd64/", "windows(1", "windows()/amd64", "a/b/c/d"] {
            assert!(text.parse::<PlatformWish>().is_err(), "{text}");
        }
    }
}
