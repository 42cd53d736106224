//! Bytes to text.

use super::{SddlError, sids, tokens};
use crate::cim::security::{Ace, Acl, AclSlot, Control, Descriptor, ace_type};

/// Turns a descriptor into text that [`parse`](super::parse) makes the same rights of.
///
/// The text form knows neither the order of the parts, nor which of them were filled in by default, nor the byte of a
/// resource manager; these are left out. What changes the meaning and has no text is an error.
pub fn format(bytes: &[u8]) -> Result<String, SddlError> {
    let descriptor = Descriptor::parse(bytes)?;
    let mut out = String::new();
    for (word, sid) in [("O:", descriptor.owner()), ("G:", descriptor.group())] {
        if let Some(sid) = sid {
            out.push_str(word);
            out.push_str(&sids::format(sid));
        }
    }
    let control = descriptor.control();
    match descriptor.dacl() {
        AclSlot::Absent => {}
        AclSlot::Null => {
            out.push_str("D:");
            flags(&mut out, control, &tokens::DACL_FLAGS);
            out.push_str(tokens::NULL_ACL);
        }
        AclSlot::List(acl) => {
            out.push_str("D:");
            flags(&mut out, control, &tokens::DACL_FLAGS);
            list(&mut out, acl)?;
        }
    }
    match descriptor.sacl() {
        AclSlot::Absent => {}
        AclSlot::Null => return Err(SddlError::Inexpressible { what: "a null SACL" }),
        AclSlot::List(acl) => {
            out.push_str("S:");
            flags(&mut out, control, &tokens::SACL_FLAGS);
            list(&mut out, acl)?;
        }
    }
    Ok(out)
}

fn flags(out: &mut String, control: Control, known: &[(&str, Control)]) {
    known.iter().filter(|(_, bit)| control.contains(*bit)).for_each(|(word, _)| out.push_str(word));
}

fn list(out: &mut String, acl: Acl<'_>) -> Result<(), SddlError> {
    acl.aces().try_for_each(|entry| ace(out, entry))
}

fn ace(out: &mut String, ace: Ace<'_>) -> Result<(), SddlError> {
    let inexpressible = |what| SddlError::Inexpressible { what };
    let (kind, _) = tokens::ACE_TYPES
        .iter()
        .find(|(_, kind)| *kind == ace.kind())
        .ok_or(inexpressible("the type of an access control entry"))?;
    let parts = ace.parts().filter(|parts| parts.data.is_empty());
    let parts = parts.ok_or(inexpressible("the data behind the SID of an access control entry"))?;
    let known = tokens::ACE_FLAGS.iter().fold(0, |known, (_, bit)| known | bit);
    if ace.flags() & !known != 0 {
        return Err(inexpressible("a flag of an access control entry"));
    }
    let flags: String =
        tokens::ACE_FLAGS.iter().filter(|(_, bit)| ace.flags() & bit != 0).map(|(word, _)| *word).collect();
    let fields = [
        (*kind).to_owned(),
        flags,
        rights(ace.kind(), parts.mask),
        parts.object.map(guid).unwrap_or_default(),
        parts.inherited_object.map(guid).unwrap_or_default(),
        sids::format(parts.sid),
    ];
    out.push('(');
    out.push_str(&fields.join(";"));
    out.push(')');
    Ok(())
}

/// Writes a set of rights by its name, as a run of words, or as a number where some bit has no word.
fn rights(kind: u8, mask: u32) -> String {
    let run = |table: &[(&str, u32)]| -> Option<String> {
        let known = table.iter().fold(0, |known, (_, bit)| known | bit);
        let used = table.iter().filter(|(_, bit)| mask & bit != 0);
        (mask != 0 && mask & !known == 0).then(|| used.map(|(word, _)| *word).collect())
    };
    if kind == ace_type::MANDATORY_LABEL
        && let Some(words) = run(&tokens::LABEL_RIGHTS)
    {
        return words;
    }
    if let Some((word, _)) = tokens::RIGHT_SETS.iter().find(|(_, set)| *set == mask) {
        return (*word).to_owned();
    }
    run(&tokens::SINGLE_RIGHTS).unwrap_or_else(|| format!("{mask:#x}"))
}

fn guid(mut bytes: [u8; 16]) -> String {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let (first, rest) = digits.split_at(8);
    let (second, rest) = rest.split_at(4);
    let (third, rest) = rest.split_at(4);
    let (fourth, last) = rest.split_at(4);
    [first, second, third, fourth, last].join("-")
}
