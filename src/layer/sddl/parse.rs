//! Text to bytes.

use super::{SddlError, clip, sids, tokens};
use crate::cim::security::{Ace, AceParts, Acl, AclSlot, Control, Parts, Sid, ace_type};

/// Revisions of an ACL without and with object entries.
const PLAIN_REVISION: u8 = 2;
const OBJECT_REVISION: u8 = 4;

/// Turns text into a self-relative descriptor: header, owner, group, DACL, SACL.
pub fn parse(text: &str) -> Result<Vec<u8>, SddlError> {
    let mut left = text;
    let mut control = Control::empty();
    let owner = component(&mut left, "O:").then(|| sid(&mut left)).transpose()?;
    let group = component(&mut left, "G:").then(|| sid(&mut left)).transpose()?;
    let dacl = match component(&mut left, "D:") {
        true => dacl(&mut left, &mut control)?,
        false => AclSlot::Absent,
    };
    let sacl = match component(&mut left, "S:") {
        true => AclSlot::List(list(&mut left, &mut control, &tokens::SACL_FLAGS)?),
        false => AclSlot::Absent,
    };
    if !left.is_empty() {
        return Err(expected("O:, G:, D: or S:, in this order, or the end", left));
    }
    let parts = Parts {
        control,
        owner: owner.as_deref(),
        group: group.as_deref(),
        dacl: borrow(&dacl),
        sacl: borrow(&sacl),
    };
    Ok(parts.build()?)
}

fn borrow(slot: &AclSlot<Vec<u8>>) -> AclSlot<&[u8]> {
    match slot {
        AclSlot::Absent => AclSlot::Absent,
        AclSlot::Null => AclSlot::Null,
        AclSlot::List(list) => AclSlot::List(list),
    }
}

fn expected(what: &'static str, left: &str) -> SddlError {
    SddlError::Expected { expected: what, found: clip(left) }
}

/// Skips blanks, and takes a word if it comes next.
fn component(left: &mut &str, word: &str) -> bool {
    *left = left.trim_start_matches([' ', '\t']);
    match left.strip_prefix(word) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}

/// Takes an owner or group. It ends before the letter and colon of the next component.
fn sid(left: &mut &str) -> Result<Vec<u8>, SddlError> {
    let end = match left.find(':') {
        Some(colon) => colon.checked_sub(1).filter(|&end| left.is_char_boundary(end)),
        None => Some(left.len()),
    };
    let (text, rest) = left.split_at(end.ok_or_else(|| expected("a SID", left))?);
    *left = rest;
    sids::parse(text.trim_matches([' ', '\t']))
}

fn dacl(left: &mut &str, control: &mut Control) -> Result<AclSlot<Vec<u8>>, SddlError> {
    flags(left, control, &tokens::DACL_FLAGS);
    if component(left, tokens::NULL_ACL) {
        return Ok(AclSlot::Null);
    }
    list(left, control, &tokens::DACL_FLAGS).map(AclSlot::List)
}

fn flags(left: &mut &str, control: &mut Control, known: &[(&str, Control)]) {
    while let Some(&(_, bit)) = known.iter().find(|(word, _)| component(left, word)) {
        *control |= bit;
    }
}

fn list(left: &mut &str, control: &mut Control, known: &[(&str, Control)]) -> Result<Vec<u8>, SddlError> {
    flags(left, control, known);
    let mut aces = Vec::new();
    let mut len = 0;
    let mut revision = PLAIN_REVISION;
    while component(left, "(") {
        let (inner, rest) = left.split_once(')').ok_or_else(|| expected("an entry that ends in )", left))?;
        *left = rest;
        let (bytes, is_object) = ace(inner)?;
        // Stops here, not in `build`, so that no text makes a list of more entries than fit.
        len += bytes.len();
        if len > usize::from(u16::MAX) {
            return Err(SddlError::ListTooLong);
        }
        aces.push(bytes);
        if is_object {
            revision = OBJECT_REVISION;
        }
    }
    Acl::build(revision, &aces).ok_or(SddlError::ListTooLong)
}

/// Reads an entry. Also returns whether it is one that can name kinds of objects.
fn ace(text: &str) -> Result<(Vec<u8>, bool), SddlError> {
    let fields: Vec<&str> = text.splitn(8, ';').collect();
    if let Some(kind) = fields.first().filter(|kind| tokens::UNSUPPORTED_ACE_TYPES.contains(kind)) {
        return Err(SddlError::UnsupportedAce(clip(kind)));
    }
    let &[kind, flags, mask, object, inherited_object, who] = fields.as_slice() else {
        return Err(SddlError::AceParts(fields.len()));
    };
    let kind = tokens::value_of(&tokens::ACE_TYPES, kind).ok_or_else(|| SddlError::AceType(clip(kind)))?;
    let is_object = matches!(kind, ace_type::ALLOW_OBJECT | ace_type::DENY_OBJECT | ace_type::AUDIT_OBJECT);
    let who = sids::parse(who)?;
    let parts = AceParts {
        mask: rights(mask).ok_or_else(|| SddlError::Rights(clip(mask)))?,
        object: guid(object, is_object)?,
        inherited_object: guid(inherited_object, is_object)?,
        is_object,
        sid: Sid::from_prefix(&who)?,
        data: &[],
    };
    let flags = ace_flags(flags).ok_or_else(|| SddlError::AceFlags(clip(flags)))?;
    let bytes = Ace::build(kind, flags, &parts).ok_or(SddlError::ListTooLong)?;
    Ok((bytes, is_object))
}

fn ace_flags(text: &str) -> Option<u8> {
    words(text).try_fold(0, |flags, word| Some(flags | tokens::value_of(&tokens::ACE_FLAGS, word?)?))
}

/// Reads a number, or a run of words of two letters.
fn rights(text: &str) -> Option<u32> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return number(text);
    }
    let right = |word| {
        tokens::value_of(&tokens::RIGHT_SETS, word)
            .or_else(|| tokens::value_of(&tokens::SINGLE_RIGHTS, word))
            .or_else(|| tokens::value_of(&tokens::LABEL_RIGHTS, word))
    };
    words(text).try_fold(0, |mask, word| Some(mask | right(word?)?))
}

/// Reads `0x` hexadecimal, `0` octal, or decimal.
fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// Splits a run of words of two letters; `None` for what is left over.
fn words(text: &str) -> impl Iterator<Item = Option<&str>> {
    (0..text.len()).step_by(2).map(|at| text.get(at..at.checked_add(2)?))
}

/// Reads a GUID into Windows' byte order. Only object entries have any.
fn guid(text: &str, allowed: bool) -> Result<Option<[u8; 16]>, SddlError> {
    if text.is_empty() {
        return Ok(None);
    }
    let guid = read_guid(text).filter(|_| allowed);
    guid.map(Some).ok_or_else(|| SddlError::Guid(clip(text)))
}

fn read_guid(text: &str) -> Option<[u8; 16]> {
    let parts: Vec<&str> = text.splitn(6, '-').collect();
    let lens = parts.iter().map(|part| part.len());
    if !lens.eq([8, 4, 4, 4, 12]) || !parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = u128::from_str_radix(&parts.concat(), 16).ok()?.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    Some(bytes)
}
