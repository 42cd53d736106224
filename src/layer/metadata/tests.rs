use super::*;

fn read(bytes: &[u8]) -> Option<i64> {
    header_number("mtime", bytes).ok()
}

#[test]
fn fields_are_octal_binary_or_blank() {
    for (bytes, number) in [
        (&b"0000644\0"[..], 0o644),
        (b"   644 \0", 0o644),
        (b"644", 0o644),
        (b"77777777777\0", 0o77_777_777_777),
        (b"\0\0\0\0\0\0\0\0", 0),
        (b"        ", 0),
        (b"", 0),
        (b"\x80\0\0\0\0\0\x01\x02", 0x102),
        (b"\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", i64::MAX),
        (b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", -2),
        (b"\xFF\xFF\xFF\xFF\x80\0\0\0\0\0\0\0", i64::MIN),
    ] {
        assert_eq!(read(bytes), Some(number), "{bytes:?}");
    }
}

#[test]
fn malformed_fields_are_refused() {
    for bytes in [
        &b"8"[..],
        b"-1",
        b"+1",
        b"1 2",
        b"1\x002",
        b"x",
        b"7777777777777777777777777",
        b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
        b"\xFF\xFF\xFF\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    ] {
        assert_eq!(read(bytes), None, "{bytes:?}");
    }
    assert_eq!(
        header_number("mtime", b"12x\0").unwrap_err().to_string(),
        r#"field mtime of a tar header holds "12x\0", which is no number that fits"#
    );
}

#[test]
fn members_are_told_apart_by_type_and_name() {
    let records = Records::none();
    let kind = |flag: u8, path: &str| {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::new(flag));
        Member { header: &header, path: path.as_bytes(), link: b"", records: &records }.kind()
    };
    assert_eq!(
        b"0\x007S123456gx".map(|flag| kind(flag, "a")),
        [
            Kind::File,
            Kind::File,
            Kind::File,
            Kind::File,
            Kind::HardLink,
            Kind::Symlink,
            Kind::CharDevice,
            Kind::BlockDevice,
            Kind::Directory,
            Kind::Fifo,
            Kind::Other,
            Kind::Other,
        ]
    );
    assert_eq!(
        [kind(0, "a/"), kind(b'0', "a/"), kind(b'2', "a/")],
        [Kind::Directory, Kind::Directory, Kind::Symlink]
    );
}

#[test]
fn the_time_of_the_record_goes_before_that_of_the_header() {
    let mut header = Header::new_ustar();
    header.set_mtime(1_700_000_000);
    let time = |header: &Header, block: &[u8]| {
        let globals = crate::layer::pax::Globals::new();
        let records = Records::parse(&globals, block).unwrap();
        let member = Member { header, path: b"a", link: b"", records: &records };
        member.last_write_time().map(|time| time.unix_nanos())
    };
    assert_eq!(time(&header, b""), Ok(1_700_000_000_000_000_000));
    assert_eq!(time(&header, b"22 mtime=17.123456789\n"), Ok(17_123_456_700));
    header.as_old_mut().mtime = [0xFF; 12];
    assert_eq!(time(&header, b""), Ok(-1_000_000_000));
    header.as_old_mut().mtime = *b"not a number";
    assert!(matches!(time(&header, b""), Err(MetadataError::Header { field: "mtime", .. })));
    assert_eq!(time(&header, b"11 mtime=1\n"), Ok(1_000_000_000));
}

#[test]
fn times_that_an_image_cannot_hold_are_remarked() {
    let clamped = |header: &Header, records: &[(&str, &str)]| {
        let mut block = Vec::new();
        for (key, value) in records {
            crate::layer::pax::append(&mut block, key.as_bytes(), value.as_bytes()).unwrap();
        }
        let globals = crate::layer::pax::Globals::new();
        let records = Records::parse(&globals, &block).unwrap();
        let remarks = Member { header, path: b"a", link: b"", records: &records }.clamped_times().unwrap();
        let field = |remark| match remark {
            Remark::ClampedTime { field } => field,
            other => panic!("{other}"),
        };
        remarks.into_iter().map(field).collect::<Vec<_>>()
    };
    let mut header = Header::new_ustar();
    header.set_mtime(1_700_000_000);
    // The first and the last time, and those beyond.
    let (first, last) = ("-11644473600", "1833029933770.9551615");
    assert_eq!(clamped(&header, &[("mtime", first), ("atime", last)]), [""; 0]);
    let beyond = [("mtime", "-11644473600.00000001"), ("atime", "1833029933770.9551616")];
    assert_eq!(clamped(&header, &beyond), ["mtime", "atime"]);
    let beyond = [("ctime", "-1"), ("LIBARCHIVE.creationtime", "99999999999999")];
    assert_eq!(clamped(&header, &beyond), ["LIBARCHIVE.creationtime"]);
    header.as_old_mut().mtime = [0x80, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(clamped(&header, &[("mtime", "1")]), [""; 0]);
    header.as_old_mut().mtime = [0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(clamped(&header, &[]), ["mtime"]);
    header.as_old_mut().mtime = [0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(clamped(&header, &[]), ["mtime"]);
}
