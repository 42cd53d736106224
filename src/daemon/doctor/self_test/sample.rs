//! The files that are written: something of everything that an image can hold, at the edges of the format.

use std::collections::BTreeMap;

use super::content::Content;
use super::tree::{Edit, Item};
use crate::cim::Attributes;

/// Sizes around the limits of small data, of alignment, and of the pieces that data is written in.
const SIZES: [u64; 17] =
    [0, 1, 23, 24, 25, 1023, 1024, 1025, 4095, 4096, 4097, 32_767, 32_768, 65_535, 65_536, 65_537, 1_048_577];

/// 2023-11-14 in steps of 100 ns since 1601.
const TIME: u64 = 133_444_736_000_000_000;

/// Owner and group are SYSTEM; everybody may read, SYSTEM and administrators may do everything.
const SECURITY: &[u8] = &[
    1, 0, 0x04, 0x80, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0, // header
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, // owner
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, // group
    2, 0, 72, 0, 3, 0, 0, 0, // list of 72 bytes, three entries
    0, 3, 20, 0, 0xFF, 0x01, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, // SYSTEM
    0, 3, 24, 0, 0xFF, 0x01, 0x1F, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0,
    0, // Administrators
    0, 3, 20, 0, 0xA9, 0x00, 0x12, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, // Everyone
];

/// One attribute: CIMSNAP=1.
const EAS: &[u8] = &[0, 0, 0, 0, 0, 7, 1, 0, b'C', b'I', b'M', b'S', b'N', b'A', b'P', 0, b'1'];

const SYMLINK: u32 = 0xA000_000C;
const MOUNT_POINT: u32 = 0xA000_0003;

/// Says of a symlink that its target is relative.
const RELATIVE: u32 = 1;

/// Names in a large directory.
const MANY: u32 = 100;

/// How deep directories lie in each other.
const DEPTH: usize = 20;

fn item(seed: u64, attributes: Attributes, data: Content) -> Item {
    let times = [0, 1, 2, 3].map(|number| TIME + seed * 10_000_000 + number);
    let (eas, reparse, streams) = (Vec::new(), Vec::new(), BTreeMap::new());
    Item { attributes, times, security: SECURITY.to_vec(), eas, reparse, data, streams }
}

fn directory(seed: u64) -> Item {
    item(seed, Attributes::DIRECTORY, Content::EMPTY)
}

fn file(seed: u64, size: u64) -> Item {
    item(seed, Attributes::ARCHIVE, Content::pattern(seed, size))
}

fn put(path: impl Into<String>, item: Item) -> Edit {
    Edit::Put(path.into(), Box::new(item))
}

/// Returns a link whose substitute and print name are both `target`.
fn link(tag: u32, seed: u64, directory: bool, target: &str, print: &str) -> Item {
    let bytes = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let (target, print) = (bytes(target), bytes(print));
    let mut data = Vec::new();
    for number in [0, length(&target), length(&target) + 2, length(&print)] {
        data.extend(number.to_le_bytes());
    }
    if tag == SYMLINK {
        data.extend(RELATIVE.to_le_bytes());
    }
    data.extend([target, vec![0, 0], print, vec![0, 0]].concat());
    let reparse = [&tag.to_le_bytes()[..], &length(&data).to_le_bytes(), &[0, 0], &data].concat();
    let attributes = if directory { Attributes::DIRECTORY } else { Attributes::ARCHIVE };
    Item { reparse, ..item(seed, attributes, Content::EMPTY) }
}

/// Returns a program of two sections, aligned to 512 bytes, that the loader would map.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 0x600];
    let mut set = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    set(0, b"MZ");
    set(0x3C, &0x80_u32.to_le_bytes());
    set(0x80, b"PE\0\0");
    set(0x84, &0x8664_u16.to_le_bytes()); // machine
    set(0x86, &2_u16.to_le_bytes()); // sections
    set(0x94, &0xF0_u16.to_le_bytes()); // size of the optional header
    set(0x96, &0x22_u16.to_le_bytes()); // executable, large addresses
    set(0x98, &0x20B_u16.to_le_bytes()); // PE32+
    set(0xA8, &0x1000_u32.to_le_bytes()); // entry point
    set(0xB0, &0x1_4000_0000_u64.to_le_bytes()); // base address
    set(0xB8, &0x1000_u32.to_le_bytes()); // alignment in memory
    set(0xBC, &0x200_u32.to_le_bytes()); // alignment in the file
    set(0xC8, &6_u16.to_le_bytes()); // subsystem version
    set(0xD0, &0x3000_u32.to_le_bytes()); // size in memory
    set(0xD4, &0x200_u32.to_le_bytes()); // size of the headers
    set(0xDC, &3_u16.to_le_bytes()); // console
    set(0x104, &16_u32.to_le_bytes()); // data directories
    for (number, (name, flags)) in
        (0_u32..).zip([(b".text\0\0\0", 0x6000_0020_u32), (b".data\0\0\0", 0xC000_0040)])
    {
        let at = 0x188 + 40 * usize::try_from(number).unwrap_or(0);
        set(at, name);
        for (field, value) in
            [(8, 0x200), (12, 0x1000 * (number + 1)), (16, 0x200), (20, 0x200 * (number + 1)), (36, flags)]
        {
            set(at + field, &value.to_le_bytes());
        }
    }
    set(0x200, &[0xC3]);
    set(0x400, &Content::pattern(99, 0x200).written);
    bytes
}

