//! What is rare in an image, and easy to get wrong.

use crate::generator::builder::Builder;
use crate::generator::item::{Body, Item};
use crate::generator::names::{SCRIPTS, swap_case};

const SCRIPTS_DIRECTORY: &str = "Files/Users/Public/Documents";

/// Names in many scripts, a name that is no proper UTF-16, and a path longer than old programs can take.
pub(super) fn names(builder: &mut Builder<'_>) {
    for script in SCRIPTS {
        let body = builder.text(300);
        builder.file(format!("{SCRIPTS_DIRECTORY}/{script}").as_bytes(), body);
    }
    let body = builder.text(300);
    builder.file(b"Files/Users/Public/Documents/lone \xED\xA0\x80 surrogate", body);
    let deep: Vec<String> =
        (0..9).map(|level| format!("level {level} of a path that is very long")).collect();
    let body = builder.text(300);
    builder.file(format!("Files/Users/Public/{}/end.txt", deep.join("/")).as_bytes(), body);
}

/// Replaces names by the same ones in another case.
pub(super) fn other_case(builder: &mut Builder<'_>) {
    for script in SCRIPTS.iter().filter(|script| swap_case(script) != ***script) {
        let body = builder.text(300);
        builder.file(format!("{SCRIPTS_DIRECTORY}/{}", swap_case(script)).as_bytes(), body);
    }
}

/// Adds alternate streams: short, empty and long ones, of files and of a directory.
pub(super) fn streams(builder: &mut Builder<'_>, at: &str) {
    let (short, long) = (builder.text(4000), builder.text(40_000));
    let zone = Body::Bytes(b"[ZoneTransfer]\r\nZoneId=3\r\n".to_vec());
    let file = builder.file(format!("{at}/download.exe").as_bytes(), short.clone());
    file.streams.push(("Zone.Identifier".to_owned(), zone.clone()));
    file.streams.push(("Δοκιμή".to_owned(), short));
    file.streams.push(("empty".to_owned(), Body::Bytes(Vec::new())));
    let file = builder.file(format!("{at}/empty with streams").as_bytes(), Body::Bytes(Vec::new()));
    file.streams.push(("long:$DATA".to_owned(), long));
    let directory = format!("{at}/directory with a stream");
    builder.directory(directory.as_bytes());
    builder.last(directory.as_bytes()).streams.push(("Zone.Identifier".to_owned(), zone));
}

/// A link: its name, its target, its attributes.
type Link = (&'static str, &'static str, u32);

const FILE_LINK: u32 = 0x420;
const DIRECTORY_LINK: u32 = 0x410;
const HIDDEN_DIRECTORY_LINK: u32 = 0x2416;

const SYMLINKS: [Link; 6] = [
    ("to file", r"..\Public\Documents\con.txt", FILE_LINK),
    ("to directory", r"..\Public", DIRECTORY_LINK),
    ("absolute", r"C:\Windows\System32", DIRECTORY_LINK),
    ("rooted", r"\Windows", DIRECTORY_LINK),
    ("to share", r"\\server\share\Δ", FILE_LINK),
    ("slashes", "a/b/c", FILE_LINK),
];

const JUNCTIONS: [Link; 3] = [
    ("Documents and Settings", r"C:\Users", HIDDEN_DIRECTORY_LINK),
    ("Application Data", r"C:\ProgramData", HIDDEN_DIRECTORY_LINK),
    ("volume", r"\\?\Volume{5d5b6f3e-0c1c-4d0a-8f5e-2b9a4be0b6a1}\", DIRECTORY_LINK),
];

/// Adds symbolic links and junctions, with the attributes that Windows gives them.
pub(super) fn links(builder: &mut Builder<'_>, at: &str) {
    for (name, target, attributes) in SYMLINKS {
        set_attributes(builder.symlink(format!("{at}/{name}").as_bytes(), target), attributes);
    }
    for (name, target, attributes) in JUNCTIONS {
        let item = builder.symlink(format!("{at}/{name}").as_bytes(), target);
        set_attributes(item, attributes);
        item.record("MSWINDOWS.mountpoint", "1");
    }
}

fn set_attributes(item: &mut Item, attributes: u32) {
    item.records.retain(|(key, _)| key != "MSWINDOWS.fileattr");
    item.record("MSWINDOWS.fileattr", attributes.to_string());
}
