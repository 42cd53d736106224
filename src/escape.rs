//! Untrusted text made safe to print: names in images, labels, keys, messages of registries.
//!
//! A terminal acts on control characters, and shows some others nowhere or in another order. All of these are *hidden*
//! characters here, and printed as escapes: `\n`, `\r`, `\t`, `\u{202e}`, or `\x9b` for a byte that is not UTF-8.
//!
//! * [`without_secrets`] is for texts that may hold URLs.
//! * [`Escaped`] prints one untrusted text on one line. It doubles backslashes, so that different texts look different.
//! * [`EscapingWriter`] stands in front of a terminal, log or pipe that people read. It lets line feeds pass and keeps
//!   backslashes, since it cannot tell its caller's text from untrusted text. Whatever reaches it, hidden characters do
//!   not get through.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

/// Hidden characters, as inclusive ranges in ascending order: controls (Cc), formats (Cf, such as bidirectional controls,
/// zero-width characters and tags), line and paragraph separators (Zl, Zp), private use (Co), and the rest of what Unicode calls
/// default-ignorable. The last two code points of each plane, which are noncharacters, are hidden as well.
const HIDDEN: [(u32, u32); 30] = [
    (0x0000, 0x001F),
    (0x007F, 0x009F),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xE000, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
    (0xF0000, 0x10_FFFF),
];

/// Returns whether a character is hidden: a terminal acts on it, or does not show it.
pub fn is_hidden(character: char) -> bool {
    let code = u32::from(character);
    if (0x20..0x7F).contains(&code) {
        return false;
    }
    if code & 0xFFFE == 0xFFFE {
        return true;
    }
    let after = HIDDEN.partition_point(|&(first, _)| first <= code);
    after.checked_sub(1).and_then(|at| HIDDEN.get(at)).is_some_and(|&(_, last)| code <= last)
}

/// Untrusted text, shown on one line. Different texts look different.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<T>(pub T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { out: f, backslashes: true }, "{}", self.0)
    }
}

/// Escapes hidden characters, line feeds included, and keeps backslashes: for text that has escapes in it already.
pub fn on_one_line(text: impl Display) -> String {
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = write!(Escaping { out: &mut line, backslashes: false }, "{text}");
    line
}

/// Removes what may be secret from the URLs in a text: user and password, query, and fragment. A presigned URL has its signature
/// in the query. A relative URL is recognized by its query.
pub fn without_secrets(text: &str) -> String {
    let ends_word = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '`');
    text.split_inclusive(ends_word)
        .map(|piece| {
            let word = piece.trim_end_matches(ends_word);
            let end = piece.strip_prefix(word).unwrap_or_default();
            format!("{}{end}", word_without_secrets(word))
        })
        .collect()
}

fn word_without_secrets(word: &str) -> String {
    let has_query = |word: &str| word.split_once('?').is_some_and(|(_, query)| query.contains('='));
    let shown = match (word.contains("://"), has_query(word)) {
        (true, _) => word.split(['?', '#']).next(),
        (false, true) => word.split('?').next(),
        (false, false) => None,
    };
    let mut parts = shown.unwrap_or(word).split("://");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        let authority = part.split(['/', '\\']).next().unwrap_or_default();
        let path = part.strip_prefix(authority).unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        format!("{before}://{host}{path}")
    })
}

struct Escaping<W> {
    out: W,
    /// Whether backslashes are doubled.
    backslashes: bool,
}

impl<W: fmt::Write> fmt::Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '\\' if self.backslashes => self.out.write_str("\\\\"),
            hidden if is_hidden(hidden) => escape(&mut self.out, hidden),
            shown => self.out.write_char(shown),
        })
    }
}

fn escape(out: &mut impl fmt::Write, hidden: char) -> fmt::Result {
    match hidden {
        '\n' | '\r' | '\t' => write!(out, "{}", hidden.escape_default()),
        other => write!(out, "{}", other.escape_unicode()),
    }
}

/// Longest start of a character that lacks its end.
const MAX_PARTIAL: usize = 3;

