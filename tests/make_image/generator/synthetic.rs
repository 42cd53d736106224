//! Data of our own, where that of the machine will not do.

use super::random::Random;

const FILE_ALIGNMENT: usize = 512;
const SECTION_ALIGNMENT: usize = 4096;
const SECTION_HEADER: usize = 40;

/// Where the PE header lies, the optional header behind it, and the table of sections.
const PE_HEADER: usize = 0x80;
const OPTIONAL_HEADER: usize = PE_HEADER + 24;
const OPTIONAL_LEN: usize = 240;
const SECTIONS: usize = OPTIONAL_HEADER + OPTIONAL_LEN;

/// Makes a PE32+ library of two sections, which lie closer in the file than in memory.
pub(crate) fn pe(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let data = len.saturating_sub(2 * FILE_ALIGNMENT).next_multiple_of(2 * FILE_ALIGNMENT) / 2;
    let mut file = headers(data, seed);
    file.extend(code(&mut random, data));
    file.extend(text(data, seed));
    // What lies behind the last section is an overlay, such as a signature.
    let overlay = random.bytes(len.saturating_sub(file.len()));
    file.extend(overlay);
    file.truncate(len);
    file
}

fn headers(data: usize, seed: u64) -> Vec<u8> {
    let mut file = vec![0; 2 * FILE_ALIGNMENT];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    let word = |number: usize| (number as u32).to_le_bytes();
    put(0, b"MZ");
    put(0x3C, &word(PE_HEADER));
    put(PE_HEADER, b"PE\0\0\x64\x86\x02\0");
    put(PE_HEADER + 8, &(seed as u32).to_le_bytes());
    put(PE_HEADER + 20, &[OPTIONAL_LEN as u8, 0, 0x22, 0x20]);
    let memory = data.next_multiple_of(SECTION_ALIGNMENT);
    put(OPTIONAL_HEADER, b"\x0B\x02\x0E\x1D");
    put(OPTIONAL_HEADER + 24, &0x1_8000_0000_u64.to_le_bytes());
    put(OPTIONAL_HEADER + 32, &word(SECTION_ALIGNMENT));
    put(OPTIONAL_HEADER + 36, &word(FILE_ALIGNMENT));
    put(OPTIONAL_HEADER + 56, &word(SECTION_ALIGNMENT + 2 * memory));
    put(OPTIONAL_HEADER + 60, &word(2 * FILE_ALIGNMENT));
    put(OPTIONAL_HEADER + 108, &word(16));
    for (index, (name, flags)) in [(".text", 0x6000_0020), (".rdata", 0x4000_0040)].iter().enumerate() {
        let at = SECTIONS + index * SECTION_HEADER;
        put(at, name.as_bytes());
        put(at + 8, &word(data));
        put(at + 12, &word(SECTION_ALIGNMENT + index * memory));
        put(at + 16, &word(data));
        put(at + 20, &word(2 * FILE_ALIGNMENT + index * data));
        put(at + 36, &word(*flags));
    }
    file
}

/// Makes bytes that compress about as well as code: few instructions, many operands.
fn code(random: &mut Random, len: usize) -> Vec<u8> {
    const INSTRUCTIONS: [&[u8]; 8] = [
        b"\x48\x8B\x05",
        b"\xE8",
        b"\x48\x89\x5C\x24",
        b"\xC3\xCC\xCC",
        b"\x0F\x84",
        b"\x48\x83\xEC\x28",
        b"\x90",
        b"\xFF\x15",
    ];
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(INSTRUCTIONS[random.index(INSTRUCTIONS.len())]);
        let operand = random.below(0x4000) as u16;
        bytes.extend_from_slice(&operand.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Makes lines of words.
pub(crate) fn text(len: usize, seed: u64) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "service",
        "the",
        "component",
        "of",
        "version",
        "package",
        "neutral",
        "assembly",
        "identity",
        "file",
        "name",
        "hash",
        "token",
        "public",
        "processor",
        "amd64",
    ];
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(len + 16);
    while bytes.len() < len {
        bytes.extend_from_slice(random.pick(&WORDS).as_bytes());
        let number = random.below(1000).to_string();
        bytes.extend_from_slice(if random.percent(20) { number.as_bytes() } else { b"" });
        bytes.extend_from_slice(if random.percent(12) { b"\r\n" } else { b" " });
    }
    bytes.truncate(len);
    bytes
}
