//! What the tools write of an entry beyond its header.

use cimsnap::layer::{pax, sddl};

use crate::generator::item::{Item, Kind};
use crate::generator::random::Random;

const DIRECTORY: u32 = 0x10;
const ARCHIVE: u32 = 0x20;

const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

/// Rights of what belongs to the system, to administrators, and to users.
fn rights(random: &mut Random) -> String {
    let inherited = *random.pick(&["", "ID", "OICI", "OICIIO"]);
    let users = format!("(A;{inherited};FA;;;SY)(A;{inherited};FA;;;BA)(A;{inherited};0x1200a9;;;BU)");
    match random.below(4) {
        0 | 1 => {
            let owner = TRUSTED_INSTALLER;
            format!(
                "O:{owner}G:{owner}D:PAI(A;;FA;;;{owner})(A;;0x1200a9;;;BA)(A;;0x1200a9;;;SY)(A;;0x1200a9;;;BU)"
            )
        }
        2 => format!("O:SYG:SYD:AI{users}"),
        _ => format!("O:BAG:BAD:P{users}(D;;0x10000;;;WD)"),
    }
}

fn raw_security(item: &mut Item, text: &str) {
    let bytes = sddl::parse(text).expect("a valid descriptor");
    item.record("MSWINDOWS.rawsd", pax::encode(&bytes));
}

/// A time to 100 ns, as Windows has it.
fn time(random: &mut Random) -> String {
    let (seconds, ticks) = (1_500_000_000 + random.below(200_000_000), random.below(10_000_000));
    let text = format!("{seconds}.{ticks:07}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn times(random: &mut Random, item: &mut Item, keys: &[&str]) {
    for key in keys {
        let time = time(random);
        if *key == "mtime" {
            item.modified.0 = time.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        }
        item.record(key, time);
    }
}

fn attributes(random: &mut Random, item: &mut Item) {
    let bits = match item.kind {
        Kind::Directory => DIRECTORY,
        Kind::Symlink(_) => 0x420,
        _ => ARCHIVE,
    };
    // Read only, hidden, system, compressed, not indexed.
    let more = if random.percent(15) { *random.pick(&[0x1, 0x2, 0x6, 0x800, 0x2000]) } else { 0 };
    item.record("MSWINDOWS.fileattr", (bits | more).to_string());
}

/// What Microsoft's tool writes: no time of the last change.
pub(super) fn base(random: &mut Random, item: &mut Item) {
    attributes(random, item);
    times(random, item, &["LIBARCHIVE.creationtime", "mtime"]);
    if matches!(item.kind, Kind::Link(_)) {
        return;
    }
    let rights = rights(random);
    match random.below(10) {
        // Old layers have it as text.
        0 => item.record("MSWINDOWS.sd", rights),
        1 | 2 => {}
        _ => raw_security(item, &rights),
    }
    extended(random, item);
}

fn extended(random: &mut Random, item: &mut Item) {
    if !matches!(item.kind, Kind::File(_)) || !random.percent(15) {
        return;
    }
    let len = 40 + random.index(60);
    item.record("MSWINDOWS.xattr.$CI.CATALOGHINT", pax::encode(&random.bytes(len)));
    if random.percent(30) {
        item.record("MSWINDOWS.xattr.$KERNEL.PURGE.ESBCACHE", pax::encode(&random.bytes(8)));
        item.record("MSWINDOWS.xattr.a.small.one", pax::encode(&random.bytes(1)));
    }
}

/// What Windows itself writes.
pub(super) fn windows(random: &mut Random, item: &mut Item) {
    item.mode = if matches!(item.kind, Kind::Link(_)) { 0o644 } else { 0 };
    attributes(random, item);
    times(random, item, &["LIBARCHIVE.creationtime", "atime", "ctime", "mtime"]);
    if !matches!(item.kind, Kind::Link(_)) {
        let rights = rights(random);
        raw_security(item, &rights);
        extended(random, item);
    }
}

/// What BuildKit writes on Linux: nanoseconds without their leading zeros, and nothing of links.
pub(super) fn buildkit(random: &mut Random, item: &mut Item) {
    item.modified.0 = 1_600_000_000 + random.below(1_000_000);
    let is_root = matches!(&item.path[..], b"Files" | b"Hives");
    let (bits, security) = match item.kind {
        Kind::Directory => (DIRECTORY, "O:BAG:SYD:(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)"),
        Kind::File(_) => (ARCHIVE, "O:BAG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;BU)"),
        _ => return,
    };
    item.record("MSWINDOWS.fileattr", bits.to_string());
    item.record("LIBARCHIVE.creationtime", format!("{}.{}", item.modified.0, random.below(1000)));
    if !is_root {
        raw_security(item, security);
    }
}

/// What crane writes: one descriptor for everything.
pub(super) fn crane(random: &mut Random, item: &mut Item) {
    item.modified.0 = 1_650_000_000 + random.below(1_000_000);
    raw_security(item, "O:BUG:BU");
}

/// What a tool writes that does not know of Windows.
pub(super) fn bare(random: &mut Random, item: &mut Item) {
    item.modified.0 = 1_620_000_000 + random.below(1_000_000);
}
