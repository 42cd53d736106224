//! Times, digests and names as text.

use zerocopy::little_endian::U16;

use crate::cim::units::FileTime;

const TICKS_PER_SECOND: u64 = 10_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// Days in 400, 100, 4 years and one, as the Gregorian calendar repeats; 1601 begins such 400 years.
const CYCLES: [(u64, u64); 4] = [(146_097, 400), (36_524, 100), (1461, 4), (365, 1)];

/// Shows a time in UTC, to its last 100 ns.
pub fn timestamp(time: FileTime) -> String {
    let (seconds, ticks) = (time.raw() / TICKS_PER_SECOND, time.raw() % TICKS_PER_SECOND);
    let (year, month, day) = date(seconds / SECONDS_PER_DAY);
    let second = seconds % SECONDS_PER_DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}Z")
}

/// Returns year, month and day, `days` after 1601-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1601u64;
    for (index, (length, years)) in CYCLES.into_iter().enumerate() {
        // The last century of 400 years and the last year of four are a day longer.
        let limit = if index % 2 == 1 { 3 } else { u64::MAX };
        let count = (days / length).min(limit);
        days = days.saturating_sub(count.saturating_mul(length));
        year = year.saturating_add(count.saturating_mul(years));
    }
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap { 29 } else { 28 };
    let mut month = 1u64;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days = days.saturating_sub(length);
        month = month.saturating_add(1);
    }
    (year, month, days.saturating_add(1))
}

/// Shows bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Shows a name, or a path with `/` between its names, so that different names never look the same.
pub fn show(units: &[U16]) -> String {
    let mut text = String::with_capacity(units.len());
    for decoded in char::decode_utf16(units.iter().map(|unit| unit.get())) {
        match decoded {
            // No valid name holds a backslash: in a path it separates, in an escape it begins.
            Ok('\\') => text.push('/'),
            Ok(c) if c.is_control() => text.extend(c.escape_unicode()),
            Ok(c) => text.push(c),
            Err(lone) => text.push_str(&format!("\\u{{{:x}}}", lone.unpaired_surrogate())),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_of_the_gregorian_calendar() {
        let at = |seconds: u64, ticks: u64| timestamp(FileTime::from_raw(seconds * TICKS_PER_SECOND + ticks));
        assert_eq!(at(0, 0), "1601-01-01T00:00:00.0000000Z");
        assert_eq!(timestamp(FileTime::UNIX_EPOCH), "1970-01-01T00:00:00.0000000Z");
        let unix = |nanos| timestamp(FileTime::from_unix_nanos(nanos));
        assert_eq!(unix(1_700_000_000_123_456_700), "2023-11-14T22:13:20.1234567Z");
        assert_eq!(unix(951_782_400_000_000_000), "2000-02-29T00:00:00.0000000Z");
        assert_eq!(unix(1_735_603_199_000_000_000), "2024-12-30T23:59:59.0000000Z");
        assert_eq!(unix(1_735_689_599_000_000_000), "2024-12-31T23:59:59.0000000Z");
        assert_eq!(unix(4_107_542_400_000_000_000), "2100-03-01T00:00:00.0000000Z");
        assert_eq!(timestamp(FileTime::from_raw(u64::MAX)), "60056-05-28T05:36:10.9551615Z");
    }

    #[test]
    fn different_names_look_different() {
        let shown = |units: &[u16]| show(&units.iter().map(|&unit| U16::new(unit)).collect::<Vec<_>>());
        assert_eq!(shown(&[0x61, 0xD800, 0x62]), "a\\u{d800}b");
        assert_eq!(shown(&[0xD83D, 0xDE00]), "\u{1F600}");
        assert_eq!(shown(&[0x85]), "\\u{85}");
        assert_eq!(shown(&[0x61, 0x5C, 0x62]), "a/b");
    }
}
