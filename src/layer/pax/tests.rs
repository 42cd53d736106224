use proptest::prelude::*;

use super::*;
use crate::cim::{Attributes, FileTime};
use crate::layer::base64;

fn own(block: &[u8]) -> Result<Records<'_>, PaxError> {
    Records::parse(&NONE, block)
}

static NONE: Globals = Globals::new();

fn all<'a>(records: &Records<'a>) -> Vec<(&'a [u8], &'a [u8])> {
    records.with_prefix("").collect()
}

fn block(records: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    records.iter().for_each(|(key, value)| append(&mut block, key.as_bytes(), value.as_bytes()).unwrap());
    block
}

#[test]
fn records_are_read_in_full() {
    let block = b"30 mtime=1700000000.123456700\n11 a.b=c=d\n18 k=binary\0\xFF\n\n\n\n\n";
    let found: Vec<_> = records(block).map(Result::unwrap).collect();
    let expected: [(&[u8], &[u8]); 3] =
        [(b"mtime", b"1700000000.123456700"), (b"a.b", b"c=d"), (b"k", b"binary\0\xFF\n\n\n\n")];
    // The third one ends in its line feed; those before it belong to the value.
    assert_eq!(found, expected);
}

#[test]
fn lengths_count_themselves() {
    for value_len in [0, 1, 2, 3, 4, 5, 90, 91, 92, 93, 94, 990, 991, 992, 993, 9_990] {
        let value = "v".repeat(value_len);
        let block = block(&[("k", &value)]);
        let (stated, _) = std::str::from_utf8(&block).unwrap().split_once(' ').unwrap();
        assert_eq!(stated.parse(), Ok(block.len()));
        assert_eq!(records(&block).next(), Some(Ok((&b"k"[..], value.as_bytes()))));
    }
}

#[test]
fn the_last_of_duplicates_wins_and_empty_values_delete() {
    let block = block(&[("a", "1"), ("b", "2"), ("a", "3"), ("b", ""), ("c", ""), ("c", "4")]);
    let records = own(&block).unwrap();
    assert_eq!(all(&records), [(&b"a"[..], &b"3"[..]), (b"c", b"4")]);
}

