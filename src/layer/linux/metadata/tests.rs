use proptest::prelude::*;
use tar::EntryType;

use super::*;
use crate::cim::ea::{self, EaList};
use crate::cim::reparse::{self, Reparse};
use crate::cim::security::DEFAULT;
use crate::cim::wsl::{LinuxLink, linux_link, xattr};
use crate::layer::pax::{self, Globals, Records};

const TYPES: [(u8, FileType); 6] = [
    (b'0', FileType::Regular),
    (b'2', FileType::Symlink),
    (b'3', FileType::CharDevice),
    (b'4', FileType::BlockDevice),
    (b'5', FileType::Directory),
    (b'6', FileType::Fifo),
];

fn header(flag: u8) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::new(flag));
    header.set_mtime(1_700_000_000);
    header.set_uid(1000);
    header.set_gid(1000);
    header.set_mode(0o644);
    header.set_device_major(1).unwrap();
    header.set_device_minor(3).unwrap();
    header
}

fn read_with(header: &Header, link: &[u8], records: &[(&str, &[u8])]) -> Result<FileMetadata, MetadataError> {
    let mut block = Vec::new();
    records.iter().for_each(|(key, value)| pax::append(&mut block, key.as_bytes(), value).unwrap());
    let globals = Globals::new();
    let records = Records::parse(&globals, &block)?;
    read(&Member { header, path: b"a", link, records: &records })
}

fn linux(found: &FileMetadata) -> LinuxMetadata {
    LinuxMetadata::read(&found.eas).unwrap()
}

#[test]
fn owner_and_mode_give_the_known_bytes() {
    let file = read_with(&header(b'0'), b"", &[]).unwrap();
    let known = b"\x14\0\0\0\0\x06\x04\0$LXUID\0\xe8\x03\0\0\0\
                  \x14\0\0\0\0\x06\x04\0$LXGID\0\xe8\x03\0\0\0\
                  \0\0\0\0\0\x06\x04\0$LXMOD\0\xa4\x81\0\0\0";
    assert_eq!(file.eas, known);
    assert_eq!(
        (file.attributes, &*file.security, &*file.reparse),
        (Attributes::empty(), &DEFAULT[..], &[][..])
    );
}

#[test]
fn devices_give_the_known_bytes() {
    let device = read_with(&header(b'3'), b"", &[]).unwrap();
    assert_eq!(device.eas.len(), 84);
    let known = b"\x14\0\0\0\0\x06\x04\0$LXMOD\0\xa4\x21\0\0\0\
                  \0\0\0\0\0\x06\x08\0$LXDEV\0\x01\0\0\0\x03\0\0\0\0";
    assert_eq!(device.eas[40..], known[..]);
    assert_eq!(device.reparse, b"\x25\0\0\x80\0\0\0\0");
}

#[test]
fn links_keep_their_target_and_the_mode_of_links() {
    let link = read_with(&header(b'2'), b"a", &[]).unwrap();
    assert_eq!(link.reparse, b"\x1d\0\0\xa0\x05\0\0\0\x02\0\0\0a");
    assert_eq!(linux(&link).mode, Some(0o120_777));
    let odd = read_with(&header(b'2'), b"/\xFF\\:\n", &[]).unwrap();
    assert_eq!(linux_link(Reparse::parse(&odd.reparse).unwrap()), Some(LinuxLink::Target(b"/\xFF\\:\n")));
}

#[test]
fn each_type_is_what_its_tag_says() {
    for file_type in [FileType::Fifo, FileType::CharDevice, FileType::BlockDevice, FileType::Socket] {
        let reparse = reparse(file_type, b"").unwrap();
        assert_eq!(FileType::of_tag(Reparse::parse(&reparse).unwrap().tag()), Some(file_type));
    }
}

#[test]
fn records_go_before_the_header() {
    let records: [(&str, &[u8]); 5] = [
        (key::UID, b"3000000"),
        (key::GID, b"0"),
        (key::MTIME, b"1.5"),
        (key::ATIME, b"2"),
        (key::CREATION_TIME, b"3"),
    ];
    let file = read_with(&header(b'0'), b"", &records).unwrap();
    assert_eq!((linux(&file).uid, linux(&file).gid), (Some(3_000_000), Some(0)));
    let time = |nanos| FileTime::from_unix_nanos(nanos);
    let (creation, last_access) = (time(3_000_000_000), time(2_000_000_000));
    assert_eq!(file.times, Times { creation, last_access, ..Times::all(time(1_500_000_000)) });
}

