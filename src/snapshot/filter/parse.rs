//! From words to selectors.

use regex::Regex;

use super::scan::{Operator, Scanner};
use super::{Selector, Test};

/// Reads one filter: selectors that must all match. An empty one matches everything.
pub(super) fn parse(filter: &str) -> Result<Vec<Selector>, String> {
    let mut words = Scanner::new(filter);
    let mut selectors = Vec::new();
    if words.peek().is_none() {
        return Ok(selectors);
    }
    loop {
        selectors.push(selector(&mut words)?);
        if words.peek().is_none() {
            return Ok(selectors);
        }
        if !words.take(',') {
            return Err(words.unexpected("a comma"));
        }
    }
}

fn selector(words: &mut Scanner<'_>) -> Result<Selector, String> {
    let mut path = vec![words.field()?];
    while words.take('.') {
        path.push(words.field()?);
    }
    let test = match words.operator()? {
        None => Test::Present,
        Some(operator) => {
            let value = words.value(operator)?;
            match operator {
                Operator::Equal => Test::Equal(value),
                Operator::NotEqual => Test::NotEqual(value),
                Operator::Matches => Test::Matches(Regex::new(&value).ok().map(Box::new)),
            }
        }
    };
    Ok(Selector { path, test })
}
