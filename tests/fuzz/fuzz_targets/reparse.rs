//! Any bytes are reparse data or not, and any text is a link or not: what is built can be read, and leads where it led.
#![no_main]

use cimsnap::cim::reparse::{MAX_LEN, Reparse, build};
use cimsnap::cim::wsl::{FileType, linux_link};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for bytes in [input.to_vec(), sized(input)] {
        if let Ok(reparse) = Reparse::parse(&bytes) {
            read(reparse);
        }
    }
    for build in [build::symlink, build::mount_point] {
        let Ok(built) = build(input) else { continue };
        // The text may be spelled in another way, with `\` for `/` or one character for two surrogates.
        let again = text(&built).map(|text| build(&text));
        assert_eq!(again, Some(Ok(built)));
    }
    if let Ok(built) = build::lx_symlink(input) {
        assert_eq!(text(&built).as_deref(), Some(input));
    }
});

/// Makes the length in the header right, which few changes at random leave alone.
fn sized(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let is_microsoft = bytes.get(3).is_some_and(|byte| byte & 0x80 != 0);
    let header = if is_microsoft { 8 } else { 24 };
    if let Some(len) = bytes.len().checked_sub(header).and_then(|len| u16::try_from(len).ok()) {
        bytes[4..6].copy_from_slice(&len.to_le_bytes());
    }
    bytes
}

/// Asks for everything, and makes the link again that the data describes.
fn read(reparse: Reparse<'_>) {
    assert_eq!(FileType::of_tag(reparse.tag()).is_none(), matches!(reparse, Reparse::Other(_)));
    let _ = linux_link(reparse);
    let Some(text) = reparse.link_text() else { return };
    let again = match reparse {
        Reparse::Symlink { .. } => build::symlink(&text),
        Reparse::MountPoint { .. } => build::mount_point(&text),
        _ => build::lx_symlink(&text),
    };
    let Ok(again) = again else { return };
    let parsed = Reparse::parse(&again).expect("what was built can be read");
    assert_eq!(parsed.tag(), reparse.tag());
}

fn text(built: &[u8]) -> Option<Vec<u8>> {
    assert!(built.len() <= MAX_LEN);
    Reparse::parse(built).expect("what was built can be read").link_text()
}