#[test]
fn xattrs_follow_owner_and_mode_in_order() {
    let records: [(&str, &[u8]); 4] = [
        ("SCHILY.xattr.user.b", b"2"),
        ("SCHILY.xattr.security.capability", b"\x01\0\n\xFF"),
        ("LIBARCHIVE.xattr.user.a", b"MQ"),
        ("SCHILY.xattr.user.C", b"3"),
    ];
    let file = read_with(&header(b'0'), b"", &records).unwrap();
    let list = EaList::parse(&file.eas).unwrap();
    let names: Vec<_> = list.iter().map(|ea| String::from_utf8_lossy(ea.name).into_owned()).collect();
    let expected =
        ["$LXUID", "$LXGID", "$LXMOD", "LX.SECURITY.CAPABILITY", "LX.USER.A", "LX.USER.B", "LXATTR.0"];
    assert_eq!(names, expected);
    let found: Vec<_> = list.iter().filter_map(|ea| xattr(&ea)).collect();
    assert_eq!(found[0], (b"security.capability"[..].into(), &b"\x01\0\n\xFF"[..]));
    assert_eq!(found[1], (b"user.a"[..].into(), &b"1"[..]));
    assert_eq!(found[3], (b"user.C"[..].into(), &b"3"[..]));
    assert_eq!(file.remarks, []);
}

/// Lists what is left of one extended attribute, and whether its loss is remarked.
fn left(flag: u8, name: &str, value: &[u8]) -> Result<(usize, usize), MetadataError> {
    let key = format!("SCHILY.xattr.{name}");
    let file = read_with(&header(flag), if flag == b'2' { b"a" } else { b"" }, &[(&key, value)])?;
    let list = EaList::parse(&file.eas).unwrap();
    Ok((list.iter().filter_map(|ea| xattr(&ea)).count(), file.remarks.len()))
}

#[test]
fn xattrs_are_kept_as_containerd_keeps_them() {
    for (flag, _) in TYPES {
        let is_plain = matches!(flag, b'0' | b'5');
        for dropped in
            ["trusted.overlay.opaque", "trusted.x", "trusted.", "system.x", "foo.bar", "USER.a", "user", "a"]
        {
            assert_eq!(left(flag, dropped, b"v"), Ok((0, 1)), "{dropped}");
        }
        for kept in ["security.selinux", "security.SMACK64", "security.a.b"] {
            assert_eq!(left(flag, kept, b"v"), Ok((1, 0)), "{kept}");
        }
        for user in ["user.a", "user.overlay.opaque", "user.trusted.a"] {
            assert_eq!(left(flag, user, b"v"), Ok(if is_plain { (1, 0) } else { (0, 1) }), "{user}");
        }
    }
    for nameless in ["user.", "security."] {
        assert_eq!(left(b'0', nameless, b"v"), Err(MetadataError::XattrName(nameless.into())));
    }
}

#[test]
fn acls_are_kept_as_containerd_keeps_them() {
    let id = u32::MAX.to_le_bytes();
    let entry = |tag: u8, bits: u8| [&[tag, 0, bits, 0][..], &id].concat();
    let acl = |version: u8, tags: &[u8]| {
        let entries = tags.iter().flat_map(|&tag| entry(tag, 7));
        [version, 0, 0, 0].into_iter().chain(entries).collect::<Vec<u8>>()
    };
    let (good, header) = (acl(2, &[1, 4, 0x20]), acl(2, &[]));
    for (flag, file_type) in TYPES {
        for name in ["system.posix_acl_access", "system.posix_acl_default"] {
            let is_default = name.ends_with("default");
            let expected = match file_type {
                FileType::Symlink => Ok((0, 1)),
                FileType::Directory => Ok((1, 0)),
                _ if is_default => Err(MetadataError::Acl(AclError::DefaultOfFile)),
                _ => Ok((1, 0)),
            };
            assert_eq!(left(flag, name, &good), expected, "{file_type:?} {name}");
            for none in [&b""[..], &header] {
                let remarks = usize::from(file_type == FileType::Symlink);
                assert_eq!(left(flag, name, none), Ok((0, remarks)));
            }
            assert_eq!(left(flag, name, &acl(3, &[1, 4, 0x20])), Ok((0, 1)), "an unknown version");
            for broken in
                [&good[..good.len() - 1], b"\x02\0", &acl(2, &[1, 4, 0x20, 0x40])[..], &acl(2, &[2])[..]]
            {
                assert!(matches!(left(flag, name, broken), Err(MetadataError::Acl(_))), "{broken:?}");
            }
            let disordered = left(flag, name, &acl(2, &[4, 1, 0x20]));
            assert_eq!(disordered.is_err(), file_type != FileType::Symlink, "{file_type:?}");
        }
    }
}

