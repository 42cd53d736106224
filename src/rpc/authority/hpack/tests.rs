//! The examples of the RFC, and another implementation.

use httlib_hpack::{Decoder as OtherDecoder, Encoder as OtherEncoder};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Decoder, Field, HpackError, write_literal};

type Header = (Vec<u8>, Vec<u8>);

fn read(decoder: &mut Decoder, mut block: &[u8]) -> Result<Vec<Field<'static>>, HpackError> {
    let mut fields = Vec::new();
    decoder.begin(&mut block)?;
    while !block.is_empty() {
        let Field { name, value, secret } = decoder.next(&mut block)?;
        fields.push(Field { name: name.into_owned().into(), value: value.into_owned().into(), secret });
    }
    Ok(fields)
}

fn headers(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Header>, HpackError> {
    let fields = read(decoder, block)?;
    Ok(fields.into_iter().map(|field| (field.name.into_owned(), field.value.into_owned())).collect())
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// Reads blocks in a row, each of which must give these lines and leave so much in the table.
fn expect(mut decoder: Decoder, blocks: &[(&str, &str, usize)]) {
    for (hex, lines, size) in blocks {
        let found = headers(&mut decoder, &bytes(hex)).unwrap();
        let expected: Vec<Header> = lines
            .lines()
            .map(|line| line.split_once('=').unwrap())
            .map(|(name, value)| (name.trim().into(), value.into()))
            .collect();
        assert_eq!(found, expected, "{hex}");
        assert_eq!(decoder.table.size(), *size, "{hex}");
    }
}

#[test]
fn single_fields() {
    let added = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
    expect(Decoder::default(), &[(added, "custom-key=custom-header", 55)]);
    expect(Decoder::default(), &[("040c 2f73 616d 706c 652f 7061 7468", ":path=/sample/path", 0)]);
    expect(Decoder::default(), &[("1008 7061 7373 776f 7264 0673 6563 7265 74", "password=secret", 0)]);
    expect(Decoder::default(), &[("82", ":method=GET", 0)]);
}

const REQUESTS: [(&str, usize); 3] = [
    (":method=GET\n:scheme=http\n:path=/\n:authority=www.example.com", 57),
    (":method=GET\n:scheme=http\n:path=/\n:authority=www.example.com\ncache-control=no-cache", 110),
    (
        ":method=GET\n:scheme=https\n:path=/index.html\n:authority=www.example.com\ncustom-key=custom-value",
        164,
    ),
];

fn expect_all(decoder: Decoder, blocks: [&str; 3], expected: &[(&str, usize); 3]) {
    let rows: Vec<_> =
        blocks.iter().zip(expected).map(|(hex, (lines, size))| (*hex, *lines, *size)).collect();
    expect(decoder, &rows);
}

#[test]
fn requests() {
    let blocks = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    expect_all(Decoder::default(), blocks, &REQUESTS);
}

#[test]
fn requests_in_huffman_code() {
    let blocks = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    expect_all(Decoder::default(), blocks, &REQUESTS);
}

const RESPONSES: [(&str, usize); 3] = [
    (
        ":status=302\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\n\
         location=https://www.example.com",
        222,
    ),
    (
        ":status=307\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\n\
         location=https://www.example.com",
        222,
    ),
    (
        ":status=200\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:22 GMT\n\
         location=https://www.example.com\ncontent-encoding=gzip\n\
         set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        215,
    ),
];

/// The examples of responses need a table from which entries go.
fn small_table() -> Decoder {
    let mut decoder = Decoder::default();
    decoder.table.resize(256).unwrap();
    decoder
}

#[test]
fn responses() {
    let blocks = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
         2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
         6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
         54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
         5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
         3d31",
    ];
    expect_all(small_table(), blocks, &RESPONSES);
}

#[test]
fn responses_in_huffman_code() {
    let blocks = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
         2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
         77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
         9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    expect_all(small_table(), blocks, &RESPONSES);
}

#[test]
fn blocks_that_break_the_rules_are_refused() {
    let table = [
        ("80", HpackError::Index(0)),
        ("be", HpackError::Index(62)),
        ("7f00 00", HpackError::Index(63)),
        ("ffff ffff ffff 7f", HpackError::Integer),
        ("ff", HpackError::Truncated),
        ("41", HpackError::Truncated),
        ("4105 6162", HpackError::Truncated),
        ("4082 ffff 00", HpackError::Huffman),
        ("3fe2 1f", HpackError::TableSize(4097)),
        ("8220", HpackError::LateTableSize),
    ];
    for (hex, error) in table {
        assert_eq!(headers(&mut Decoder::default(), &bytes(hex)), Err(error), "{hex}");
    }
}

#[test]
fn a_smaller_table_forgets() {
    let mut decoder = Decoder::default();
    let added = bytes("4001 6101 62");
    headers(&mut decoder, &added).unwrap();
    assert_eq!(headers(&mut decoder, &bytes("3fe1 1fbe")).unwrap(), [(b"a".to_vec(), b"b".to_vec())]);
    assert_eq!(headers(&mut decoder, &bytes("20be")), Err(HpackError::Index(62)));
    // Nothing gets into a table without room, nor an entry into one that is smaller.
    headers(&mut decoder, &added).unwrap();
    assert_eq!(decoder.table.size(), 0);
    headers(&mut decoder, &[&[0x20 | 31, 2], &*added, &*added].concat()).unwrap();
    assert_eq!(decoder.table.size(), 0);
}

#[test]
fn what_is_secret_stays_so() {
    let mut decoder = Decoder::default();
    let fields = read(&mut decoder, &bytes("1001 6101 6200 0163 0164")).unwrap();
    assert_eq!(fields.iter().map(|field| field.secret).collect::<Vec<_>>(), [true, false]);
    let mut again = Vec::new();
    fields.iter().for_each(|field| write_literal(field, &mut again));
    assert_eq!(read(&mut decoder, &again).unwrap(), fields);
}

/// Names and values, of few kinds so that many come again, with the ways in which the other implementation writes them.
fn any_block() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>, u8)>> {
    let name = prop_oneof![
        Just(b":authority".to_vec()),
        Just(b"te".to_vec()),
        (0..40_u8).prop_map(|number| vec![b'n', number]),
        vec(any::<u8>(), 1..20),
    ];
    let value = prop_oneof![
        Just(Vec::new()),
        (0..4_u8).prop_map(|number| vec![number; 3]),
        vec(any::<u8>(), 0..200),
        vec(any::<u8>(), 3000..5000),
    ];
    let [huffman_name, huffman_value, indexed, never, best] = [1, 2, 4, 8, 16];
    let form = prop_oneof![Just(0), Just(indexed), Just(indexed | best), Just(never), Just(never | best)];
    let code = prop_oneof![Just(0), Just(huffman_name | huffman_value), Just(huffman_value)];
    vec((name, value, (form, code).prop_map(|(form, code)| form | code)), 0..12)
}

