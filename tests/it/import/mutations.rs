//! Tars with bytes changed at random become sound images, or are refused and leave nothing behind.

use cimsnap::cim::check::{CheckOptions, check};
use proptest::prelude::*;

use super::tars::Tar;
use super::{LayerOs, Stack};

fn linux() -> Tar {
    let records: [(&[u8], &[u8]); 2] = [(b"SCHILY.xattr.user.a", b"b\n"), (b"mtime", b"12.5")];
    let sparse: [(&[u8], &[u8]); 2] = [(b"GNU.sparse.size", b"9"), (b"GNU.sparse.map", b"2,3,8,1")];
    Tar::new()
        .dir("a/")
        .records(&records)
        .file("a/b", "data")
        .link("c", "a/b")
        .symlink("d", "a")
        .file("d/e", "")
        .whiteout("a/.wh.f")
        .records(&sparse)
        .file("g", "data")
        .file("a/.wh..wh..opq", "")
}

fn windows() -> Tar {
    let records: [(&[u8], &[u8]); 2] = [(b"MSWINDOWS.fileattr", b"32"), (b"MSWINDOWS.xattr.A", b"QQ==")];
    Tar::new()
        .dir("Files")
        .records(&records)
        .file("Files/a", "data")
        .file("Files/a:s", "stream")
        .link("Files/l", "Files/a")
        .records(&[(b"MSWINDOWS.mountpoint", b"1")])
        .symlink("Files/j", "C:\\x")
        .whiteout("Files/.wh.b")
        .file("Hives/Sam_Delta", "")
}

/// Makes the checksums of headers right again, so that changes get past them.
fn mend(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_tars_are_refused_or_sound(
        is_windows: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let (os, tar) = if is_windows { (LayerOs::Windows, windows()) } else { (LayerOs::Linux, linux()) };
        let mut bytes = tar.bytes();
        for (at, byte, is_text) in changes {
            let at = at.index(bytes.len());
            bytes[at] = if is_text { b"0179/.:\n\0="[usize::from(byte % 10)] } else { byte };
        }
        mend(&mut bytes);
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut stack = Stack::new(os);
        match stack.import_bytes(bytes) {
            Err(_) => prop_assert!(stack.directory.list().unwrap().is_empty()),
            Ok(_) => {
                let before = stack.directory.list().unwrap();
                match stack.commit() {
                    Err(_) => prop_assert_eq!(stack.directory.list().unwrap(), before),
                    Ok(()) => prop_assert!(check(&stack.image(), CheckOptions::default()).is_sound()),
                }
            }
        }
    }
}
