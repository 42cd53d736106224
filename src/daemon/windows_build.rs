//! What is known of builds of Windows: which ones mount images, and which ones break when they do.

use std::fmt;
use std::num::NonZeroUsize;

use crate::sys;

/// A build of Windows, as `winver` shows it: 20348.2031.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowsBuild {
    /// The build.
    pub number: u32,
    /// How far it has been updated.
    pub revision: u32,
}

/// What a build should not be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caution {
    /// How many images may be mounted or unmounted at the same time.
    pub mounts: NonZeroUsize,
    /// How many layers may be converted at the same time.
    pub conversions: NonZeroUsize,
    /// What has been seen when more was done at once.
    pub reason: &'static str,
}

impl fmt::Display for Caution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mounts, conversions, reason } = self;
        write!(f, "at most {mounts} mounts and {conversions} conversions at the same time: {reason}")
    }
}

/// Windows Server 2022.
const SERVER_2022: u32 = 20348;
/// Its first update with the driver of CIM images.
const SERVER_2022_WITH_CIMFS: WindowsBuild = WindowsBuild { number: SERVER_2022, revision: 2031 };
/// Windows Server 2025. No build between it and Server 2022 mounts images.
const SERVER_2025: u32 = 26100;
/// The first build that mounts images that are one file.
const BLOCK_IMAGES: u32 = 27766;
/// The first build that checks what it mounts.
const VERIFIED_IMAGES: u32 = 27800;

/// Two, so that one slow layer does not hold up all others. Nobody knows how many are too many: nodes broke down while some
/// fifteen images were pulled and started together.
const FEW: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

impl WindowsBuild {
    /// Returns the build that we run on, if it is Windows.
    pub fn running() -> Option<Self> {
        sys::windows_build().map(|(number, revision)| Self { number, revision })
    }

    /// Whether it mounts images.
    pub fn mounts_images(self) -> bool {
        self.number >= SERVER_2025 || (self.number == SERVER_2022 && self >= SERVER_2022_WITH_CIMFS)
    }

    /// Whether an update of it would mount images.
    pub fn needs_update(self) -> bool {
        self.number == SERVER_2022 && !self.mounts_images()
    }

    /// Whether it mounts images that are one file each, block CIMs.
    pub fn mounts_block_images(self) -> bool {
        self.number >= BLOCK_IMAGES
    }

    /// Whether it checks the data of images that bring a digest of all of it.
    pub fn mounts_verified_images(self) -> bool {
        self.number >= VERIFIED_IMAGES
    }

    /// Returns what it should not be asked to do.
    pub fn caution(self) -> Option<Caution> {
        (self.number == SERVER_2022).then_some(Caution {
            mounts: FEW,
            conversions: FEW,
            reason: "the driver of CIM images in Windows Server 2022 is reported to crash the machine where many are \
                     made and mounted at once",
        })
    }
}

impl fmt::Display for WindowsBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, revision } = self;
        let release = match self.number {
            17763 => "Windows Server 2019",
            SERVER_2022 => "Windows Server 2022",
            25398 => "Windows Server 23H2",
            SERVER_2025 => "Windows Server 2025",
            _ => "Windows",
        };
        write!(f, "{release} ({number}.{revision})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(number: u32, revision: u32) -> WindowsBuild {
        WindowsBuild { number, revision }
    }

    #[test]
    fn what_each_build_mounts() {
        // Build and revision; whether it mounts images, block images, verified images.
        let table = [
            (17763, 9999, [false; 3]),
            (19045, 9999, [false; 3]),
            (20348, 0, [false; 3]),
            (20348, 2030, [false; 3]),
            (20348, 2031, [true, false, false]),
            (20348, 4000, [true, false, false]),
            (20349, 9999, [false; 3]),
            (22631, 9999, [false; 3]),
            (25398, 9999, [false; 3]),
            (26099, 9999, [false; 3]),
            (26100, 1, [true, false, false]),
            (27765, 9999, [true, false, false]),
            (27766, 0, [true, true, false]),
            (27799, 9999, [true, true, false]),
            (27800, 0, [true; 3]),
            (30000, 0, [true; 3]),
        ];
        for (number, revision, expected) in table {
            let build = build(number, revision);
            let found = [build.mounts_images(), build.mounts_block_images(), build.mounts_verified_images()];
            assert_eq!(found, expected, "{build}");
        }
    }

    #[test]
    fn an_update_helps_where_the_release_has_the_driver() {
        assert!(build(20348, 1).needs_update());
        assert!(!build(20348, 2031).needs_update());
        assert!(!build(17763, 1).needs_update());
        assert!(!build(26100, 1).needs_update());
    }

    #[test]
    fn only_server_2022_needs_caution_whatever_its_revision() {
        for (number, cautious) in
            [(17763, false), (20348, true), (25398, false), (26100, false), (27800, false)]
        {
            assert_eq!(build(number, 9999).caution().is_some(), cautious, "{number}");
        }
        let text = build(20348, 2031).caution().unwrap().to_string();
        assert!(text.starts_with("at most 2 mounts and 2 conversions at the same time: "), "{text}");
    }
}
