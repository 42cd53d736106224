//! Extended attributes of Linux as EAs.
//!
//! | name of the attribute | EA | value of the EA |
//! |---|---|---|
//! | up to 252 bytes, no upper-case ASCII letter | `LX.` and the name in upper case, as WSL has it | `aexl`, the value |
//! | any other | `LXATTR.` and a number | `aexl`, the length of the name as a byte, the name, the value |
//!
//! Windows ignores the case of EA names, so the second form keeps a name that the first cannot. Earlier versions stored all
//! names in the first form; those lost their case, and read as lower case.

use std::borrow::Cow;

use super::FileType;
use crate::cim::ea::{Ea, EaBuilder, EaError, MAX_NAME_LEN};
use crate::cim::posix_acl::AclKind;

/// Begins the name of an EA whose name holds that of the attribute.
const PREFIX: &[u8] = b"LX.";

/// Begins the name of an EA whose value holds the name of the attribute.
pub const EXACT_PREFIX: &[u8] = b"LXATTR.";

/// Begins the value of both.
const MAGIC: &[u8] = b"aexl";

/// Where the name of an extended attribute belongs. The first part of it decides who may set it and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// `user.`: of programs.
    User,
    /// `security.`: of the kernel's security modules.
    Security,
    /// `trusted.`: of the administrator of the host.
    Trusted,
    /// A POSIX ACL.
    Acl(AclKind),
    /// Any other, which file systems of Linux do not keep.
    Unknown,
}

impl Namespace {
    /// Returns where a name belongs.
    pub fn of(name: &[u8]) -> Self {
        if let Some(kind) = AclKind::of_xattr(name) {
            return Self::Acl(kind);
        }
        let known: [(&[u8], Self); 3] =
            [(b"user.", Self::User), (b"security.", Self::Security), (b"trusted.", Self::Trusted)];
        let found = known.into_iter().find(|(prefix, _)| name.starts_with(prefix));
        found.map_or(Self::Unknown, |(_, namespace)| namespace)
    }

    /// Returns whether a file of some type can have attributes of this namespace.
    pub fn is_of(self, file_type: FileType) -> bool {
        match self {
            Self::User => matches!(file_type, FileType::Regular | FileType::Directory),
            Self::Acl(_) => file_type != FileType::Symlink,
            Self::Security | Self::Trusted => true,
            Self::Unknown => false,
        }
    }
}

/// Returns whether an overlay takes an attribute of its lower directory for a note of its own.
pub fn is_overlay_note(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}

/// Returns the name and the value of the extended attribute that an EA holds; `None` for other EAs.
pub fn xattr<'a>(ea: &Ea<'a>) -> Option<(Cow<'a, [u8]>, &'a [u8])> {
    if let Some(name) = without_prefix(ea.name, PREFIX) {
        return Some((name.to_ascii_lowercase().into(), ea.value.strip_prefix(MAGIC)?));
    }
    without_prefix(ea.name, EXACT_PREFIX)?;
    let (&len, rest) = ea.value.strip_prefix(MAGIC)?.split_first()?;
    let (name, value) = rest.split_at_checked(len.into())?;
    let is_valid = !is_plain(name) && !name.is_empty() && !name.contains(&0);
    is_valid.then_some((Cow::Borrowed(name), value))
}

/// Appends extended attributes: those in the first form by the names of their EAs, then the others by their own.
pub(super) fn push<'a>(
    eas: &mut EaBuilder,
    xattrs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), EaError> {
    let (mut plain, mut exact) = (Vec::new(), Vec::new());
    for (name, value) in xattrs {
        let len = check(name)?;
        if is_plain(name) {
            plain.push(([PREFIX, name].concat().to_ascii_uppercase(), [MAGIC, value].concat()));
        } else {
            exact.push((name, [MAGIC, &[len], name, value].concat()));
        }
    }
    plain.sort_unstable();
    exact.sort_unstable();
    plain.iter().try_for_each(|(name, value)| eas.push(0, name, value))?;
    for (index, (name, value)) in exact.iter().enumerate() {
        if exact.get(index + 1).is_some_and(|(next, _)| next == name) {
            return Err(EaError::Duplicate(String::from_utf8_lossy(name).into_owned()));
        }
        eas.push(0, &[EXACT_PREFIX, index.to_string().as_bytes()].concat(), value)?;
    }
    Ok(())
}

/// Returns whether the first form keeps a name.
fn is_plain(name: &[u8]) -> bool {
    PREFIX.len() + name.len() <= MAX_NAME_LEN && !name.iter().any(u8::is_ascii_uppercase)
}