#[test]
fn implied_directories_belong_to_root() {
    let time = FileTime::from_unix_nanos(7);
    let directory = implied_directory(time);
    assert_eq!((directory.attributes, directory.times), (Attributes::DIRECTORY, Times::all(time)));
    let expected = LinuxMetadata { uid: Some(0), gid: Some(0), mode: Some(0o040_755), device: None };
    assert_eq!(linux(&directory), expected);
}

#[test]
fn what_an_image_cannot_hold_is_refused() {
    let refusal = |header: &Header, link: &[u8], records: &[(&str, &[u8])]| {
        read_with(header, link, records).expect_err("refused")
    };
    for flag in *b"1gx" {
        let expected = MetadataError::Type { type_flag: flag.into(), layer: "Linux" };
        assert_eq!(refusal(&header(flag), b"a", &[]), expected);
    }
    for value in [4_294_967_295, 4_294_967_296] {
        let text = value.to_string();
        let records = [(key::GID, text.as_bytes())];
        assert_eq!(refusal(&header(b'0'), b"", &records), MetadataError::Owner { what: "group", value });
    }
    let mut negative = header(b'0');
    negative.as_old_mut().uid = [0xFF; 8];
    assert_eq!(refusal(&negative, b"", &[]), MetadataError::Owner { what: "user", value: -1 });
    let mut modeless = header(b'5');
    modeless.as_old_mut().mode = *b"rwxr-xr-";
    assert!(matches!(refusal(&modeless, b"", &[]), MetadataError::Header { field: "mode", .. }));
    let long = [b'a'; 4_097];
    for link in [&b""[..], b"a\0", &long] {
        assert!(matches!(refusal(&header(b'2'), link, &[]), MetadataError::Reparse(_)));
    }
    let xattr = |records: &[(&str, &[u8])]| {
        assert!(matches!(refusal(&header(b'0'), b"", records), MetadataError::Eas(_)));
    };
    xattr(&[("SCHILY.xattr.user.a", &[0; 65_532])]);
    xattr(&[(&format!("SCHILY.xattr.user.{}", "a".repeat(251)), b"1")]);
    assert!(
        read_with(&header(b'0'), b"", &[(&format!("SCHILY.xattr.user.{}", "a".repeat(250)), b"1")]).is_ok()
    );
}

proptest! {
    #[test]
    fn linux_metadata_comes_back_as_it_was(
        (flag, file_type) in prop::sample::select(&TYPES[..]),
        mode in 0..0o200_000u32,
        uid in 0..u32::MAX,
        gid in 0..u32::MAX,
        major in 0..0o7_777_777u32,
        minor in 0..0o7_777_777u32,
        xattrs in prop::collection::btree_map("(user|security)\\.[a-zA-Z.]{1,20}", prop::collection::vec(any::<u8>(), 1..50), 0..4),
    ) {
        let mut header = header(flag);
        header.set_mode(mode);
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header.set_device_major(major).unwrap();
        header.set_device_minor(minor).unwrap();
        let keys: Vec<_> = xattrs.keys().map(|name| format!("SCHILY.xattr.{name}")).collect();
        let records: Vec<_> = keys.iter().map(String::as_str).zip(xattrs.values().map(Vec::as_slice)).collect();
        let found = read_with(&header, b"target", &records).unwrap();
        prop_assert_eq!(ea::check(&found.eas), Ok(()));
        let back = linux(&found);
        prop_assert_eq!((back.uid, back.gid), (Some(uid), Some(gid)));
        let permissions = if file_type == FileType::Symlink { 0o777 } else { mode & 0o7777 };
        prop_assert_eq!(back.permissions(file_type), Some(permissions));
        let is_device = matches!(file_type, FileType::CharDevice | FileType::BlockDevice);
        prop_assert_eq!(back.device, is_device.then_some(Device { major, minor }));
        match file_type {
            FileType::Regular | FileType::Directory => prop_assert!(found.reparse.is_empty()),
            _ => {
                prop_assert_eq!(reparse::check(&found.reparse), Ok(()));
                let tag = Reparse::parse(&found.reparse).unwrap().tag();
                prop_assert_eq!(FileType::of_tag(tag), Some(file_type));
            }
        }
        let list = EaList::parse(&found.eas).unwrap();
        let shown = list.iter().filter_map(|ea| xattr(&ea)).map(|(name, value)| {
            (String::from_utf8(name.into_owned()).unwrap(), value.to_vec())
        });
        let is_plain = matches!(file_type, FileType::Regular | FileType::Directory);
        let expected = xattrs.into_iter().filter(|(name, _)| is_plain || name.starts_with("security."));
        prop_assert_eq!(
            shown.collect::<std::collections::BTreeMap<_, _>>(),
            expected.collect::<std::collections::BTreeMap<_, _>>()
        );
    }
}
