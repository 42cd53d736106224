use proptest::prelude::*;
use tar::{EntryType, Header};

use super::*;
use crate::cim::ea::{self, EaError, EaList};
use crate::cim::reparse::{self, Reparse};
use crate::cim::security::SecurityError;
use crate::layer::pax::{self, Globals};
use crate::layer::sddl::SddlError;

const FILE: u8 = b'0';
const LINK: u8 = b'2';
const DIRECTORY: u8 = b'5';

fn read_as(
    flag: u8,
    link: &[u8],
    records: &[(&str, &str)],
    absent: AbsentTimes,
) -> Result<FileMetadata, MetadataError> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::new(flag));
    header.set_mtime(1_700_000_000);
    let mut block = Vec::new();
    records
        .iter()
        .for_each(|(key, value)| pax::append(&mut block, key.as_bytes(), value.as_bytes()).unwrap());
    let globals = Globals::new();
    let records = Records::parse(&globals, &block)?;
    read(&Member { header: &header, path: b"Files/a", link, records: &records }, absent)
}

fn metadata(flag: u8, link: &str, records: &[(&str, &str)]) -> FileMetadata {
    read_as(flag, link.as_bytes(), records, AbsentTimes::LastWrite).unwrap()
}

fn refusal(flag: u8, link: &[u8], records: &[(&str, &str)]) -> MetadataError {
    read_as(flag, link, records, AbsentTimes::LastWrite).expect_err("refused")
}

fn seconds(seconds: i128) -> FileTime {
    FileTime::from_unix_nanos(seconds * 1_000_000_000)
}

#[test]
fn without_records_there_are_defaults() {
    let file = metadata(FILE, "", &[]);
    assert_eq!(file, FileMetadata::plain(Attributes::empty(), Times::all(seconds(1_700_000_000))));
    assert_eq!(*file.security, DEFAULT);
    let directory = metadata(DIRECTORY, "", &[]);
    assert_eq!(directory, implied_directory(seconds(1_700_000_000)));
    assert_eq!(directory.as_metadata().attributes, Attributes::DIRECTORY);
}

#[test]
fn times_come_from_records_to_the_tick() {
    let all = metadata(
        FILE,
        "",
        &[
            (key::MTIME, "1700000000.1234567"),
            (key::ATIME, "1.5"),
            (key::CTIME, "-0.5"),
            (key::CREATION_TIME, "-11644473600"),
        ],
    );
    assert_eq!(
        all.times,
        Times {
            creation: FileTime::from_raw(0),
            last_write: FileTime::from_raw(133_444_736_001_234_567),
            change: FileTime::from_raw(116_444_735_995_000_000),
            last_access: FileTime::from_raw(116_444_736_015_000_000),
        }
    );
}

#[test]
fn absent_times_are_those_of_the_last_write_unless_asked_otherwise() {
    let records = [(key::MTIME, "7")];
    assert_eq!(metadata(FILE, "", &records).times, Times::all(seconds(7)));
    let inbox = read_as(FILE, b"", &records, AbsentTimes::Inbox).unwrap().times;
    let odd = FileTime::from_raw(48_491_090_211_286_549);
    let expected = Times { creation: seconds(7), last_write: seconds(7), change: odd, last_access: odd };
    assert_eq!(inbox, expected);
}

#[test]
fn attributes_are_kept_but_for_type_and_reparse_bits() {
    let attributes = |flag, link, said: &str| {
        let found = metadata(flag, link, &[(key::FILE_ATTRIBUTES, said)]);
        (found.attributes.bits(), found.remarks)
    };
    assert_eq!(attributes(FILE, "", "32"), (0x20, vec![]));
    assert_eq!(attributes(FILE, "", "18951"), (0x4A07, vec![]));
    assert_eq!(attributes(DIRECTORY, "", "16"), (0x10, vec![]));
    assert_eq!(attributes(LINK, "a", "1056"), (0x20, vec![]));
    assert_eq!(attributes(LINK, "a", "9238"), (0x2016, vec![]));
    assert_eq!(attributes(FILE, "", "1040"), (0, vec![Remark::DirectoryBit(1040)]));
    assert_eq!(attributes(DIRECTORY, "", "1"), (0x11, vec![Remark::DirectoryBit(1)]));
    let recall = 0x40_0020;
    assert_eq!(attributes(FILE, "", "4194336"), (recall, vec![Remark::RecallOnDataAccess(recall)]));
}

#[test]
fn descriptors_are_bytes_before_text_before_the_default() {
    // Owner and group Users, as some cross builders write it.
    let raw = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA==";
    let security = |records: &[(&str, &str)]| metadata(FILE, "", records).security.into_owned();
    let users = sddl::parse("O:BUG:BU").unwrap();
    assert_eq!(security(&[(key::RAW_SECURITY, raw)]), users);
    assert_eq!(security(&[(key::SDDL, "O:BUG:BU")]), users);
    assert_eq!(security(&[(key::RAW_SECURITY, raw), (key::SDDL, "?")]), users);
    assert_eq!(security(&[(key::RAW_SECURITY, ""), (key::SDDL, "")]), DEFAULT);
}

