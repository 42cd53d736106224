//! GUIDs: in structures in Windows' in-memory order, in file names as lower-case text.

use std::fmt;
use std::str::FromStr;

use sha1::{Digest, Sha1};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A GUID as it lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawGuid {
    data1: U32,
    data2: U16,
    data3: U16,
    data4: [u8; 8],
}

const _: () = assert!(size_of::<RawGuid>() == 16); // 4 + 2 + 2 + 8

/// A GUID, in the order in which it is printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; 16]);

impl Guid {
    /// Makes a GUID of 16 bytes in printing order and marks it as a custom one (version 8).
    ///
    /// The same bytes give the same GUID: names of region sets that come from content are made so.
    pub fn from_content(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0F) | 0x80;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        Self(bytes)
    }

    /// Makes a GUID of 16 random bytes (version 4).
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0F) | 0x40;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        Self(bytes)
    }

    /// Makes the GUID of a name within a namespace (version 5), as RFC 4122 has it.
    pub fn from_name(namespace: Self, name: &[u8]) -> Self {
        let digest = Sha1::new().chain_update(namespace.0).chain_update(name).finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = digest);
        bytes[6] = (bytes[6] & 0x0F) | 0x50;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        Self(bytes)
    }

    /// Takes the fields of a structure in Windows' in-memory order.
    pub fn from_windows_bytes(bytes: [u8; 16]) -> Self {
        RawGuid::read_from_bytes(&bytes).expect("the sizes agree").into()
    }

    /// Returns the fields in Windows' in-memory order.
    pub fn to_windows_bytes(self) -> [u8; 16] {
        let raw = RawGuid::from(self);
        raw.as_bytes().try_into().expect("the sizes agree")
    }

    /// Returns the bytes in printing order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<RawGuid> for Guid {
    fn from(raw: RawGuid) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&raw.data1.get().to_be_bytes());
        bytes[4..6].copy_from_slice(&raw.data2.get().to_be_bytes());
        bytes[6..8].copy_from_slice(&raw.data3.get().to_be_bytes());
        bytes[8..].copy_from_slice(&raw.data4);
        Self(bytes)
    }
}

impl From<Guid> for RawGuid {
    fn from(Guid(b): Guid) -> Self {
        Self {
            data1: U32::new(u32::from_be_bytes([b[0], b[1], b[2], b[3]])),
            data2: U16::new(u16::from_be_bytes([b[4], b[5]])),
            data3: U16::new(u16::from_be_bytes([b[6], b[7]])),
            data4: [b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]],
        }
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a GUID of 36 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID: want 32 hexadecimal digits in groups of 8-4-4-4-12")]
pub struct NotAGuid;

impl FromStr for Guid {
    type Err = NotAGuid;

    fn from_str(text: &str) -> Result<Self, NotAGuid> {
        let text = text.as_bytes();
        let hyphens_right = (0..text.len()).all(|i| (text[i] == b'-') == matches!(i, 8 | 13 | 18 | 23));
        if text.len() != 36 || !hyphens_right {
            return Err(NotAGuid);
        }
        let mut digits = text.iter().filter(|&&c| c != b'-').map(|&c| char::from(c).to_digit(16));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let high = digits.next().flatten().ok_or(NotAGuid)?;
            let low = digits.next().flatten().ok_or(NotAGuid)?;
            *byte = u8::try_from(high << 4 | low).map_err(|_| NotAGuid)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_in_windows_order() {
        let guid: Guid = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
        let on_disk =
            [0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF];
        assert_eq!(guid.to_windows_bytes(), on_disk);
        assert_eq!(Guid::from_windows_bytes(on_disk), guid);
        assert_eq!(guid.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
    }

    #[test]
    fn names_have_one_guid_within_a_namespace() {
        let of = |namespace: &str, name: &str| {
            Guid::from_name(namespace.parse().unwrap(), name.as_bytes()).to_string()
        };
        // The example of RFC 9562, and what the shim makes of a container's name.
        let dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        assert_eq!(of(dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
        let containers = "6827367b-c388-4e9b-961c-6d2c936c0000";
        assert_eq!(of(containers, "test"), "738f7a76-5f2d-5fc5-aa43-120530a48964");
    }

    #[test]
    fn other_text_is_refused() {
        for bad in ["", "{00112233-4455-6677-8899-aabbccddeeff}", "0011223-34455-6677-8899-aabbccddeeff", "g"]
        {
            assert_eq!(bad.parse::<Guid>(), Err(NotAGuid));
        }
    }
}