#[test]
fn entries_override_and_delete_what_globals_say() {
    let mut globals = Globals::new();
    globals.apply(&block(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")])).unwrap();
    globals.apply(&block(&[("d", ""), ("c", "5")])).unwrap();
    let local = block(&[("a", ""), ("b", "6")]);
    let entry = Records::parse(&globals, &local).unwrap();
    assert_eq!(all(&entry), [(&b"b"[..], &b"6"[..]), (b"c", b"5")]);
    assert_eq!(["a", "b", "c", "d"].map(|key| entry.get(key)), [None, Some(&b"6"[..]), Some(b"5"), None]);
    let next = Records::parse(&globals, &[]).unwrap();
    assert_eq!(next.get("a"), Some(&b"1"[..]), "globals stay as they were");
}

#[test]
fn prefixes_select_records() {
    let block = block(&[("x", "0"), ("x.", "1"), ("x.b", "2"), ("x.a", "3"), ("xa", "4"), ("y", "5")]);
    let records = own(&block).unwrap();
    let found: Vec<_> = records.with_prefix("x.").collect();
    assert_eq!(found, [(&b""[..], &b"1"[..]), (b"a", b"3"), (b"b", b"2")]);
}

#[test]
fn malformed_records_are_refused() {
    let refusal = |block: &[u8]| own(block).expect_err("refused");
    for block in [&b"x"[..], b" k=v\n", b"-5 k=v\n", b"+6 k=v\n", b"6", b"6k=v\n", b"\n", b"\0", b"6\tk=v\n"]
    {
        assert_eq!(refusal(block), PaxError::NoLength { offset: 0 }, "{block:?}");
    }
    let endless = [&[b'9'; 400][..], b" k=v\n"].concat();
    assert_eq!(refusal(&endless), PaxError::NoLength { offset: 0 });
    for block in [
        &b"7 k=v\n"[..],
        b"5 k=v\n",
        b"6 k=v ",
        b"0 k=v\n",
        b"1 k=v\n",
        b"2 k=v\n",
        b"99999999999999999 k=v\n",
    ] {
        assert_eq!(refusal(block), PaxError::WrongLength { offset: 0 }, "{block:?}");
    }
    for block in [&b"5 =v\n"[..], b"5 kv\n", b"7 k\0=v\n", b"3 \n"] {
        assert_eq!(refusal(block), PaxError::NoKey { offset: 0 }, "{block:?}");
    }
    assert_eq!(refusal(b"6 k=v\nx"), PaxError::NoLength { offset: 6 });
    assert_eq!(refusal(&vec![0; MAX_BLOCK + 1]), PaxError::TooLong { len: MAX_BLOCK + 1, max: MAX_BLOCK });
    for key in ["", "a=b", "a\0"] {
        assert_eq!(append(&mut Vec::new(), key.as_bytes(), b"v"), Err(PaxError::Key(key.into())));
    }
}

#[test]
fn global_records_stay_bounded() {
    let mut globals = Globals::new();
    globals.apply(&block(&[("a", &"v".repeat(MAX_GLOBAL / 2))])).unwrap();
    let refusal = globals.apply(&block(&[("b", &"v".repeat(MAX_GLOBAL / 2))]));
    assert_eq!(refusal, Err(PaxError::TooLong { len: MAX_GLOBAL + 2, max: MAX_GLOBAL }));
}

#[test]
fn times_are_read_as_tar_tools_write_them() {
    for (text, nanos) in [
        ("0", 0),
        ("1700000000", 1_700_000_000_000_000_000),
        ("1700000000.1234567", 1_700_000_000_123_456_700),
        ("1.5", 1_500_000_000),
        ("1.000000005", 1_000_000_005),
        ("1.1234567899", 1_123_456_789),
        ("-1", -1_000_000_000),
        ("-1.5", -1_500_000_000),
        ("-0.5", -500_000_000),
        ("-0.00000001", -10),
        ("-11644473600", -11_644_473_600_000_000_000),
        ("18446744073709551615.999999999", 18_446_744_073_709_551_615_999_999_999),
    ] {
        assert_eq!(parse_time(text.as_bytes()), Some(nanos), "{text}");
        if text != "1.1234567899" {
            assert_eq!(format_time(nanos), text);
        }
    }
    let text = [&b"0."[..], &[b'1'; 5_000]].concat();
    assert_eq!(parse_time(&text), Some(111_111_111));
}

#[test]
fn digits_past_the_ninth_round_down() {
    let zeros = "0".repeat(5_000);
    for (text, nanos) in [
        ("1.9999999999", 1_999_999_999),
        ("-1.0000000000", -1_000_000_000),
        ("-1.0000000001", -1_000_000_001),
        ("-1.9999999999", -2_000_000_000),
        ("-0.0000000001", -1),
        ("-0.0000000000", 0),
        (&format!("-1.5{zeros}"), -1_500_000_000),
        (&format!("-1.5{zeros}1"), -1_500_000_001),
    ] {
        assert_eq!(parse_time(text.as_bytes()), Some(nanos), "{text}");
    }
}

#[test]
fn times_become_windows_times() {
    let ticks = |text: &str| {
        let block = block(&[(key::MTIME, text)]);
        own(&block).unwrap().time(key::MTIME).unwrap().unwrap().raw()
    };
    assert_eq!(ticks("0"), 116_444_736_000_000_000);
    assert_eq!(ticks("1700000000.1234567"), 133_444_736_001_234_567);
    for (text, below) in [
        ("-0.00000019", 2),
        ("-0.0000002", 2),
        ("-0.0000001", 1),
        ("-0.00000001", 1),
        ("-0.0000000000001", 1),
        ("-1.5", 15_000_000),
        ("-1.50000000001", 15_000_001),
    ] {
        assert_eq!(ticks(text), 116_444_736_000_000_000 - below, "{text}");
    }
    assert_eq!(ticks("-11644473600"), 0);
    assert_eq!(ticks("-99999999999999"), 0);
    assert_eq!(ticks("99999999999999"), u64::MAX);
}

#[test]
fn malformed_times_are_refused() {
    for text in [
        "",
        "-",
        ".",
        ".5",
        "-.5",
        "1.",
        "+1",
        "--1",
        "1.-5",
        "1.+5",
        "1e5",
        "1,5",
        " 1",
        "1 ",
        "0x1",
        "1.2.3",
        "1\0",
        "18446744073709551616",
        "\u{661}",
    ] {
        assert_eq!(parse_time(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(parse_time(b"\xFF"), None);
}

#[test]
fn values_are_read_by_their_keys() {
    let block = block(&[
        (key::FILE_ATTRIBUTES, "4294967295"),
        (key::RAW_SECURITY, "AQID"),
        (key::SDDL, "D:"),
        (key::MOUNT_POINT, "1"),
        ("MSWINDOWS.xattr.A", "Zm8="),
        (key::UID, "18446744073709551615"),
    ]);
    let records = own(&block).unwrap();
    assert_eq!(records.file_attributes(), Ok(Some(Attributes::from_bits_retain(u32::MAX))));
    assert_eq!(records.raw_security(), Ok(Some(vec![1, 2, 3])));
    assert_eq!(records.sddl(), Ok(Some("D:")));
    assert!(records.is_mount_point());
    assert_eq!(records.eas().collect::<Vec<_>>(), [Ok((&b"A"[..], b"fo".to_vec()))]);
    assert_eq!(records.number(key::UID), Ok(Some(u64::MAX)));
    let none = Records::none();
    assert_eq!((none.file_attributes(), none.sddl(), none.number(key::GID)), (Ok(None), Ok(None), Ok(None)));
    assert!(!none.is_mount_point());
}

#[test]
fn xattrs_in_both_forms_come_once() {
    let block = block(&[
        ("SCHILY.xattr.user.a", "plain\n"),
        ("LIBARCHIVE.xattr.user%2Ea", "eHh4"),
        ("LIBARCHIVE.xattr.user.b%3d", "Zg"),
    ]);
    let records = own(&block).unwrap();
    let found: Vec<_> = records.xattrs().map(Result::unwrap).collect();
    assert_eq!(
        found,
        [(b"user.a"[..].into(), b"plain\n"[..].into()), (b"user.b="[..].into(), b"f"[..].into())]
    );
}

#[test]
fn malformed_values_are_named_by_their_keys() {
    let refusal = |key: &str, value: &str| {
        let block = block(&[(key, value)]);
        let records = own(&block).unwrap();
        let attributes =
            records.eas().map(|ea| ea.map(|_| ())).chain(records.xattrs().map(|ea| ea.map(|_| ())));
        let found = [
            records.file_attributes().map(|_| ()),
            records.raw_security().map(|_| ()),
            records.time(key::MTIME).map(|_| ()),
            records.number(key::UID).map(|_| ()),
        ];
        found.into_iter().chain(attributes).find_map(Result::err).expect("refused").to_string()
    };
    let is_not = |key: &str, value: &str, expected: &str| {
        assert_eq!(
            refusal(key, value),
            format!("pax record {key:?} holds {value:?}, which is not {expected}")
        );
    };
    for value in ["-1", "+1", "0x10", "4294967296", "1 ", "1.0"] {
        is_not(key::FILE_ATTRIBUTES, value, "a decimal number of 32 bits");
    }
    is_not(key::UID, "18446744073709551616", "a decimal number");
    is_not(key::MTIME, "1e5", "a time");
    is_not(key::RAW_SECURITY, "?", "base64");
    is_not("MSWINDOWS.xattr.A", "?", "base64");
    is_not("LIBARCHIVE.xattr.a", "?", "base64");
    for name in ["%", "%1", "%+1", "a%zz"] {
        is_not(&format!("LIBARCHIVE.xattr.{name}"), "Zg", "the value of a percent-encoded name");
    }
    let long = refusal(key::MTIME, &"x".repeat(1_000));
    assert!(long.len() < 200, "{long}");
}

proptest! {
    #[test]
    fn records_come_back_as_they_were(
        records in prop::collection::btree_map("[^=\0]{1,12}", prop::collection::vec(any::<u8>(), 1..40), 0..6),
    ) {
        let mut block = Vec::new();
        for (key, value) in &records {
            append(&mut block, key.as_bytes(), value).unwrap();
        }
        let back = own(&block).unwrap();
        let expected: Vec<_> = records.iter().map(|(key, value)| (key.as_bytes(), value.as_slice())).collect();
        prop_assert_eq!(all(&back), expected);
    }

    #[test]
    fn times_come_back_as_they_were(ticks: u64) {
        let text = format_time(FileTime::from_raw(ticks).unix_nanos());
        let nanos = parse_time(text.as_bytes()).unwrap();
        prop_assert_eq!(FileTime::from_unix_nanos(nanos), FileTime::from_raw(ticks));
    }

    #[test]
    fn bytes_at_random_never_panic(text in r"([0-9]{1,2} |[a-z]=|[\n.=-]|\PC|.){0,30}") {
        let _ = own(text.as_bytes());
        let _ = parse_time(text.as_bytes());
        let _ = base64::decode(text.as_bytes());
    }
}

#[test]
fn an_extended_attribute_may_be_empty() {
    let mut block = Vec::new();
    append(&mut block, b"SCHILY.xattr.user.empty", b"").unwrap();
    append(&mut block, b"MSWINDOWS.xattr.EMPTY", b"").unwrap();
    let globals = Globals::new();
    let records = Records::parse(&globals, &block).unwrap();
    let xattrs: Vec<_> = records.xattrs().map(Result::unwrap).collect();
    assert_eq!(xattrs.len(), 1);
    assert_eq!((&*xattrs[0].0, &*xattrs[0].1), (&b"user.empty"[..], &b""[..]));
    assert_eq!(records.eas().count(), 0);
    assert_eq!(records.empty_eas().collect::<Vec<_>>(), [b"EMPTY"]);
}
