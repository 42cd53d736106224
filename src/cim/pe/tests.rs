use super::*;

const HEADERS: u64 = 0x400;

/// The headers of an executable with these sections (raw offset and length) and certificates, followed by a pattern.
fn file(magic: u16, sections: &[(u32, u32)], certificates: (u32, u32), len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let optional_len: u16 = if magic == MAGIC_32 { 224 } else { 240 };
    put(0, b"MZ");
    put(60, &0x80u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x86, &u16::try_from(sections.len()).unwrap().to_le_bytes());
    put(0x94, &optional_len.to_le_bytes());
    let optional = 0x98;
    put(optional, &magic.to_le_bytes());
    put(optional + 32, &0x1000u32.to_le_bytes());
    put(optional + 56, &0x9000u32.to_le_bytes());
    let count = optional + if magic == MAGIC_32 { 92 } else { 108 };
    put(count, &16u32.to_le_bytes());
    put(count + 4 + 32, &certificates.0.to_le_bytes());
    put(count + 4 + 36, &certificates.1.to_le_bytes());
    for (index, (at, len)) in sections.iter().enumerate() {
        let header = optional + usize::from(optional_len) + 40 * index;
        put(header + 16, &len.to_le_bytes());
        put(header + 20, &at.to_le_bytes());
    }
    bytes
}

fn image(bytes: &[u8]) -> Option<PeFile> {
    match parse(bytes, bytes.len() as u64) {
        Parsed::Image(image) => Some(image),
        Parsed::Other => None,
        Parsed::Need(need) => panic!("{need} bytes of {} are needed", bytes.len()),
    }
}

#[test]
fn sections_are_packed_to_pages() {
    for magic in [MAGIC_32, MAGIC_64] {
        // In another order than they lie in the file, one without data, and certificates behind them.
        let sections = [(0x1A00, 0x1200), (0x400, 0x1600), (0, 0x3000), (0x2C00, 0x200)];
        let pe = image(&file(magic, &sections, (0x2E00, 0x123), 0x2F23)).unwrap();
        let piece = |file, stored, len| Piece { file, stored, len };
        let expected = [
            piece(0, 0, HEADERS),
            piece(0x400, 0x1000, 0x1600),
            piece(0x1A00, 0x3000, 0x1200),
            piece(0x2C00, 0x5000, 0x200),
            piece(0x2E00, 0x6000, 0x123),
        ];
        assert_eq!(pe.pieces, expected);
        assert_eq!((pe.stored_len, pe.image_len, pe.is_signed), (0x6123, 0x9000, true));
        let mappings: Vec<_> = pe.mappings().collect();
        assert_eq!(mappings, [(0x400, 0xC00), (0x1A00, 0x1600), (0x2C00, 0x2400), (0x2E00, 0x3200)]);
    }
}

#[test]
fn mappings_stand_only_where_the_delta_changes() {
    let aligned = image(&file(MAGIC_64, &[(0x1000, 0x1000), (0x2000, 0x800)], (0, 0), 0x2800)).unwrap();
    assert_eq!((aligned.mappings().count(), aligned.stored_len, aligned.is_signed), (0, 0x2800, false));
    let same = image(&file(MAGIC_64, &[(0x400, 0x1000), (0x1400, 0x800)], (0, 0), 0x1C00)).unwrap();
    assert_eq!(same.mappings().collect::<Vec<_>>(), [(0x400, 0xC00)]);
}

#[test]
fn bytes_between_sections_stay_with_the_first() {
    let pe = image(&file(MAGIC_32, &[(0x2000, 0x200), (0x3000, 0x200)], (0, 0), 0x3200)).unwrap();
    let pieces: Vec<_> = pe.pieces.iter().map(|piece| (piece.file, piece.stored, piece.len)).collect();
    assert_eq!(pieces, [(0, 0, 0x2000), (0x2000, 0x2000, 0x1000), (0x3000, 0x3000, 0x200)]);
}

#[test]
fn malformed_files_are_not_laid_out() {
    let sound = file(MAGIC_64, &[(0x400, 0x200), (0x600, 0x200)], (0x800, 0x100), 0x900);
    assert!(image(&sound).is_some());
    let optional = 0x98;
    let changes: [(&str, usize, &[u8]); 12] = [
        ("no MZ", 0, b"ZM"),
        ("the PE header lies far away", 60, &[0, 0, 0, 0x70]),
        ("the PE header lies beyond the end", 60, &[0, 9, 0, 0]),
        ("no PE", 0x80, b"NE"),
        ("an unknown magic", optional, &[0x07, 0x01]),
        ("an optional header that is too short", 0x94, &[8, 0]),
        ("no sections", 0x86, &[0, 0]),
        ("more sections than fit", 0x86, &[0xFF, 0xFF]),
        ("sections closer than a page", optional + 32, &[0, 2]),
        ("a section that is cut", optional + 240 + 40 + 16, &[0, 9]),
        ("sections that overlap", optional + 240 + 16, &[1, 2]),
        ("certificates beyond the end", optional + 112 + 36, &[1, 1]),
    ];
    for (what, at, value) in changes {
        let mut bytes = sound.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        assert_eq!(image(&bytes), None, "{what}");
    }
    let mut headers = sound.clone();
    headers[optional + 240 + 20..][..2].copy_from_slice(&[0x80, 0]);
    assert_eq!(image(&headers), None, "a section over the headers");
    for len in 0..sound.len() {
        assert!(matches!(parse(&sound[..len], len as u64), Parsed::Other), "cut at {len}");
    }
}

#[test]
fn only_the_headers_are_needed() {
    let bytes = file(MAGIC_64, &[(0x400, 0x200)], (0, 0), 0x600);
    let len = bytes.len() as u64;
    let mut have = 0;
    let mut asked = Vec::new();
    let pe = loop {
        match parse(&bytes[..have], len) {
            Parsed::Need(need) => {
                assert!(need > have);
                asked.push(need);
                have = need;
            }
            Parsed::Image(image) => break image,
            Parsed::Other => panic!("an executable was not recognized"),
        }
    };
    assert_eq!(asked, [64, 0x98, 0x98 + 240 + 40]);
    assert_eq!(Some(pe), image(&bytes));
    assert_eq!(parse(b"#!", 100), Parsed::Other);
    assert_eq!(parse(b"M", 1), Parsed::Other);
    assert_eq!(parse(b"M", 100), Parsed::Need(64));
}

#[test]
fn digests_leave_out_checksum_certificates_and_where_they_are() {
    let bytes = file(MAGIC_64, &[(0x400, 0x200)], (0x600, 0x80), 0x690);
    let pe = image(&bytes).unwrap();
    let (checksum, directory) = (0x98 + 64, 0x98 + 112 + 32);
    let kept =
        [&bytes[..checksum], &bytes[checksum + 4..directory], &bytes[directory + 8..0x600], &bytes[0x680..]];
    for size in [1, 7, 100, 5000] {
        let mut digested = Vec::new();
        let mut at = 0;
        for piece in bytes.chunks(size) {
            pe.digested(at, piece, |part| digested.extend_from_slice(part));
            at += piece.len() as u64;
        }
        assert!(digested == kept.concat(), "pieces of {size}");
    }
}
