//! A hive as canonical text: equal text means equal hives, whatever the files look like.

use std::io::{BufWriter, Write};

use super::data::Data;
use super::error::HiveError;
use super::source::{Node, Source, Value, walk};

/// Writes a hive as ASCII text: the hive on the first line, then for each key a line and one for each of its values,
/// all in the order of upper-cased names. The name of the root is left out, since it means nothing.
///
/// ```text
/// hive minor=6 layered=true
/// [] flags=0 layer=00 user=00 access=00 written=0 class= sd=0100..
/// [\Software\Vendor] flags=10 layer=80 ..
/// "Version" type=1 data=3100
/// "Gone" tombstone
/// ```
///
/// Numbers and bytes are hexadecimal, but times are decimal; names are written as [`Name`](super::Name) shows them.
pub fn dump<'s, S: Source<'s>>(source: &S, out: impl Write) -> Result<(), HiveError> {
    let mut out = BufWriter::new(out);
    let info = source.info();
    writeln!(out, "hive minor={} layered={}", info.minor, info.layered)?;
    let mut path = String::new();
    walk(source, |visit| {
        let node = source.node(visit.key)?;
        if let Some(parent_len) = visit.parent {
            path.truncate(parent_len);
            path.push('\\');
            path.push_str(&node.name.to_string());
        }
        dump_node(&mut out, &path, &node)?;
        let mut values = source.values(visit.key)?;
        values.sort_by(|a, b| a.name.folded_cmp(&b.name));
        values.iter().try_for_each(|value| dump_value(&mut out, value))?;
        Ok(path.len())
    })?;
    Ok(out.flush()?)
}

fn dump_node(out: &mut impl Write, path: &str, node: &Node<'_>) -> Result<(), HiveError> {
    let Node { flags, layer, access_bits, user_flags, class, security, last_written, .. } = node;
    let (flags, layer, written) = (flags.bits(), layer.raw(), last_written.raw());
    write!(out, "[{path}] flags={flags:x} layer={layer:02x} user={user_flags:02x} access={access_bits:02x}")?;
    write!(out, " written={written} class=")?;
    hex(out, class)?;
    write!(out, " sd=")?;
    hex(out, security)?;
    Ok(writeln!(out)?)
}

fn dump_value(out: &mut impl Write, value: &Value<'_>) -> Result<(), HiveError> {
    let Value { name, kind, data, tombstone } = value;
    if *tombstone {
        return Ok(writeln!(out, "\"{name}\" tombstone")?);
    }
    write!(out, "\"{name}\" type={kind:x} data=")?;
    Data::segments(data).try_for_each(|segment| hex(out, segment))?;
    Ok(writeln!(out)?)
}

fn hex(out: &mut impl Write, bytes: &[u8]) -> Result<(), HiveError> {
    for byte in bytes {
        write!(out, "{byte:02x}")?;
    }
    Ok(())
}
