//! How much is done at once.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Caution, Config};

/// How much is done at once. What is not said depends on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Images that are mounted or unmounted at once. `auto` is as many as are asked for, or a few where Windows is known to
    /// crash otherwise.
    #[serde(with = "auto")]
    #[schemars(with = "String", extend("kind" = "`\"auto\"`, or a number above zero"))]
    pub mounts: Option<NonZeroUsize>,
}

impl Config {
    /// Returns how many images may be mounted or unmounted at once, if that matters.
    pub(super) fn mounts_at_once(&self, caution: Option<Caution>) -> Option<NonZeroUsize> {
        self.limits.mounts.or(caution.map(|caution| caution.mounts))
    }

    /// Returns how many layers are converted at once.
    pub(super) fn conversions_at_once(&self, cores: NonZeroUsize, caution: Option<Caution>) -> NonZeroUsize {
        let most = caution.map_or(cores, |caution| caution.conversions);
        self.workers.unwrap_or(cores.min(most))
    }
}

/// A number, or `auto` for none.
mod auto {
    use std::num::NonZeroUsize;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    const AUTO: &str = "auto";

    #[derive(Serialize, Deserialize)]
    #[serde(untagged, expecting = "expected \"auto\" or a number above zero")]
    enum Value {
        Number(NonZeroUsize),
        Word(String),
    }

    pub(super) fn serialize<S: Serializer>(
        value: &Option<NonZeroUsize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map_or(Value::Word(AUTO.to_owned()), Value::Number).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<NonZeroUsize>, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => Ok(Some(number)),
            Value::Word(word) if word == AUTO => Ok(None),
            Value::Word(word) => Err(D::Error::custom(format!("{word:?} is neither \"auto\" nor a number"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::WindowsBuild;

    fn limits(text: &str) -> Result<Limits, toml::de::Error> {
        toml::from_str(text)
    }

    fn some(number: usize) -> Option<NonZeroUsize> {
        NonZeroUsize::new(number)
    }

    #[test]
    fn a_limit_is_a_number_or_auto() {
        assert_eq!(limits("").unwrap().mounts, None);
        assert_eq!(limits("mounts = \"auto\"").unwrap().mounts, None);
        assert_eq!(limits("mounts = 7").unwrap().mounts, some(7));
        for text in ["mounts = 0", "mounts = -1", "mounts = \"7\"", "mounts = \"all\"", "mount = 1"] {
            assert!(limits(text).is_err(), "{text}");
        }
        assert_eq!(toml::to_string(&Limits::default()).unwrap(), "mounts = \"auto\"\n");
        assert_eq!(toml::to_string(&Limits { mounts: some(3) }).unwrap(), "mounts = 3\n");
    }

    #[test]
    fn what_is_said_counts_more_than_caution() {
        let cores = NonZeroUsize::new(16).unwrap();
        let caution = WindowsBuild { number: 20348, revision: 2031 }.caution();
        let config = Config::default();
        assert_eq!((config.mounts_at_once(None), config.conversions_at_once(cores, None)), (None, cores));
        assert_eq!(config.mounts_at_once(caution), some(2));
        assert_eq!(some(config.conversions_at_once(cores, caution).get()), some(2));
        assert_eq!(config.conversions_at_once(NonZeroUsize::MIN, caution), NonZeroUsize::MIN);
        let bold = Config { limits: Limits { mounts: some(9) }, workers: some(8), ..config };
        assert_eq!(bold.mounts_at_once(caution), some(9));
        assert_eq!(some(bold.conversions_at_once(cores, caution).get()), some(8));
    }
}
