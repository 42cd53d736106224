//! Files that hold a whole image, whose layout is not public: their front, where headers lie in them, and which blocks are zero.

use super::fields::{Fields, hex, number, optional_place};
use super::headers::{MAGIC, common, region};
use super::names::Names;
use super::report::Report;

/// Bytes at the front of the file that are shown.
const FRONT: usize = 512;

const LINE: usize = 32;

/// Headers are looked for at multiples of this.
const ALIGNMENT: usize = 512;

const BLOCK: usize = 4096;

/// Prints what can be told of the file.
pub(super) fn print(bytes: &[u8], report: &mut Report<'_>, names: &Names) {
    report.section(format_args!("single file"));
    front(bytes, report, names);
    for (at, piece) in (0..).step_by(ALIGNMENT).zip(bytes.chunks(ALIGNMENT)) {
        if piece.starts_with(MAGIC) {
            header(at, &bytes[at..], report);
        }
    }
    report.section(format_args!("blocks of {BLOCK} bytes"));
    blocks(bytes, report);
}

fn front(bytes: &[u8], report: &mut Report<'_>, names: &Names) {
    for (at, line) in (0..FRONT).step_by(LINE).zip(bytes.chunks(LINE)) {
        report.line(format_args!("{at:#06x} {}", names.unknown(line)));
    }
}

/// Prints a header as that of each kind of file would be read.
fn header(at: usize, bytes: &[u8], report: &mut Report<'_>) {
    let fields = Fields(bytes);
    report.line(format_args!("header at {at:#x}: {}", common(bytes)));
    match fields.u8(12) {
        Some(0) => report.line(format_args!(
            "  filesystem={} reserved64={} parents={}",
            optional_place(fields.offset(56)),
            hex(fields.u32(64)),
            number(fields.u16(70))
        )),
        Some(2) => report.line(format_args!(
            "  {} table={} count={}",
            region(bytes),
            hex(fields.u32(40)),
            number(fields.u32(44))
        )),
        _ => report.line(format_args!("  {}", region(bytes))),
    }
}

/// Prints runs of blocks that are zero, and of those that are not.
fn blocks(bytes: &[u8], report: &mut Report<'_>) {
    let mut run: Option<(bool, usize, usize)> = None;
    let mut show = |(zeros, first, end): (bool, usize, usize)| {
        let content = if zeros { "zeros" } else { "data" };
        report.line(format_args!("{first}-{} {content}", end - 1));
    };
    for (block, bytes) in bytes.chunks(BLOCK).enumerate() {
        let zeros = bytes.iter().all(|&byte| byte == 0);
        run = match run {
            Some((same, first, _)) if same == zeros => Some((zeros, first, block + 1)),
            before => {
                before.into_iter().for_each(&mut show);
                Some((zeros, block, block + 1))
            }
        };
    }
    run.into_iter().for_each(show);
}
