//! A writer of images of versions 1, 2 and 3. It was made from the description of the format alone and shares no code with
//! the library, neither with its writer nor with its structures, so that the two can check each other.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest, Sha512};

/// Names and contents of files of a containing directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// How an image is written.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// Major and minor version.
    pub(crate) version: (u32, u32),
    /// Size of a file record.
    pub(crate) entry_size: usize,
    /// Types of the regions, in their order. Objects of one type are spread over all regions of that type; where there is
    /// none, they go to the first region.
    pub(crate) regions: Vec<u8>,
    /// What stands in reserved fields and in the indexes of region and object-id files.
    pub(crate) reserved: u8,
    /// Whether there are object-id files.
    pub(crate) object_ids: bool,
}

impl Style {
    /// As Windows writes the version.
    pub(crate) fn of_version(major: u32) -> Self {
        let entry_size = match major {
            1 => 88,
            2 => 96,
            _ => 104,
        };
        Self { version: (major, 0), entry_size, regions: vec![0, 1, 2], reserved: 0, object_ids: true }
    }
}

/// The bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Plain(Vec<u8>),
    Sparse(u64),
    /// An executable, and where its pieces begin.
    Expanded(Vec<u8>, Vec<usize>),
    /// A type that no version has, with its number.
    Unknown(u8),
}

/// A file or directory.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) flags: u16,
    pub(crate) times: [u64; 4],
    pub(crate) security: Vec<u8>,
    pub(crate) eas: Vec<u8>,
    pub(crate) reparse: Vec<u8>,
    pub(crate) streams: Vec<(String, Data)>,
    /// The data of a file; `None` for a directory.
    pub(crate) data: Option<Data>,
    /// The names in a directory, each with the number of a node.
    pub(crate) names: Vec<(String, usize)>,
    /// The directory of the first name.
    pub(crate) parent: usize,
    /// What follows the known fields of the record.
    pub(crate) tail: Vec<u8>,
}

/// A tree of files; node 0 is the root.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

impl Node {
    fn new(data: Option<Data>, parent: usize) -> Self {
        Self {
            flags: 0,
            times: [0; 4],
            security: Vec::new(),
            eas: Vec::new(),
            reparse: Vec::new(),
            streams: Vec::new(),
            data,
            names: Vec::new(),
            parent,
            tail: Vec::new(),
        }
    }
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::new(None, 0)] }
    }

    pub(crate) fn directory(&mut self, parent: usize, name: &str) -> usize {
        self.add(parent, name, None)
    }

    pub(crate) fn file(&mut self, parent: usize, name: &str, data: Data) -> usize {
        let file = self.add(parent, name, Some(data));
        self.nodes[file].flags = 8;
        self.nodes[file].times = [1, 2, 3, 4].map(|n| 132_000_000_000_000_000 + n * 10_000_000 + file as u64);
        file
    }

    pub(crate) fn link(&mut self, parent: usize, name: &str, file: usize) {
        self.nodes[parent].names.push((name.to_owned(), file));
    }

    fn add(&mut self, parent: usize, name: &str, data: Option<Data>) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node::new(data, parent));
        self.link(parent, name, id);
        id
    }
}

/// Sets that an image takes over: their ids, and how many regions each has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited {
    sets: Vec<([u8; 16], u16)>,
    objects: HashMap<(u8, Vec<u8>), u64>,
}

/// Writes a tree as the image `name`, whose own set is named by 16 equal bytes. Objects that the image inherits are not
/// written again. Returns what an image over this one inherits.
pub(crate) fn write(
    files: &mut Files,
    name: &str,
    set: u8,
    tree: &Tree,
    style: &Style,
    inherited: Inherited,
) -> Inherited {
    let first = inherited.sets.iter().map(|(_, count)| usize::from(*count)).sum();
    let regions = style.regions.iter().map(|&kind| Region { kind, bytes: Vec::new(), ids: Vec::new() });
    let mut writer = Writer {
        style,
        first,
        regions: regions.collect(),
        turn: 0,
        known: inherited.objects,
        upcase: upcase(),
    };
    for region in &mut writer.regions {
        let mut header = header(style, 1, 40);
        header.extend([style.reserved; 2]);
        header.push(region.kind);
        header.extend([style.reserved; 5]);
        region.bytes = header;
    }
    let filesystem = writer.tree(tree);
    let guid = [set; 16];
    let mut image = header(style, 0, 72);
    image.extend(region_set(guid, style.regions.len() as u16, style.reserved));
    image.extend(filesystem.to_le_bytes());
    image.extend([style.reserved; 6]);
    image.extend((inherited.sets.len() as u16).to_le_bytes());
    for &(guid, count) in &inherited.sets {
        image.extend(region_set(guid, count, style.reserved));
    }
    files.insert(name.to_owned(), image);
    let Writer { regions, known, .. } = writer;
    for (index, mut region) in regions.into_iter().enumerate() {
        let name = |what| format!("{what}_{}_{index}", text(guid));
        if region.kind == 1 {
            region.bytes.resize(region.bytes.len().next_multiple_of(4096), 0);
        }
        if style.object_ids {
            files.insert(name("objectid"), region.object_ids(style));
        }
        files.insert(name("region"), region.bytes);
    }
    let mut sets = inherited.sets;
    sets.push((guid, style.regions.len() as u16));
    Inherited { sets, objects: known }
}