/// Checks a name by the rules of Linux, and returns its length.
fn check(name: &[u8]) -> Result<u8, EaError> {
    if name.is_empty() {
        return Err(EaError::EmptyName);
    }
    if name.contains(&0) {
        return Err(EaError::Nul(String::from_utf8_lossy(name).into_owned()));
    }
    u8::try_from(name.len()).map_err(|_| EaError::NameTooLong { len: name.len() })
}

/// Returns what follows a prefix of an EA name, if anything does.
fn without_prefix<'a>(name: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (front, rest) = name.split_at_checked(prefix.len())?;
    (front.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::cim::ea::EaList;

    fn list(xattrs: &[(&[u8], &[u8])]) -> Result<Vec<u8>, EaError> {
        let mut eas = EaBuilder::new();
        push(&mut eas, xattrs.iter().copied())?;
        Ok(eas.in_order())
    }

    fn read(list: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let eas = EaList::parse(list).unwrap();
        eas.iter().filter_map(|ea| xattr(&ea)).map(|(name, value)| (name.into(), value.to_vec())).collect()
    }

    fn ea_names(list: &[u8]) -> Vec<String> {
        EaList::parse(list).unwrap().iter().map(|ea| String::from_utf8_lossy(ea.name).into()).collect()
    }

    #[test]
    fn forms_are_the_known_ones() {
        let list = list(&[
            (b"user.Foo", b"2"),
            (b"security.SMACK64", b""),
            (b"user.foo", b"1"),
            (b"user.FOO", b"3"),
        ]);
        let list = list.unwrap();
        assert_eq!(ea_names(&list), ["LX.USER.FOO", "LXATTR.0", "LXATTR.1", "LXATTR.2"]);
        let values: Vec<_> = EaList::parse(&list).unwrap().iter().map(|ea| ea.value.to_vec()).collect();
        let known: [&[u8]; 4] =
            [b"aexl1", b"aexl\x10security.SMACK64", b"aexl\x08user.FOO3", b"aexl\x08user.Foo2"];
        assert_eq!(values, known);
    }

    #[test]
    fn eas_of_wsl_and_of_earlier_versions_are_read() {
        let found = |name: &'static [u8], value: &'static [u8]| {
            let found = xattr(&Ea { flags: 0, name, value });
            found.map(|(name, value)| (name.into_owned(), value.to_vec()))
        };
        let capability = found(b"LX.SECURITY.CAPABILITY", b"aexl\x01\x02");
        assert_eq!(capability, Some((b"security.capability".to_vec(), vec![1, 2])));
        assert_eq!(found(b"lx.user.a", b"aexl"), Some((b"user.a".to_vec(), vec![])));
        assert_eq!(found(b"LX.USER.A", b"axel\x01"), None);
        assert_eq!(found(b"LX.", b"aexl"), None);
        assert_eq!(found(b"$LXUID", b"aexl"), None);
        assert_eq!(found(b"lxattr.9", b"aexl\x01AB"), Some((b"A".to_vec(), b"B".to_vec())));
    }

    #[test]
    fn names_that_the_second_form_may_not_hold_are_ignored() {
        for value in [&b"aexl"[..], b"aexl\0", b"aexl\x01a", b"aexl\x02A", b"aexl\x02A\0", b"axel\x01A"] {
            assert_eq!(xattr(&Ea { flags: 0, name: b"LXATTR.0", value }), None, "{value:?}");
        }
    }

    #[test]
    fn names_have_the_limits_of_linux() {
        for len in [252, 253, 255] {
            let name = vec![b'a'; len];
            assert_eq!(read(&list(&[(&name, b"v")]).unwrap()), [(name, b"v".to_vec())]);
        }
        assert_eq!(list(&[(&[b'a'; 256], b"")]), Err(EaError::NameTooLong { len: 256 }));
        assert_eq!(list(&[(b"", b"")]), Err(EaError::EmptyName));
        assert_eq!(list(&[(b"A\0", b"")]), Err(EaError::Nul("A\0".into())));
        for name in [&b"user.a"[..], b"user.A"] {
            let twice = list(&[(name, b"1"), (name, b"2")]);
            assert!(matches!(twice, Err(EaError::Duplicate(_))), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn xattrs_come_back_as_they_were(
            xattrs in prop::collection::btree_map(
                prop_oneof!["[a-c.]{1,3}", "[aAbB]{1,3}", r"LXATTR\.[0-9]", r"LX\.[a-z]"].prop_map(String::into_bytes)
                    .boxed().prop_union(prop::collection::vec(1..=u8::MAX, 1..256).boxed()),
                prop::collection::vec(any::<u8>(), 0..20),
                0..8,
            ),
        ) {
            let pairs: Vec<_> = xattrs.iter().map(|(name, value)| (&name[..], &value[..])).collect();
            let found: BTreeMap<_, _> = read(&list(&pairs).unwrap()).into_iter().collect();
            prop_assert_eq!(found, xattrs);
        }
    }
}
