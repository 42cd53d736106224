//! What is rare in a tree, and easy to get wrong.

use super::Maker;
use crate::generator::item::{Body, Item, Kind};
use crate::generator::names::SCRIPTS;

/// Names that Windows forbids, or that are no UTF-8.
const NAMES: [&[u8]; 12] = [
    b"a:b",
    b"what?*\"<>|",
    b"back\\slash",
    b"control \x01\x1f\x7f",
    b"line\nfeed",
    b"trailing dot.",
    b"trailing space ",
    b"con",
    b"caf\xe9",
    b"\xff\xfe",
    b"half \xe2\x82",
    b"surrogate \xed\xa0\x80",
];

/// Pairs that differ in case, directories with their files among them.
const TWINS: [(&str, &str); 4] =
    [("README", "readme"), ("Makefile", "makefile"), ("Data/a", "data/a"), ("Ärger", "ärger")];

const SYMLINKS: [(&str, &str); 8] = [
    ("bin", "usr/bin"),
    ("lib", "/usr/lib"),
    ("etc/mtab", "/proc/self/mounts"),
    ("etc/dangling", "../nowhere/at all"),
    ("etc/loop", "loop"),
    ("etc/forbidden", "a:b\\c|d"),
    ("var/run", "../run"),
    ("usr/up", "../../../.."),
];

const LONGEST_NAME: usize = 255;

impl Maker<'_> {
    pub(super) fn special(&mut self) {
        for (path, target) in SYMLINKS {
            self.builder.symlink(path.as_bytes(), target);
        }
        self.builder.directory(b"run");
        self.builder.directory(b"usr/bin");
        self.builder.directory(b"usr/lib");
        self.devices();
        let scripts = SCRIPTS.map(str::as_bytes);
        for name in NAMES.into_iter().chain(scripts) {
            self.small(&[b"srv/names/", name].concat());
        }
        for (one, two) in TWINS {
            self.small(format!("srv/twins/{one}").as_bytes());
            self.small(format!("srv/twins/{two}").as_bytes());
        }
        self.small(&[&b"srv/names/"[..], &[b'n'; LONGEST_NAME]].concat());
        let deep = vec!["a level of a path"; 20].join("/");
        self.small(format!("srv/{deep}/end").as_bytes());
        let su = self.builder.file(b"usr/bin/su", Body::Pe { len: 3000, seed: 1 });
        (su.mode, su.owner) = (0o4755, (0, 0));
    }

    fn small(&mut self, path: &[u8]) {
        let body = self.builder.text(400);
        self.builder.file(path, body);
    }

    fn devices(&mut self) {
        for (name, block, major, minor, mode) in
            [("null", false, 1, 3, 0o666), ("tty", false, 5, 0, 0o620), ("loop0", true, 7, 0, 0o660)]
        {
            let kind = Kind::Device { block, major, minor };
            let mut item = Item::new(format!("dev/{name}").as_bytes(), kind);
            (item.mode, item.modified) = (mode, (1_600_000_000, 0));
            self.builder.add(item);
        }
        self.builder.dressed(b"run/initctl", Kind::Fifo).mode = 0o600;
    }
}
