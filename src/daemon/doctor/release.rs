//! Which containerd it is.

use super::Symptom;

/// A release of containerd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Release {
    /// The first that is served.
    const FIRST: Self = Self { major: 2, minor: 0 };
    /// The first that unpacks layers side by side.
    pub(super) const REBASE: Self = Self { major: 2, minor: 2 };
    /// The first that leaves out layers that are there.
    const STAGED: Self = Self { major: 2, minor: 4 };

    /// Reads what containerd says of itself, with or without a `v`, and whatever follows.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim_start_matches('v').split(['.', '-', '+']);
        let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(Self { major, minor })
    }

    /// Tells what it can do for us.
    pub(super) fn symptom(self) -> Symptom {
        let Self { major, minor } = self;
        if self < Self::FIRST {
            return Symptom::error(
                format!("containerd {major}.{minor} is too old"),
                "install containerd 2.0 or later",
            );
        }
        if self < Self::REBASE {
            return Symptom::warning(
                format!("containerd {major}.{minor} unpacks the layers of an image one after another"),
                "containerd 2.2 or later unpacks them side by side",
            );
        }
        let skips = if self < Self::STAGED { "" } else { ", and leaves out those that are there" };
        Symptom::ok(format!("containerd {major}.{minor} unpacks layers side by side{skips}"))
    }
}