struct Region {
    kind: u8,
    bytes: Vec<u8>,
    /// Length, digest and offset of every object.
    ids: Vec<(u64, Vec<u8>, u64)>,
}

impl Region {
    fn object_ids(&mut self, style: &Style) -> Vec<u8> {
        self.ids.sort();
        let mut bytes = header(style, 2, 48);
        bytes.extend([style.reserved; 2]);
        bytes.push(self.kind);
        bytes.extend([style.reserved; 5]);
        bytes.extend(48u32.to_le_bytes());
        bytes.extend((self.ids.len() as u32).to_le_bytes());
        for (len, digest, offset) in &self.ids {
            bytes.extend(len.to_le_bytes());
            bytes.extend(digest);
            bytes.extend(offset.to_le_bytes());
        }
        bytes
    }
}

struct Writer<'s> {
    style: &'s Style,
    /// Index of the first own region.
    first: usize,
    regions: Vec<Region>,
    turn: usize,
    known: HashMap<(u8, Vec<u8>), u64>,
    upcase: Vec<u16>,
}

impl Writer<'_> {
    /// Appends an object to a region of a type, and names its place.
    fn object(&mut self, kind: u8, bytes: &[u8]) -> u64 {
        if let Some(&known) = self.known.get(&(kind, bytes.to_vec())) {
            return known;
        }
        let fitting: Vec<usize> =
            (0..self.regions.len()).filter(|&at| self.regions[at].kind == kind).collect();
        self.turn += 1;
        let at = fitting.get(self.turn % fitting.len().max(1)).copied().unwrap_or(0);
        let region = &mut self.regions[at];
        let align = if kind == 1 { 4096 } else { 8 };
        region.bytes.resize(region.bytes.len().next_multiple_of(align), 0);
        let offset = region.bytes.len() as u64;
        region.bytes.extend_from_slice(bytes);
        region.ids.push((bytes.len() as u64, object_id(bytes), offset));
        let place = ((self.first + at) as u64) << 48 | offset;
        self.known.insert((kind, bytes.to_vec()), place);
        place
    }

    /// An object that begins with its length; null for none.
    fn counted(&mut self, bytes: &[u8]) -> u64 {
        if bytes.is_empty() {
            return 0;
        }
        let whole = [&(bytes.len() as u16).to_le_bytes()[..], bytes].concat();
        self.object(0, &whole)
    }

    fn stream(&mut self, data: &Data) -> [u8; 16] {
        let (offset, word) = match data {
            Data::Plain(bytes) if bytes.is_empty() => (0, 0),
            Data::Plain(bytes) => {
                let kind = if bytes.len() <= 1024 { 2 } else { 1 };
                (self.object(kind, bytes), bytes.len() as u64)
            }
            Data::Sparse(len) => (0, len | 1 << 56),
            Data::Expanded(bytes, starts) => (self.executable(bytes, starts), bytes.len() as u64 | 2 << 48),
            Data::Unknown(kind) => (0x1000, 100 | u64::from(*kind) << 48),
        };
        pair(offset, word)
    }

    fn executable(&mut self, bytes: &[u8], starts: &[usize]) -> u64 {
        let (mut stored, mut mappings, mut last) = (Vec::new(), Vec::new(), 0);
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(bytes.len());
            let at = stored.len().next_multiple_of(4096);
            stored.resize(at, 0);
            stored.extend_from_slice(&bytes[start..end]);
            let delta = at - start;
            if delta != last {
                mappings.extend((start as u32).to_le_bytes());
                mappings.extend((delta as u32).to_le_bytes());
                last = delta;
            }
        }
        let data = self.object(1, &stored);
        let mut object = data.to_le_bytes().to_vec();
        object.extend((stored.len() as u64).to_le_bytes());
        object.extend(0x10000u32.to_le_bytes());
        object.extend(((mappings.len() / 8) as u16).to_le_bytes());
        object.extend(1u16.to_le_bytes());
        object.extend(mappings);
        self.object(0, &object)
    }

    /// A table of names; null and no length for none.
    fn table(&mut self, mut entries: Vec<(Vec<u16>, Vec<u8>)>) -> (u64, u64) {
        if entries.is_empty() {
            return (0, 0);
        }
        entries.sort_by(|(a, _), (b, _)| self.compare(a, b));
        let fixed = 8 + entries.iter().map(|(_, value)| value.len() + 4).sum::<usize>();
        let (mut values, mut offsets, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in &entries {
            values.extend(value);
            offsets.extend(((fixed + names.len()) as u32).to_le_bytes());
            names.extend((name.len() as u16).to_le_bytes());
            names.extend(name.iter().flat_map(|unit| unit.to_le_bytes()));
        }
        let len = (fixed + names.len()) as u32;
        let count = entries.len() as u32;
        let table = [&len.to_le_bytes()[..], &count.to_le_bytes(), &values, &offsets, &names].concat();
        (self.object(0, &table), u64::from(len))
    }

    fn compare(&self, a: &[u16], b: &[u16]) -> Ordering {
        let folded = |name: &[u16]| -> Vec<u32> {
            let upper = |unit: u16| u32::from(self.upcase[usize::from(unit)]);
            let points = char::decode_utf16(name.iter().copied());
            points
                .map(|point| match point {
                    Ok(c) if u32::from(c) > 0xFFFF => c.into(),
                    Ok(c) => upper(u32::from(c) as u16),
                    Err(lone) => upper(lone.unpaired_surrogate()),
                })
                .collect()
        };
        folded(a).cmp(&folded(b)).then_with(|| a.cmp(b))
    }

    fn tree(&mut self, tree: &Tree) -> u64 {
        let upcase: Vec<u8> = self.upcase.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let upcase = self.object(0, &upcase);
        let mut records: Vec<Vec<u8>> = tree.nodes.iter().map(|node| self.record(node)).collect();
        // Records of files without a name are free.
        let mut named: HashSet<usize> = HashSet::from([0]);
        named.extend(tree.nodes.iter().flat_map(|node| node.names.iter().map(|(_, id)| *id)));
        let free = records.iter_mut().enumerate().filter(|(number, _)| !named.contains(number));
        free.for_each(|(_, record)| record.fill(0));
        let mut directory = Vec::new();
        for table in records.chunks(1024) {
            let offset = self.object(0, &table.concat());
            directory.extend(offset.to_le_bytes());
            directory.extend((table.len() as u16).to_le_bytes());
            directory.extend((self.style.entry_size as u16).to_le_bytes());
            directory.extend([self.style.reserved; 4]);
        }
        let count = (directory.len() / 16) as u32;
        let directory = self.object(0, &directory);
        let object =
            [&upcase.to_le_bytes()[..], &directory.to_le_bytes(), &count.to_le_bytes(), &1u32.to_le_bytes()];
        self.object(0, &object.concat())
    }

    fn record(&mut self, node: &Node) -> Vec<u8> {
        let data = match &node.data {
            Some(data) => self.stream(data),
            None => {
                let entry = |(name, id): &(String, usize)| {
                    (name.encode_utf16().collect(), (*id as u32 + 1).to_le_bytes().to_vec())
                };
                let (offset, len) = self.table(node.names.iter().map(entry).collect());
                pair(offset, len | 1 << 48)
            }
        };
        let mut streams = Vec::new();
        for (name, data) in &node.streams {
            streams.push((name.encode_utf16().collect(), self.stream(data).to_vec()));
        }
        let eas = if node.eas.is_empty() { 0 } else { self.object(0, &node.eas) };
        let mut record = node.flags.to_le_bytes().to_vec();
        record.extend((node.eas.len() as u16).to_le_bytes());
        record.extend(node.reparse.get(..4).unwrap_or(&[0; 4]));
        record.extend(node.times.iter().flat_map(|time| time.to_le_bytes()));
        record.extend(data);
        record.extend(self.counted(&node.security).to_le_bytes());
        record.extend(eas.to_le_bytes());
        record.extend(self.counted(&node.reparse).to_le_bytes());
        record.extend(self.table(streams).0.to_le_bytes());
        record.extend((node.parent as u32 + 1).to_le_bytes());
        record.extend((self.first as u16).to_le_bytes());
        record.extend([self.style.reserved; 2]);
        record.extend(&node.tail);
        record.resize(self.style.entry_size, 0);
        record
    }
}