/// A writer that lets no hidden character through, except for line feeds.
#[derive(Debug)]
pub struct EscapingWriter<W: Write> {
    out: W,
    /// The start of a character whose end the next write may bring.
    partial: Vec<u8>,
    /// What bytes become.
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Lines of text.
    Lines,
    /// One line of text for each write.
    Records,
    /// Themselves.
    Data,
}

impl<W: Write> EscapingWriter<W> {
    /// Writes text for people.
    pub fn new(out: W) -> Self {
        Self { out, partial: Vec::new(), manner: Manner::Lines }
    }

    /// Writes text of which each write is one record, ended by the only line feed that it may have.
    pub fn records(out: W) -> Self {
        Self { out, partial: Vec::new(), manner: Manner::Records }
    }

    /// Writes bytes as they are, for programs.
    pub fn data(out: W) -> Self {
        Self { out, partial: Vec::new(), manner: Manner::Data }
    }

    fn write_text(&mut self, bytes: &[u8]) -> io::Result<()> {
        let is_plain = |&byte: &u8| byte == b'\n' || matches!(byte, 0x20..0x7F);
        if self.partial.is_empty() && bytes.iter().all(is_plain) {
            return self.out.write_all(bytes);
        }
        let whole = [std::mem::take(&mut self.partial).as_slice(), bytes].concat();
        let mut safe = String::with_capacity(whole.len());
        let mut chunks = whole.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            push_lines(&mut safe, chunk.valid());
            match chunk.invalid() {
                partial if chunks.peek().is_none() && is_partial(partial) => self.partial = partial.to_vec(),
                invalid => push_bytes(&mut safe, invalid),
            }
        }
        self.out.write_all(safe.as_bytes())
    }

    fn write_record(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (body, end) = match bytes.strip_suffix(b"\n") {
            Some(body) => (body, "\n"),
            None => (bytes, ""),
        };
        let mut safe = String::with_capacity(bytes.len());
        for chunk in body.utf8_chunks() {
            safe.push_str(&on_one_line(chunk.valid()));
            push_bytes(&mut safe, chunk.invalid());
        }
        safe.push_str(end);
        self.out.write_all(safe.as_bytes())
    }
}

impl<W: Write> Write for EscapingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.manner {
            Manner::Lines => self.write_text(bytes)?,
            Manner::Records => self.write_record(bytes)?,
            Manner::Data => return self.out.write(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut rest = String::new();
        push_bytes(&mut rest, &std::mem::take(&mut self.partial));
        self.out.write_all(rest.as_bytes())?;
        self.out.flush()
    }
}

