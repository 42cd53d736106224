//! Extracting images that mean harm.

use std::fs;

use cimsnap::cim::reparse::build;
use cimsnap::cim::{Image, Metadata};

use super::Shell;
use crate::support::{mkdir, path, put};

/// Replaces text in the region file that holds the names.
fn patch(shell: &Shell, image: &str, from: &str, to: &str) {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let image = Image::open(&shell.path(image)).unwrap();
    let (from, to) = (wide(from), wide(to));
    let find = |bytes: &[u8]| bytes.windows(from.len()).position(|window| window == from);
    let found =
        image.regions().iter().find_map(|region| Some((shell.path(region.name()), find(region.bytes())?)));
    let (file, at) = found.unwrap();
    drop(image);
    let mut bytes = fs::read(&file).unwrap();
    assert_eq!(find(&bytes[at + 1..]), None, "the text is there once");
    bytes[at..at + to.len()].copy_from_slice(&to);
    fs::write(file, bytes).unwrap();
}

#[test]
fn nothing_is_written_outside() {
    let shell = Shell::new();
    fs::create_dir(shell.path("outside")).unwrap();
    let outside = shell.path("outside");
    shell.image("a.cim", |writer| {
        let link = build::lx_symlink(outside.as_os_str().as_encoded_bytes()).unwrap();
        let link = Metadata { reparse: &link, ..Metadata::default() };
        writer.create_file(&path("doors"), &link, 0).unwrap().finish().unwrap();
        mkdir(writer, "doort");
        put(writer, "doort/file", b"harm");
    });
    // A directory of the same name as the link before it.
    patch(&shell, "a.cim", "doort", "doors");
    let (code, text) = shell.fails("extract a.cim out");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("cannot extract /doors"), "{text}");
    assert!(fs::read_dir(shell.path("outside")).unwrap().next().is_none());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let shell = Shell::new();
    for (number, bad) in ["..", "./", "a/", "a\0"].into_iter().enumerate() {
        let image = format!("{number}.cim");
        shell.image(&image, |writer| put(writer, "qx", b"harm"));
        patch(&shell, &image, "qx", bad);
        assert_ne!(shell.run(&format!("extract {image} out{number}")).status.code(), Some(0), "{bad:?}");
        assert!(fs::read_dir(shell.path(&format!("out{number}"))).unwrap().next().is_none());
    }
}

#[test]
fn deep_trees_go_in_and_out() {
    let shell = Shell::new();
    let depth = 3000;
    shell.image("a.cim", |writer| {
        let mut at = String::new();
        for _ in 0..depth {
            at.push_str("d/");
            mkdir(writer, at.trim_end_matches('/'));
        }
        put(writer, &format!("{at}file"), b"deep");
    });
    let made = shell.ok("extract a.cim out");
    assert!(made.contains("1 file, 3,000 directories"), "{made}");
    let gone = std::process::Command::new("rm").arg("-rf").arg(shell.path("out")).status().unwrap();
    assert!(gone.success());
}
