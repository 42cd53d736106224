use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn units(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A link as `build` would make it, with names of its own.
fn link(substitute: &[u8], print: &[u8]) -> Vec<u8> {
    let mut out = hex("030000a0 0000 0000");
    let len = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap();
    for number in [0, len(substitute), len(substitute), len(print)] {
        out.extend(number.to_le_bytes());
    }
    out.extend([substitute, print].concat());
    let len = u16::try_from(out.len() - 8).unwrap();
    out[4..6].copy_from_slice(&len.to_le_bytes());
    out
}

#[test]
fn a_relative_symlink_gives_the_known_bytes() {
    let known = hex("0c0000a0 1400 0000 0000 0200 0400 0200 01000000 6100 0000 6100 0000");
    assert_eq!(build::symlink(b"a").unwrap(), known);
}

#[test]
fn an_absolute_symlink_gives_the_known_bytes() {
    let mut known = hex("0c0000a0 2800 0000 0000 1000 1200 0800 00000000");
    known.extend(units("\\??\\C:\\x\0C:\\x\0"));
    assert_eq!(build::symlink(br"C:\x").unwrap(), known);
    assert_eq!(build::symlink(b"C:/x").unwrap(), known);
}

#[test]
fn a_mount_point_gives_the_known_bytes() {
    let mut known = hex("030000a0 2400 0000 0000 1000 1200 0800");
    known.extend(units("\\??\\C:\\x\0C:\\x\0"));
    assert_eq!(build::mount_point(br"C:\x").unwrap(), known);
}

#[test]
fn linux_files_give_the_known_bytes() {
    assert_eq!(build::lx_symlink(b"a").unwrap(), hex("1d0000a0 0500 0000 02000000 61"));
    assert_eq!(build::lx_fifo(), hex("24000080 0000 0000"));
    assert_eq!(build::lx_chr(), hex("25000080 0000 0000"));
    assert_eq!(build::lx_blk(), hex("26000080 0000 0000"));
    assert_eq!(build::af_unix(), hex("23000080 0000 0000"));
    for (bytes, kind) in [
        (build::lx_fifo(), Reparse::LxFifo),
        (build::lx_chr(), Reparse::LxChr),
        (build::lx_blk(), Reparse::LxBlk),
        (build::af_unix(), Reparse::AfUnix),
    ] {
        assert_eq!(Reparse::parse(&bytes), Ok(kind));
        assert_eq!((kind.tag().is_microsoft(), kind.link_text()), (true, None));
    }
}

#[test]
fn prefixes_decide_the_name_of_the_kernel() {
    for (text, expected, is_relative) in [
        (r"\\?\Volume{1}\x", r"\??\Volume{1}\x", false),
        (r"\\server\share", r"\??\UNC\server\share", false),
        ("//server/share", r"\??\UNC\server\share", false),
        (r"z:", r"\??\z:", false),
        (r"\windows", r"\windows", true),
        ("../usr/lib", r"..\usr\lib", true),
        ("1:x", "1:x", true),
    ] {
        let bytes = build::symlink(text.as_bytes()).unwrap();
        let Ok(Reparse::Symlink { substitute, relative, .. }) = Reparse::parse(&bytes) else {
            panic!("{text} is a symbolic link")
        };
        assert_eq!(wtf8::encode(substitute), expected.as_bytes(), "{text}");
        assert_eq!(relative, is_relative, "{text}");
    }
}

#[test]
fn links_without_a_print_name_show_where_they_lead() {
    for (substitute, text) in [
        (r"\??\C:\x", r"C:\x"),
        (r"\??\UNC\server\share", r"\\server\share"),
        (r"\??\Volume{1}\", r"\\?\Volume{1}\"),
        ("..", ".."),
    ] {
        let bytes = link(&units(substitute), &[]);
        assert_eq!(Reparse::parse(&bytes).unwrap().link_text().unwrap(), text.as_bytes());
    }
}

#[test]
fn targets_that_cannot_be_are_refused() {
    for build in [build::symlink, build::mount_point, build::lx_symlink] {
        assert_eq!(build(b""), Err(ReparseError::EmptyTarget));
        assert_eq!(build(b"a\0"), Err(ReparseError::NulInTarget("a\0".into())));
    }
    assert_eq!(build::symlink(b"\xFF"), Err(ReparseError::NotUnicode("\u{FFFD}".into())));
    // 8 + 8 + 4 bytes, then twice the name and a NUL.
    assert_eq!(build::symlink(&[b'a'; 4_090]).unwrap().len(), 16_384);
    assert!(matches!(build::symlink(&[b'a'; 4_091]), Err(ReparseError::TargetTooLong { len: 4_091, .. })));
    assert!(matches!(build::mount_point(&[b'a'; 40_000]), Err(ReparseError::TargetTooLong { .. })));
    assert!(build::lx_symlink(&[b'a'; 4_096]).is_ok());
    assert_eq!(
        build::lx_symlink(&[b'a'; 4_097]),
        Err(ReparseError::TargetTooLong { len: 4_097, max: 4_096 })
    );
}

#[test]
fn lies_are_refused() {
    let parse = |text| Reparse::parse(&hex(text)).map(|kind| kind.tag()).expect_err("a lie");
    assert_eq!(parse("0c0000a0 0000 00"), ReparseError::Short { what: "header", need: 8, have: 7 });
    assert_eq!(parse("00000000 0000 0000"), ReparseError::ReservedTag(0));
    assert_eq!(parse("24000080 0100 0000"), ReparseError::Length { said: 1, have: 0 });
    assert_eq!(parse("24000080 0000 0000 00"), ReparseError::Length { said: 0, have: 1 });
    assert_eq!(parse("99000000 0000 0000 00"), ReparseError::Short { what: "GUID", need: 16, have: 1 });
    assert_eq!(parse("1d0000a0 0400 0000 03000000"), ReparseError::LxVersion(3));
    assert_eq!(parse("1d0000a0 0400 0000 02000000"), ReparseError::EmptyTarget);
    assert_eq!(parse("1d0000a0 0500 0000 01000000 61"), ReparseError::Length { said: 4, have: 5 });
    assert_eq!(check(&[0; 16_385]), Err(ReparseError::TooLong { len: 16_385 }));
    let good = build::symlink(b"ab").unwrap();
    for (at, byte) in [(8, 14), (8, 1), (10, 14), (10, 3), (12, 14), (14, 8), (15, 1)] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert!(matches!(check(&bytes), Err(ReparseError::Name { .. })), "byte {byte} at {at}");
    }
}

#[test]
fn unknown_kinds_are_carried_along() {
    assert_eq!(Reparse::parse(&hex("17000080 0100 0000 aa")), Ok(Reparse::Other(Tag(0x8000_0017))));
    let foreign = [hex("99000000 0200 0000"), vec![9; 16], vec![1, 2]].concat();
    assert_eq!(Reparse::parse(&foreign), Ok(Reparse::Other(Tag(0x99))));
    assert_eq!(Reparse::parse(&hex("1d0000a0 0400 0000 01000000")), Ok(Reparse::LxSymlinkInFile));
}

/// Text of a link in which surrogates may stand alone.
fn link_text() -> impl Strategy<Value = Vec<u8>> {
    let unit = prop_oneof![0xD800..0xE000u16, 0x20..0x7Fu16, 1..=u16::MAX];
    proptest::collection::vec(unit, 1..40).prop_map(|units| {
        let units: Vec<U16> =
            units.into_iter().filter(|&unit| unit != u16::from(b'/')).map(U16::new).collect();
        if units.is_empty() { b"x".to_vec() } else { wtf8::encode(&units) }
    })
}

proptest! {
    #[test]
    fn links_lead_where_they_were_told(text in link_text()) {
        for bytes in [build::symlink(&text).unwrap(), build::mount_point(&text).unwrap()] {
            prop_assert_eq!(Reparse::parse(&bytes).unwrap().link_text().unwrap(), text.clone());
        }
        let bytes = build::lx_symlink(&text).unwrap();
        prop_assert_eq!(Reparse::parse(&bytes).unwrap(), Reparse::LxSymlink(&text));
    }

    #[test]
    fn bytes_at_random_never_panic(kind in 0..8usize, mut bytes in proptest::collection::vec(0..40u8, 0..80)) {
        const TAGS: [Tag; 7] = [
            Tag::MOUNT_POINT, Tag::SYMLINK, Tag::LX_SYMLINK, Tag::AF_UNIX, Tag::LX_FIFO, Tag::LX_CHR, Tag::LX_BLK,
        ];
        if let (Some(tag), Some(len)) = (TAGS.get(kind), bytes.len().checked_sub(8)) {
            bytes[..4].copy_from_slice(&tag.0.to_le_bytes());
            bytes[4..6].copy_from_slice(&u16::try_from(len).unwrap().to_le_bytes());
        }
        if let Ok(kind) = Reparse::parse(&bytes) {
            kind.link_text();
        }
    }
}
