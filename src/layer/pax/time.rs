//! Points in time: seconds since 1970 with a fraction, as text.

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const FRACTION_DIGITS: usize = 9;

/// Reads a time into nanoseconds since 1970, rounded down; `None` for what is not a time.
///
/// The grammar is an optional `-`, digits, and optionally `.` and digits. The sign holds for the fraction too.
pub fn parse_time(value: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(value).ok()?;
    let unsigned = text.strip_prefix('-');
    let (seconds, fraction) =
        unsigned.unwrap_or(text).split_once('.').unwrap_or((unsigned.unwrap_or(text), "0"));
    let seconds: u64 = digits(seconds)?.parse().ok()?;
    let (fraction, rest) = digits(fraction)?.split_at(fraction.len().min(FRACTION_DIGITS));
    let fraction: i128 = format!("{fraction:0<FRACTION_DIGITS$}").parse().ok()?;
    // A u64 of seconds in nanoseconds is far below what 128 bits hold.
    let nanos = i128::from(seconds) * NANOS_PER_SECOND + fraction;
    let is_cut = rest.bytes().any(|digit| digit != b'0');
    Some(if unsigned.is_some() { -nanos - i128::from(is_cut) } else { nanos })
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Writes a time, given as nanoseconds since 1970, with no more digits than it needs.
pub fn format_time(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let seconds = (nanos / NANOS_PER_SECOND).unsigned_abs();
    let fraction = format!("{:09}", (nanos % NANOS_PER_SECOND).unsigned_abs());
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{seconds}"),
        fraction => format!("{sign}{seconds}.{fraction}"),
    }
}
