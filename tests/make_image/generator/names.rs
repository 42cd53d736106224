//! Names that programs get wrong.

/// Names in many scripts, with letters whose case is special.
pub(crate) const SCRIPTS: [&str; 22] = [
    "Ελληνικά τέλος",
    "Кириллица",
    "日本語テスト",
    "한국어",
    "العربية",
    "עברית",
    "ไทย",
    "हिन्दी",
    "Ärger",
    "ñandú",
    "Straße ẞ",
    "İstanbul ısı",
    "ǅungla ǆ",
    "Ⅷ ⅷ",
    "ﬁ ﬀ",
    "µ ſ",
    "e\u{301} decomposed",
    "\u{1F600}\u{1F468}\u{200D}\u{1F469}",
    "\u{FEFF}mark",
    "𐐀 𐐨",
    "trailing dot.",
    "con.txt",
];

/// Changes the case of every letter that has exactly one counterpart.
pub(crate) fn swap_case(text: &str) -> String {
    text.chars().map(swapped).collect()
}

fn swapped(c: char) -> char {
    let one = |mut chars: Box<dyn Iterator<Item = char>>| chars.next().filter(|_| chars.next().is_none());
    let upper = |c: char| one(Box::new(c.to_uppercase()));
    let lower = |c: char| one(Box::new(c.to_lowercase()));
    let to_upper = upper(c).filter(|&upper| upper != c && lower(upper) == Some(c));
    let to_lower = || lower(c).filter(|&lower| lower != c && upper(lower) == Some(c));
    to_upper.or_else(to_lower).unwrap_or(c)
}
