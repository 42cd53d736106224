//! Any text becomes a sound descriptor or an error, and what can be written as text comes back as it was.
#![no_main]

use cimsnap::cim::security;
use cimsnap::layer::sddl::{format, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(bytes) = parse(&String::from_utf8_lossy(input)) {
        security::check(&bytes).expect("a descriptor that was built is sound");
        let text = format(&bytes).expect("what came from text has a text");
        assert_eq!(parse(&text).as_ref(), Ok(&bytes));
    }
    // The same input as a descriptor: the text may say less than it, but it says that for good.
    if let Ok(text) = format(input) {
        let bytes = parse(&text).expect("what was written can be read");
        assert_eq!(format(&bytes).as_ref(), Ok(&text));
    }
});
