//! SIDs as text: two letters for those that are the same on every machine, `S-1-...` for the others.

use super::{SddlError, clip};
use crate::cim::security::{MAX_SUB_AUTHORITIES, Sid};

/// Aliases: authority and sub-authorities.
#[rustfmt::skip]
const ALIASES: [(&str, u64, &[u32]); 49] = [
    ("WD", 1, &[0]), ("CO", 3, &[0]), ("CG", 3, &[1]), ("OW", 3, &[4]),
    ("NU", 5, &[2]), ("IU", 5, &[4]), ("SU", 5, &[6]), ("AN", 5, &[7]), ("ED", 5, &[9]), ("PS", 5, &[10]),
    ("AU", 5, &[11]), ("RC", 5, &[12]), ("SY", 5, &[18]), ("LS", 5, &[19]), ("NS", 5, &[20]), ("WR", 5, &[33]),
    ("BA", 5, &[32, 544]), ("BU", 5, &[32, 545]), ("BG", 5, &[32, 546]), ("PU", 5, &[32, 547]),
    ("AO", 5, &[32, 548]), ("SO", 5, &[32, 549]), ("PO", 5, &[32, 550]), ("BO", 5, &[32, 551]),
    ("RE", 5, &[32, 552]), ("RU", 5, &[32, 554]), ("RD", 5, &[32, 555]), ("NO", 5, &[32, 556]),
    ("MU", 5, &[32, 558]), ("LU", 5, &[32, 559]), ("IS", 5, &[32, 568]), ("CY", 5, &[32, 569]),
    ("ER", 5, &[32, 573]), ("CD", 5, &[32, 574]), ("RA", 5, &[32, 575]), ("ES", 5, &[32, 576]),
    ("MS", 5, &[32, 577]), ("HA", 5, &[32, 578]), ("AA", 5, &[32, 579]), ("RM", 5, &[32, 580]),
    ("UD", 5, &[84, 0, 0, 0, 0, 0]), ("AC", 15, &[2, 1]),
    ("LW", 16, &[4096]), ("ME", 16, &[8192]), ("MP", 16, &[8448]), ("HI", 16, &[12288]), ("SI", 16, &[16384]),
    ("AS", 18, &[1]), ("SS", 18, &[2]),
];

/// Aliases of users and groups of a machine or a domain.
const DOMAIN_ALIASES: [&str; 17] =
    ["LA", "LG", "DA", "DU", "DG", "DC", "DD", "CA", "SA", "EA", "PA", "RS", "RO", "CN", "AP", "KA", "EK"];

/// Turns text into the bytes of a SID.
pub(super) fn parse(text: &str) -> Result<Vec<u8>, SddlError> {
    let unknown = || SddlError::Sid(clip(text));
    if let Some(parts) = text.strip_prefix("S-1-") {
        return literal(parts).ok_or_else(unknown);
    }
    if DOMAIN_ALIASES.contains(&text) {
        return Err(SddlError::DomainAlias(text.to_owned()));
    }
    let (_, authority, sub_authorities) =
        ALIASES.iter().find(|(alias, ..)| *alias == text).ok_or_else(unknown)?;
    Sid::build(*authority, sub_authorities).ok_or_else(unknown)
}

/// Turns a SID into its alias, or into `S-1-...`.
pub(super) fn format(sid: Sid<'_>) -> String {
    let is_sid = |(_, authority, sub_authorities): &&(&str, u64, &[u32])| {
        sid.authority() == *authority && sid.sub_authorities().eq(sub_authorities.iter().copied())
    };
    ALIASES.iter().find(is_sid).map_or_else(|| sid.to_string(), |(alias, ..)| (*alias).to_owned())
}

fn literal(parts: &str) -> Option<Vec<u8>> {
    let mut parts = parts.split('-');
    let authority = parts.next()?;
    let authority = match authority.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()?
        }
        Some(_) => return None,
        None => decimal(authority)?,
    };
    // One more than there may be is enough for `build` to refuse.
    let sub_authorities: Option<Vec<u32>> = parts
        .take(MAX_SUB_AUTHORITIES + 1)
        .map(|part| decimal(part).and_then(|number| u32::try_from(number).ok()))
        .collect();
    Sid::build(authority, &sub_authorities?)
}

/// Reads digits, and nothing but digits.
fn decimal(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