/// A security descriptor without owner, group and lists, self-relative.
const SECURITY: [u8; 20] = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A tree with everything that the format knows.
pub(crate) fn sample() -> Tree {
    let mut tree = Tree::new();
    let bytes =
        |seed: usize, len: usize| -> Vec<u8> { (0..len).map(|at| (at * 7 + seed) as u8 | 1).collect() };
    let mut deep = 0;
    for level in 0..8 {
        deep = tree.directory(deep, &format!("d{level}"));
        tree.file(deep, "file", Data::Plain(bytes(level, 50)));
    }
    let many = tree.directory(0, "many");
    tree.nodes[many].security = SECURITY.to_vec();
    for number in 0..30 {
        let file = tree.file(many, &format!("file {number}"), Data::Plain(bytes(number, number * 150)));
        tree.nodes[file].security = SECURITY.to_vec();
        if number == 7 {
            tree.link(many, "link", file);
            tree.link(deep, "link", file);
        }
    }
    for len in [1023, 1024, 1025, 4096, 4097, 70_000] {
        tree.file(0, &format!("{len} bytes"), Data::Plain(bytes(len, len)));
    }
    for name in ["\u{E9}t\u{E9}", "\u{17F}", "ZETA", "alpha", "\u{1F600}", "\u{FFEE}", "\u{3C9}", "Beta"] {
        tree.file(0, name, Data::Plain(name.into()));
    }
    tree.directory(0, "empty");
    tree.file(0, "nothing", Data::Plain(Vec::new()));
    tree.file(0, "sparse", Data::Sparse(1 << 40));
    let eas = tree.file(0, "eas", Data::Plain(b"ea".to_vec()));
    tree.nodes[eas].eas = vec![0, 0, 0, 0, 0, 1, 1, 0, b'N', 0, b'V'];
    tree.nodes[eas].flags = 0x1F;
    let large = Data::Plain(bytes(3, 9000));
    for (name, data) in [("one", Data::Plain(b"1".to_vec())), ("Two", large), ("three", Data::Sparse(5000))] {
        tree.nodes[eas].streams.push((name.to_owned(), data));
    }
    tree.nodes[many].streams.push(("of a directory".to_owned(), Data::Plain(b"stream".to_vec())));
    let link = tree.file(0, "symlink", Data::Plain(Vec::new()));
    tree.nodes[link].reparse =
        [&0xA000_001Du32.to_le_bytes()[..], &[8, 0, 0, 0], &[2, 0, 0, 0], b"file"].concat();
    for (name, len, starts) in [
        ("program.exe", 0x2F23, vec![0, 0x400, 0x1A00, 0x2C00, 0x2E00]),
        ("aligned.dll", 0x3800, vec![0, 0x1000, 0x2000]),
    ] {
        let file = tree.file(0, name, Data::Expanded(bytes(len, len), starts));
        tree.nodes[file].security = SECURITY.to_vec();
    }
    tree
}