/// Returns whether bytes that are not UTF-8 may become a character with the bytes that follow.
fn is_partial(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.len() <= MAX_PARTIAL
        && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn push_lines(safe: &mut String, text: &str) {
    for (number, line) in text.split('\n').enumerate() {
        safe.push_str(if number > 0 { "\n" } else { "" });
        safe.push_str(&on_one_line(line));
    }
}

fn push_bytes(safe: &mut String, bytes: &[u8]) {
    safe.extend(bytes.iter().map(|byte| format!("\\x{byte:02x}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One or more of each kind, with how it is shown.
    const SHOWN: [(&str, &str); 16] = [
        ("\u{1b}[31m", "\\u{1b}[31m"),
        ("\u{7}", "\\u{7}"),
        ("\u{7f}", "\\u{7f}"),
        ("\u{9b}2J", "\\u{9b}2J"),
        ("\u{ad}", "\\u{ad}"),
        ("\u{61c}", "\\u{61c}"),
        ("\u{200b}\u{200e}", "\\u{200b}\\u{200e}"),
        ("\u{202e}", "\\u{202e}"),
        ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
        ("\u{2066}\u{2069}", "\\u{2066}\\u{2069}"),
        ("\u{3164}", "\\u{3164}"),
        ("\u{e000}", "\\u{e000}"),
        ("\u{fe0f}", "\\u{fe0f}"),
        ("\u{feff}", "\\u{feff}"),
        ("\u{e0041}", "\\u{e0041}"),
        ("äß中\u{301}😀 ", "äß中\u{301}😀 "),
    ];

    fn written(make: fn(Vec<u8>) -> EscapingWriter<Vec<u8>>, pieces: &[&[u8]]) -> String {
        let mut writer = make(Vec::new());
        pieces.iter().for_each(|piece| writer.write_all(piece).unwrap());
        writer.flush().unwrap();
        String::from_utf8(writer.out).unwrap()
    }

    #[test]
    fn hidden_characters_are_shown_as_escapes() {
        for (text, shown) in SHOWN {
            assert_eq!(Escaped(text).to_string(), shown);
            assert_eq!(written(EscapingWriter::new, &[text.as_bytes()]), shown);
            assert_eq!(written(EscapingWriter::records, &[text.as_bytes()]), shown);
        }
        for character in '\0'..=char::MAX {
            let code = u32::from(character);
            let listed = HIDDEN.iter().any(|&(first, last)| (first..=last).contains(&code));
            assert_eq!(is_hidden(character), listed || code & 0xFFFE == 0xFFFE, "{code:x}");
        }
        assert!(('\0'..=char::MAX).filter(|c| c.is_control()).all(is_hidden));
    }

    #[test]
    fn different_texts_look_different() {
        let mut seen = std::collections::HashSet::new();
        for text in
            ["\u{202e}", "\\u{202e}", "\\\\u{202e}", "\n", "\\n", "\\\n", "\\", "\\\\", "\u{9b}", "x9b"]
        {
            let shown = Escaped(text).to_string();
            assert!(!shown.contains(is_hidden), "{shown:?}");
            assert!(seen.insert(shown), "{text:?}");
        }
    }

    #[test]
    fn urls_are_shown_with_scheme_host_and_path_alone() {
        for (text, shown) in [
            ("https://a.b:1/c/d?X-Amz-Signature=e&f=g,h", "https://a.b:1/c/d"),
            ("HTTPS://me:secret@a.b/c#d", "HTTPS://a.b/c"),
            ("https://a.b?sig=(x)'y/z", "https://a.b"),
            ("https://me:s@cret@a.b", "https://a.b"),
            (
                "cannot get \"https://a/b?c=d\", nor <http://e/f?g>.",
                "cannot get \"https://a/b\", nor <http://e/f>.",
            ),
            ("at https://a/b,https://me:secret@c/d?e", "at https://a/b,https://c/d"),
            ("/blobs/a?sig=b and c", "/blobs/a and c"),
            ("why? a=b, #5, me@a.b\n", "why? a=b, #5, me@a.b\n"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }

    #[test]
    fn lines_stay_lines_and_records_one_line() {
        let text = b"one\ntwo\tthree\r\n";
        assert_eq!(written(EscapingWriter::new, &[text]), "one\ntwo\\tthree\\r\n");
        assert_eq!(written(EscapingWriter::records, &[text]), "one\\ntwo\\tthree\\r\n");
        assert_eq!(written(EscapingWriter::data, &[text]), "one\ntwo\tthree\r\n");
        assert_eq!(on_one_line("a\\u{9b}\n\u{9b}"), "a\\u{9b}\\n\\u{9b}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_escapes() {
        for (bytes, shown) in [
            (&b"a\x9bb"[..], "a\\x9bb"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"\xe2\x80", "\\xe2\\x80"),
            (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
            (b"\xc2\xe2\x80\xae", "\\xc2\\u{202e}"),
        ] {
            assert_eq!(written(EscapingWriter::new, &[bytes]), shown);
            assert_eq!(written(EscapingWriter::records, &[bytes]), shown);
        }
    }

    #[test]
    fn characters_in_pieces_are_put_together() {
        let text = "ä\u{202e}\u{e0041}😀\u{9b}z\n".as_bytes();
        let whole = written(EscapingWriter::new, &[text]);
        for size in 1..5 {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(written(EscapingWriter::new, &pieces), whole, "{size}");
        }
    }
}
