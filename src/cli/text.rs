//! Numbers and flags as people read them.

use std::io::{self, Write};
use std::time::Duration;

use cimsnap::cim::Attributes;
use cimsnap::escape::on_one_line;

/// Shows a number of bytes to three digits.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, 0);
    while tenths >= 10_240 {
        tenths /= 1024;
        unit += 1;
    }
    match tenths {
        0..1000 => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        _ => format!("{} {}", tenths / 10, UNITS[unit]),
    }
}

/// Shows a count with the thing that is counted.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if number == 1 { one } else { many })
}

/// Shows a duration and, where it says something, the rate at which bytes went by.
pub(crate) fn pace(bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let nanos = took.as_nanos().max(1);
    let rate = u128::from(bytes) * 1_000_000_000 / nanos;
    match u64::try_from(rate) {
        Ok(rate) if bytes >= 1 << 20 => format!("{seconds:.2} s ({}/s)", size(rate)),
        _ => format!("{seconds:.2} s"),
    }
}

/// Writes rows below each other, in columns as wide as they need to be. The last one is as wide as it likes.
pub(crate) fn table<const N: usize>(out: &mut impl Write, rows: &[[String; N]]) -> io::Result<()> {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(on_one_line)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N.saturating_sub(1)).map(width).collect();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{}", row.last().map_or("", String::as_str))?;
    }
    Ok(())
}

const NAMES: [(Attributes, char, &str); 8] = [
    (Attributes::DIRECTORY, 'd', "directory"),
    (Attributes::READ_ONLY, 'r', "read-only"),
    (Attributes::HIDDEN, 'h', "hidden"),
    (Attributes::SYSTEM, 's', "system"),
    (Attributes::ARCHIVE, 'a', "archive"),
    (Attributes::SPARSE_FILE, 'p', "sparse"),
    (Attributes::REPARSE_POINT, 'l', "reparse point"),
    (Attributes::NORMAL, 'n', "normal"),
];

/// Shows attributes as letters in fixed columns.
pub(crate) fn letters(attributes: Attributes) -> String {
    let shown = NAMES.iter().take(NAMES.len() - 1);
    shown.map(|&(flag, letter, _)| if attributes.contains(flag) { letter } else { '-' }).collect()
}

/// Shows attributes as words.
pub(crate) fn words(attributes: Attributes) -> String {
    let set = NAMES.iter().filter(|&&(flag, ..)| attributes.contains(flag));
    set.map(|&(_, _, word)| word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let shown = [0, 1023, 1024, 1536, 102_400, 1 << 20, 1 << 30, 1023 << 30, u64::MAX].map(size);
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "100 KiB", "1.0 MiB", "1.0 GiB", "1023 GiB", "15.9 EiB"]
        );
    }

    #[test]
    fn counts_have_groups() {
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(1_234_567, "file", "files"), "1,234,567 files");
        assert_eq!(count(100, "file", "files"), "100 files");
    }

    #[test]
    fn attributes_are_letters_and_words() {
        let attributes = Attributes::HIDDEN | Attributes::DIRECTORY;
        assert_eq!(letters(attributes), "d-h----");
        assert_eq!(words(attributes), "directory, hidden");
    }

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let rows = [["A", "B"], ["long", "x"], ["é", ""]].map(|row| row.map(str::to_owned));
        let mut text = Vec::new();
        table(&mut text, &rows).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "A     B\nlong  x\né     \n");
    }

    #[test]
    fn a_rate_needs_something_to_rate() {
        assert_eq!(pace(10, Duration::from_millis(1500)), "1.50 s");
        assert_eq!(pace(3 << 20, Duration::from_millis(1500)), "1.50 s (2.0 MiB/s)");
        assert_eq!(pace(1 << 20, Duration::ZERO), "0.00 s (953 TiB/s)");
    }
}