/// Returns the edits of the image that lies over nothing.
pub(super) fn base() -> Vec<Edit> {
    let mut edits = vec![put("Files", directory(1)), put("Files/sizes", directory(2))];
    for (seed, size) in (100..).zip(SIZES) {
        edits.push(put(format!("Files/sizes/{size}"), file(seed, size)));
    }
    edits.extend(kinds());
    edits.extend(names());
    edits
}

/// Files with attributes, streams, links and data of all kinds.
fn kinds() -> Vec<Edit> {
    let with = |attributes| item(10, attributes, Content::pattern(10, 10));
    let streams = |streams: &[(&str, u64)]| {
        streams.iter().map(|&(name, size)| (name.to_owned(), Content::pattern(size, size))).collect()
    };
    let sparse = Content::short(1 << 20, Vec::new());
    let short = Content::short(10_000, Content::pattern(11, 100).written);
    vec![
        put("Files/kinds", directory(3)),
        put("Files/kinds/normal", with(Attributes::empty())),
        put("Files/kinds/read-only", with(Attributes::READ_ONLY)),
        put("Files/kinds/hidden-system", with(Attributes::HIDDEN | Attributes::SYSTEM)),
        put("Files/kinds/sparse", item(12, Attributes::SPARSE_FILE | Attributes::ARCHIVE, sparse)),
        put("Files/kinds/short", item(13, Attributes::ARCHIVE, short)),
        put("Files/kinds/same-1", item(14, Attributes::ARCHIVE, Content::pattern(14, 9000))),
        put("Files/kinds/same-2", item(15, Attributes::ARCHIVE, Content::pattern(14, 9000))),
        put("Files/kinds/program.exe", item(16, Attributes::ARCHIVE, Content::bytes(program()))),
        put("Files/kinds/eas", Item { eas: EAS.to_vec(), ..file(17, 5) }),
        put(
            "Files/kinds/streams",
            Item { streams: streams(&[("a", 0), ("b", 700), ("Side", 5000)]), ..file(18, 2000) },
        ),
        put("Files/kinds/in-directory", Item { streams: streams(&[("side", 40)]), ..directory(19) }),
        put("Files/kinds/symlink", link(SYMLINK, 20, false, "normal", "normal")),
        put("Files/kinds/to-directory", link(SYMLINK, 21, true, "..\\sizes", "..\\sizes")),
        put("Files/kinds/junction", link(MOUNT_POINT, 22, true, "\\??\\C:\\sizes", "C:\\sizes")),
        Edit::Link { new: "Files/kinds/linked".into(), existing: "Files/sizes/4096".into() },
        Edit::Link { new: "Files/linked too".into(), existing: "Files/kinds/streams".into() },
    ]
}

/// Names that are long, deep, many, and of many scripts.
fn names() -> Vec<Edit> {
    let mut edits = vec![
        put("Files/names", directory(4)),
        put("Files/names/empty", directory(5)),
        put("Files/names/Gr\u{FC}\u{DF}e, \u{3A3}\u{3BF}\u{3C6}\u{3AF}\u{3B1}.txt", file(30, 30)),
        put("Files/names/\u{6F22}\u{5B57} \u{1F600}", file(31, 31)),
        put(format!("Files/names/{}", "n".repeat(255)), file(32, 32)),
        put("Files/many", directory(6)),
    ];
    for number in 0..MANY {
        edits.push(put(
            format!("Files/many/name {number}"),
            file(1000 + u64::from(number), u64::from(number % 7)),
        ));
    }
    let mut deep = "Files/deep".to_owned();
    for _ in 0..DEPTH {
        edits.push(put(deep.clone(), directory(7)));
        edits.push(put(format!("{deep}/file"), file(33, 33)));
        deep.push_str("/deeper");
    }
    edits
}

/// Returns the edits of the image that is forked from the first one. Deletions come first.
pub(super) fn fork() -> Vec<Edit> {
    let mut edits: Vec<Edit> =
        ["Files/sizes/1025", "Files/deep/deeper/deeper", "Files/kinds/linked", "Files/names/empty"]
            .map(|path| Edit::Delete(path.to_owned()))
            .into();
    edits.extend([
        put("Files/sizes/1024", file(200, 70_000)),
        put("Files/sizes/65536", file(201, 10)),
        put("Files/sizes", directory(202)),
        put("Files/names/empty", file(203, 12)),
        put("Files/kinds/normal", directory(204)),
        put("Files/kinds/normal/below", file(205, 13)),
        put("Files/deep", link(SYMLINK, 206, true, "sizes", "sizes")),
        put(
            "Files/many/name 7",
            Item { streams: [("new".to_owned(), Content::pattern(8, 8))].into(), ..file(207, 7) },
        ),
        put("Files/new", directory(208)),
        put("Files/new/file", file(209, 4097)),
        Edit::Link { new: "Files/new/linked".into(), existing: "Files/sizes/4096".into() },
    ]);
    edits
}