#[test]
fn extended_attributes_are_sorted() {
    let eas = metadata(
        FILE,
        "",
        &[
            ("MSWINDOWS.xattr.b", "AQ=="),
            ("MSWINDOWS.xattr.$CI.CATALOGHINT", "AAEC"),
            ("MSWINDOWS.xattr.A", "Ag=="),
        ],
    )
    .eas;
    let found: Vec<_> = EaList::parse(&eas).unwrap().iter().map(|ea| (ea.flags, ea.name, ea.value)).collect();
    let expected: [(u8, &[u8], &[u8]); 3] =
        [(0, b"$CI.CATALOGHINT", &[0, 1, 2]), (0, b"A", &[2]), (0, b"b", &[1])];
    assert_eq!(found, expected);
}

#[test]
fn links_become_reparse_points() {
    let hex = |link, records: &[(&str, &str)]| -> String {
        metadata(LINK, link, records).reparse.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(hex("a", &[]), "0c0000a0140000000000020004000200010000006100000061000000");
    assert!(hex("C:/x", &[]).starts_with("0c0000a0280000000000100012000800000000005c003f003f00"));
    assert!(hex(r"C:\x", &[(key::MOUNT_POINT, "1")]).starts_with("030000a0240000000000100012000800"));
    assert!(hex("a", &[(key::MOUNT_POINT, "")]).starts_with("0c0000a0"), "an empty record is none");
    assert!(metadata(FILE, "a", &[]).reparse.is_empty());
    let empty = metadata(LINK, "", &[]);
    assert_eq!((empty.reparse, empty.remarks), (vec![], vec![Remark::EmptyLink]));
}

#[test]
fn what_an_image_cannot_hold_is_refused() {
    for flag in *b"1346gx" {
        let expected = MetadataError::Type { type_flag: flag.into(), layer: "Windows" };
        assert_eq!(refusal(flag, b"", &[]), expected);
    }
    let pax =
        |records: &[(&str, &str)]| assert!(matches!(refusal(FILE, b"", records), MetadataError::Pax(_)));
    pax(&[(key::FILE_ATTRIBUTES, "0x20")]);
    pax(&[(key::CREATION_TIME, "soon")]);
    pax(&[(key::RAW_SECURITY, "AQAAg")]);
    pax(&[("MSWINDOWS.xattr.A", "*")]);
    let short = refusal(FILE, b"", &[(key::RAW_SECURITY, "AQAAgA==")]);
    assert!(matches!(short, MetadataError::Security(SecurityError::Short { .. })));
    let alias = refusal(FILE, b"", &[(key::SDDL, "O:DA")]);
    assert_eq!(alias, MetadataError::Sddl(SddlError::DomainAlias("DA".into())));
    let twice = refusal(FILE, b"", &[("MSWINDOWS.xattr.a", "AQ=="), ("MSWINDOWS.xattr.A", "AQ==")]);
    assert_eq!(twice, MetadataError::Eas(EaError::Duplicate("a".into())));
    assert!(matches!(refusal(LINK, b"\xFF", &[]), MetadataError::Reparse(_)));
    assert!(matches!(refusal(LINK, &[b'a'; 10_000], &[]), MetadataError::Reparse(_)));
}

fn records() -> impl Strategy<Value = Vec<(String, String)>> {
    let key = prop_oneof![
        prop::sample::select(
            &[
                key::MTIME,
                key::ATIME,
                key::CREATION_TIME,
                key::FILE_ATTRIBUTES,
                key::RAW_SECURITY,
                key::SDDL,
                key::MOUNT_POINT
            ][..]
        )
        .prop_map(str::to_owned),
        "MSWINDOWS\\.xattr\\.[a-cA-C]{0,2}",
    ];
    let value = prop_oneof![
        "-?[0-9]{1,12}(\\.[0-9]{1,10})?",
        "AQA[A-Za-z]{0,30}={0,2}",
        "D:P?(\\(A;;FA;;;WD\\))*",
        ".*"
    ];
    prop::collection::vec((key, value), 0..6)
}

proptest! {
    #[test]
    fn what_is_read_is_what_an_image_takes(
        flag in prop::sample::select(&b"025"[..]),
        link in r"([a-c]:|\\|/|\.|\?|\PC){0,12}",
        records in records(),
    ) {
        let records: Vec<_> = records.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if let Ok(found) = read_as(flag, link.as_bytes(), &records, AbsentTimes::LastWrite) {
            prop_assert_eq!(security::check(&found.security), Ok(()));
            prop_assert_eq!(ea::check(&found.eas), Ok(()));
            if !found.reparse.is_empty() {
                prop_assert_eq!(reparse::check(&found.reparse), Ok(()));
                let back = Reparse::parse(&found.reparse).unwrap().link_text().unwrap();
                prop_assert_eq!(String::from_utf8(back).unwrap(), link.replace('/', r"\"));
            }
        }
    }
}
