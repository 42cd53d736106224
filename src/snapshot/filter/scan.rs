//! The words of a filter.

use std::iter::Peekable;
use std::str::Chars;

/// Reads a filter word by word. White space between words means nothing.
pub(super) struct Scanner<'f> {
    rest: Peekable<Chars<'f>>,
}

impl<'f> Scanner<'f> {
    pub(super) fn new(filter: &'f str) -> Self {
        Self { rest: filter.chars().peekable() }
    }

    /// Returns the next character that means something.
    pub(super) fn peek(&mut self) -> Option<char> {
        while self.rest.next_if(|next| next.is_whitespace()).is_some() {}
        self.rest.peek().copied()
    }

    /// Takes a character if it comes next.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        self.peek() == Some(wanted) && self.rest.next().is_some()
    }

    /// Takes an operator if one comes next.
    pub(super) fn operator(&mut self) -> Result<Option<Operator>, String> {
        let operator = match self.peek() {
            Some('=') => Operator::Equal,
            Some('!') => Operator::NotEqual,
            Some('~') => Operator::Matches,
            _ => return Ok(None),
        };
        self.rest.next();
        match self.rest.next() {
            Some('=') => Ok(Some(operator)),
            _ => Err("an operator is ==, != or ~=".to_owned()),
        }
    }

    /// Takes a field.
    pub(super) fn field(&mut self) -> Result<String, String> {
        if self.peek() == Some('"') {
            return self.quoted('"');
        }
        let field = self.run(|next| next.is_alphanumeric() || next == '_');
        if field.is_empty() {
            return Err(self.unexpected("a field"));
        }
        Ok(field)
    }

    /// Takes a value. `/` and `|` quote regular expressions only.
    pub(super) fn value(&mut self, operator: Operator) -> Result<String, String> {
        match self.peek() {
            Some('"') => self.quoted('"'),
            Some(quote @ ('/' | '|')) if operator == Operator::Matches => self.quoted(quote),
            None | Some('.' | '=' | '!' | '~' | '/' | '|' | ',') => Err(self.unexpected("a value")),
            Some(_) => Ok(self.run(|next| next != ',' && !next.is_whitespace() && !next.is_control())),
        }
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut run = String::new();
        while let Some(next) = self.rest.next_if(|&next| belongs(next)) {
            run.push(next);
        }
        run
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        self.rest.next();
        let mut bytes = Vec::new();
        loop {
            let next = self.rest.next().ok_or("a quoted text does not end")?;
            match next {
                next if next == quote => break,
                '\n' => return Err("a quoted text does not end on its line".to_owned()),
                '\\' => self.escape(quote, &mut bytes)?,
                next => push(&mut bytes, next),
            }
        }
        String::from_utf8(bytes).map_err(|_| "a quoted text is not UTF-8".to_owned())
    }

    /// Takes what follows a backslash. In a regular expression, what is no escape of ours is one of the expression's.
    fn escape(&mut self, quote: char, bytes: &mut Vec<u8>) -> Result<(), String> {
        let next = self.rest.next().ok_or("a quoted text does not end")?;
        let simple = match next {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0C,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0B,
            '\\' => b'\\',
            'x' => return self.number(16, 2, "").map(|code| bytes.extend(u8::try_from(code))),
            'u' => return self.character(4, bytes),
            'U' => return self.character(8, bytes),
            '0'..='7' => {
                let code = self.number(8, 2, next.encode_utf8(&mut [0; 4]))?;
                bytes.push(u8::try_from(code).map_err(|_| "an octal escape is over 377".to_owned())?);
                return Ok(());
            }
            next if next == quote => {
                push(bytes, next);
                return Ok(());
            }
            next if quote != '"' => {
                bytes.push(b'\\');
                push(bytes, next);
                return Ok(());
            }
            next => return Err(format!("there is no escape \\{next}")),
        };
        bytes.push(simple);
        Ok(())
    }

    fn character(&mut self, digits: usize, bytes: &mut Vec<u8>) -> Result<(), String> {
        let code = self.number(16, digits, "")?;
        let decoded = char::from_u32(code).ok_or_else(|| format!("{code:#x} is no character"))?;
        push(bytes, decoded);
        Ok(())
    }

    fn number(&mut self, radix: u32, digits: usize, first: &str) -> Result<u32, String> {
        let mut text = first.to_owned();
        for _ in 0..digits {
            let digit = self.rest.next_if(|next| next.is_digit(radix));
            text.push(digit.ok_or("an escape has too few digits")?);
        }
        u32::from_str_radix(&text, radix).map_err(|error| error.to_string())
    }

    pub(super) fn unexpected(&mut self, wanted: &str) -> String {
        match self.peek() {
            Some(found) => format!("{found:?} where {wanted} should be"),
            None => format!("it ends where {wanted} should be"),
        }
    }
}

/// What is asked of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Matches,
}

fn push(bytes: &mut Vec<u8>, character: char) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
