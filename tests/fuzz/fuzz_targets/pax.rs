//! Any bytes are PAX records or not; what they say can be asked for, and records that are written are read back.
#![no_main]

use cimsnap::layer::pax::{Globals, Records, append, format_time, key, parse_time, percent_encode, records};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first half stands in a global header.
    let (global, own) = input.split_at(input.len() / 2);
    let mut globals = Globals::new();
    let _ = globals.apply(global);
    for block in [own, input] {
        if let Ok(records) = Records::parse(&globals, block) {
            ask(&records);
        }
    }
    write_again(input);
    let mut pieces = input.splitn(2, |&byte| byte == b'=');
    let (name, value) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
    written_attribute(name, value);
    if let Some(nanos) = parse_time(input) {
        assert_eq!(parse_time(format_time(nanos).as_bytes()), Some(nanos));
    }
});

/// Asks for everything. An answer may be an error, whose message must be short whatever the record holds.
fn ask(records: &Records<'_>) {
    for key in [key::MTIME, key::ATIME, key::CTIME, key::CREATION_TIME] {
        let _ = records.time(key).map_err(|error| assert!(error.to_string().len() < 1000));
    }
    for key in [key::UID, key::GID] {
        let _ = records.number(key);
    }
    let _ = (records.file_attributes(), records.raw_security(), records.sddl(), records.is_mount_point());
    for attribute in records.eas() {
        let _ = attribute.map_err(|error| assert!(error.to_string().len() < 1000));
    }
    records.xattrs().for_each(drop);
}

/// Writes the records of a block, which gives the block again, but for lengths with zeros before them.
fn write_again(block: &[u8]) {
    let Ok(all) = records(block).collect::<Result<Vec<_>, _>>() else { return };
    let mut again = Vec::new();
    all.iter().for_each(|(key, value)| append(&mut again, key, value).expect("what was read can be written"));
    assert!(again.len() <= block.len());
    assert!(records(&again).map(Result::unwrap).eq(all));
}

/// Writes an extended attribute in both ways that Linux knows, and looks for it.
fn written_attribute(name: &[u8], value: &[u8]) {
    let encoded = [key::ENCODED_XATTR_PREFIX.as_bytes(), &percent_encode(name)].concat();
    let mut block = Vec::new();
    append(&mut block, &encoded, &cimsnap::layer::pax::encode(value)).expect("nothing is left to escape");
    let globals = Globals::new();
    let Ok(records) = Records::parse(&globals, &block) else { return };
    let found: Vec<_> = records.xattrs().map(Result::unwrap).collect();
    // An empty value of this kind stands for no record.
    assert_eq!(found.len(), usize::from(!value.is_empty()));
    assert!(found.iter().all(|(n, v)| **n == *name && **v == *value));
}