proptest! {
    #[test]
    fn what_another_implementation_writes_is_read(blocks in vec(any_block(), 0..10)) {
        let (mut other, mut decoder) = (OtherEncoder::with_dynamic_size(4096), Decoder::default());
        for block in blocks {
            let mut encoded = Vec::new();
            for field in &block {
                other.encode(field.clone(), &mut encoded).unwrap();
            }
            let expected: Vec<Header> = block.into_iter().map(|(name, value, _)| (name, value)).collect();
            prop_assert_eq!(headers(&mut decoder, &encoded).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_written_another_implementation_reads(block in any_block()) {
        let mut encoded = Vec::new();
        for (name, value, form) in &block {
            let field = Field { name: name.into(), value: value.into(), secret: form & 8 != 0 };
            write_literal(&field, &mut encoded);
        }
        let mut found = Vec::new();
        OtherDecoder::with_dynamic_size(4096).decode(&mut encoded, &mut found).unwrap();
        let texts = |(name, value, _)| (name, value);
        let expected: Vec<Header> = block.into_iter().map(texts).collect();
        prop_assert_eq!(found.into_iter().map(texts).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn any_bytes_are_read_or_refused(blocks in vec(vec(any::<u8>(), 0..200), 0..10)) {
        let mut decoder = Decoder::default();
        for block in blocks {
            let _ = headers(&mut decoder, &block);
            prop_assert!(decoder.table.size() <= 4096);
        }
    }
}