/// Returns an image `a.cim` of a version and one over it, `b.cim`, which has some files more and some less.
pub(crate) fn samples(style: &Style) -> Files {
    let mut files = Files::new();
    let mut tree = sample();
    let inherited = write(&mut files, "a.cim", 0x11, &tree, style, Inherited::default());
    tree.nodes[0].names.retain(|(name, _)| name != "1024 bytes");
    tree.file(0, "of b", Data::Plain(b"only here".to_vec()));
    write(&mut files, "b.cim", 0x22, &tree, style, inherited);
    files
}

fn header(style: &Style, kind: u8, len: u32) -> Vec<u8> {
    let (major, minor) = style.version;
    let mut bytes = b"cimfile0".to_vec();
    bytes.extend(len.to_le_bytes());
    bytes.push(kind);
    bytes.extend([style.reserved; 3]);
    bytes.extend(major.to_le_bytes());
    bytes.extend(minor.to_le_bytes());
    bytes.extend([style.reserved; 8]);
    bytes
}

fn region_set(guid: [u8; 16], count: u16, reserved: u8) -> Vec<u8> {
    [&guid[..], &count.to_le_bytes(), &[reserved; 6]].concat()
}

/// 16 equal bytes look the same in any order of fields.
fn text(guid: [u8; 16]) -> String {
    let hex: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn pair(offset: u64, word: u64) -> [u8; 16] {
    [offset.to_le_bytes(), word.to_le_bytes()].concat().try_into().unwrap()
}

fn object_id(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= 24 {
        let mut id = bytes.to_vec();
        id.resize(24, 0);
        return id;
    }
    Sha512::digest(bytes)[..24].to_vec()
}

/// The table of Windows. `a-b+d`: every unit from a to b maps to itself + d; `/2`: every second one.
const UPCASE: &str = "
0061-007a-32 00e0-00f6-32 00f8-00fe-32 00ff+121 0101-012f/2-1 0133-0137/2-1 013a-0148/2-1 014b-0177/2-1
017a-017e/2-1 0180+195 0183-0185/2-1 0188-1 018c-1 0192-1 0195+97 0199-1 019a+163 019e+130 01a1-01a5/2-1
01a8-1 01ad-1 01b0-1 01b4-01b6/2-1 01b9-1 01bd-1 01bf+56 01c6-2 01c9-2 01cc-2 01ce-01dc/2-1 01dd-79
01df-01ef/2-1 01f3-2 01f5-1 01f9-021f/2-1 0223-0233/2-1 023c-1 0242-1 0247-024f/2-1 0250+10783 0251+10780
0253-210 0254-206 0256-0257-205 0259-202 025b-203 0260-205 0263-207 0268-209 0269-211 026b+10743 026f-211
0271+10749 0272-213 0275-214 027d+10727 0280-218 0283-218 0288-218 0289-69 028a-028b-217 028c-71 0292-219
0371-0373/2-1 0377-1 037b-037d+130 03ac-38 03ad-03af-37 03b1-03c1-32 03c3-03cb-32 03cc-64 03cd-03ce-63
03d7-8 03d9-03ef/2-1 03f2+7 03f8-1 03fb-1 0430-044f-32 0450-045f-80 0461-0481/2-1 048b-04bf/2-1
04c2-04ce/2-1 04cf-15 04d1-0523/2-1 0561-0586-48 1d79+35332 1d7d+3814 1e01-1e95/2-1 1ea1-1eff/2-1
1f00-1f07+8 1f10-1f15+8 1f20-1f27+8 1f30-1f37+8 1f40-1f45+8 1f51+8 1f53+8 1f55+8 1f57+8 1f60-1f67+8
1f70-1f71+74 1f72-1f75+86 1f76-1f77+100 1f78-1f79+128 1f7a-1f7b+112 1f7c-1f7d+126 1f80-1f87+8 1f90-1f97+8
1fa0-1fa7+8 1fb0-1fb1+8 1fb3+9 1fc3+9 1fd0-1fd1+8 1fe0-1fe1+8 1fe5+7 1ff3+9 214e-28 2170-217f-16 2184-1
24d0-24e9-26 2c30-2c5e-48 2c61-1 2c65-10795 2c66-10792 2c68-2c6c/2-1 2c73-1 2c76-1 2c81-2ce3/2-1
2d00-2d25-7264 a641-a65f/2-1 a663-a66d/2-1 a681-a697/2-1 a723-a72f/2-1 a733-a76f/2-1 a77a-a77c/2-1
a77f-a787/2-1 a78c-1 ff41-ff5a-32";

fn upcase() -> Vec<u16> {
    let mut table: Vec<u16> = (0..=u16::MAX).collect();
    let hex = |text: &str| u32::from_str_radix(text, 16).unwrap();
    for run in UPCASE.split_whitespace() {
        let (units, delta) = match run.rfind(['+', '-']) {
            Some(at) => (&run[..at], run[at..].parse::<i32>().unwrap()),
            None => unreachable!("every run has a sign"),
        };
        let (units, step) = units.strip_suffix("/2").map_or((units, 1), |units| (units, 2));
        let (first, last) = units.split_once('-').unwrap_or((units, units));
        for unit in (hex(first)..=hex(last)).step_by(step) {
            table[unit as usize] = (unit as i32 + delta) as u16;
        }
    }
    table
}
