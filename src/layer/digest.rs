//! Content digests as OCI descriptors write them: `sha256:` and 64 lower-case hex digits.
//!
//! SHA-256 is the only algorithm that registries use for layers. [`Hasher`] is the single place that names the
//! implementation, so that a target without hash instructions can be given another one here.

#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

const PREFIX: &str = "sha256:";
const DIGITS: usize = 64;

/// A SHA-256 digest. Its text form is `sha256:` and 64 lower-case hex digits, and no other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The digest of a run of bytes, and how many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestAndSize {
    /// Digest of all bytes.
    pub digest: Digest,
    /// Number of bytes.
    pub size: u64,
}

/// Computes a [`DigestAndSize`] piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    state: Sha256,
    size: u64,
}

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct DigestError(Reason);

/// What makes a text no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestErrorKind {
    /// The text does not start with `sha256:`.
    Algorithm,
    /// There are more or fewer than 64 digits.
    Length,
    /// A digit is not lower-case hex.
    Digit,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Reason {
    #[error("a digest must start with sha256:, and {0:?} does not")]
    Algorithm(String),
    #[error("a sha256 digest has 64 digits, not {0}")]
    Length(usize),
    #[error("digit {position} of a digest is {found:?}, which is not lower-case hex")]
    Digit { position: usize, found: char },
}

impl Digest {
    /// Takes the 32 bytes of a digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the chain id of a layer with this diff id over the layers of a chain, as the OCI image format has it.
    #[must_use]
    pub fn over(&self, chain: Option<&Self>) -> Self {
        chain.map_or(*self, |chain| Self::of(format!("{chain} {self}").as_bytes()))
    }

    /// Computes the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns the 64 digits without the name of the algorithm, as file names use them.
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{PREFIX}{}", self.hex()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let Some(digits) = text.strip_prefix(PREFIX) else {
            // The text may come from a registry: quote no more of it than a digest is long.
            let start = text.chars().take(PREFIX.len()).collect();
            return Err(DigestError(Reason::Algorithm(start)));
        };
        if digits.len() != DIGITS {
            return Err(DigestError(Reason::Length(digits.len())));
        }
        if let Some((position, found)) = digits.char_indices().find(|(_, digit)| nibble(*digit).is_none()) {
            return Err(DigestError(Reason::Digit { position, found }));
        }
        let mut bytes = [0; 32];
        let mut nibbles = digits.chars().filter_map(nibble);
        for byte in &mut bytes {
            let (high, low) = (nibbles.next().unwrap_or(0), nibbles.next().unwrap_or(0));
            *byte = (high << 4) | low;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: char) -> Option<u8> {
    if digit.is_ascii_uppercase() {
        return None;
    }
    digit.to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl DigestError {
    /// Returns what makes the text no digest.
    pub fn kind(&self) -> DigestErrorKind {
        match self.0 {
            Reason::Algorithm(_) => DigestErrorKind::Algorithm,
            Reason::Length(_) => DigestErrorKind::Length,
            Reason::Digit { .. } => DigestErrorKind::Digit,
        }
    }
}

impl Hasher {
    /// Adds `bytes` to the run.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        // No stream reaches 2^64 bytes, and a slice length always fits.
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    /// Returns the digest and the number of all bytes added.
    pub fn finish(self) -> DigestAndSize {
        DigestAndSize { digest: Digest(self.state.finalize().into()), size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn digest_of_abc_is_the_published_one() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(ABC.parse::<Digest>().unwrap(), Digest::of(b"abc"));
        assert_eq!(format!("{:?}", Digest::of(b"abc")), ABC);
    }

    #[test]
    fn anything_but_the_one_text_form_is_refused() {
        let cases = [
            ("", DigestErrorKind::Algorithm),
            ("sha512:00", DigestErrorKind::Algorithm),
            (&ABC[7..], DigestErrorKind::Algorithm),
            (&ABC.replace("sha256", "SHA256"), DigestErrorKind::Algorithm),
            ("sha256:", DigestErrorKind::Length),
            (&ABC[..70], DigestErrorKind::Length),
            (&format!("{ABC}0"), DigestErrorKind::Length),
            (&format!("{ABC}\n"), DigestErrorKind::Length),
            (&ABC.replace("ba78", "BA78"), DigestErrorKind::Digit),
            (&ABC.replace("ba78", "ga78"), DigestErrorKind::Digit),
            (&ABC.replace("ba78", "+a78"), DigestErrorKind::Digit),
            // Two bytes and one character: the length is right, the digit is not.
            (&ABC.replace("ba78", "\u{e9}78"), DigestErrorKind::Digit),
        ];
        for (text, kind) in cases {
            assert_eq!(text.parse::<Digest>().unwrap_err().kind(), kind, "{text:?}");
        }
    }

    #[test]
    fn a_wrong_digit_is_named_with_its_place() {
        let error = ABC.replace("01cf", "01CF").parse::<Digest>().unwrap_err();
        assert_eq!(error.to_string(), "digit 12 of a digest is 'C', which is not lower-case hex");
    }

    proptest! {
        #[test]
        fn text_and_bytes_are_one_to_one(bytes: [u8; 32]) {
            let digest = Digest::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
            prop_assert_eq!(digest.as_bytes(), &bytes);
        }

        #[test]
        fn hashing_in_pieces_is_hashing_at_once(bytes: Vec<u8>, cut in 0usize..64) {
            let cut = cut.min(bytes.len());
            let mut hasher = Hasher::default();
            hasher.update(&bytes[..cut]);
            hasher.update(&bytes[cut..]);
            let done = hasher.finish();
            prop_assert_eq!(done.digest, Digest::of(&bytes));
            prop_assert_eq!(done.size, bytes.len() as u64);
        }
    }
}
