//! Objects that records refer to: security descriptors, EAs, reparse data, PE images.

use super::fields::{Fields, count, dump, hex, number, optional_place, place};
use super::names::is_system_ea;
use super::{Anatomy, Found, security};
use crate::cim::reparse::Tag;
use crate::cim::units::RegionOffset;

/// The length that begins security descriptors and reparse data.
const LENGTH: u64 = 2;

const PE_HEADER: u64 = 24;
const PE_MAPPING: u64 = 8;

impl<'a> Anatomy<'a, '_> {
    /// Prints all objects that records refer to.
    pub(super) fn objects(&mut self, found: &Found) {
        self.report.section(format_args!("security descriptors"));
        for (&offset, &id) in &found.security {
            if let Some(bytes) = self.counted("security descriptor", id, offset) {
                security::print(self, bytes);
            }
        }
        self.report.section(format_args!("extended attributes"));
        for (&(offset, len), &id) in &found.eas {
            self.eas(id, offset, len);
        }
        self.report.section(format_args!("reparse data"));
        for (&offset, &id) in &found.reparse {
            if let Some(bytes) = self.counted("reparse data", id, offset) {
                self.reparse(bytes);
            }
        }
        self.report.section(format_args!("PE images"));
        for (&offset, &id) in &found.pe_images {
            self.pe_image(id, offset);
        }
    }

    /// Returns the bytes of an object that begins with its length, and prints where it lies.
    fn counted(&mut self, what: &'static str, id: u32, offset: RegionOffset) -> Option<&'a [u8]> {
        let len = Fields(self.front(what, id, offset, LENGTH)?).u16(0);
        self.report.line(format_args!("{what} of {id} at={} len={}", place(offset), number(len)));
        let Some(len) = len else {
            self.report.fault(format_args!("{what} of {id} has no length"));
            return None;
        };
        self.object(what, id, offset, LENGTH + u64::from(len)).map(|object| Fields(object).rest(2))
    }

    fn eas(&mut self, id: u32, offset: RegionOffset, len: u16) {
        self.report.line(format_args!("EAs of {id} at={} len={len}", place(offset)));
        let Some(mut left) = self.object("EAs", id, offset, len.into()) else { return };
        while !left.is_empty() {
            let fields = Fields(left);
            let (next, name_len, value_len) = (fields.u32(0), fields.u8(5), fields.u16(6));
            let name = name_len.and_then(|len| fields.bytes(8, len.into()));
            let (Some(next), Some(name), Some(value_len)) = (next, name, value_len) else {
                return self.report.fault(format_args!("EAs of {id} end inside an entry"));
            };
            let value = fields.bytes(9 + name.len(), value_len.into());
            let shown = match value {
                None => "beyond the end".to_owned(),
                Some(value) if is_system_ea(name) => dump(value),
                Some(_) => "not shown".to_owned(),
            };
            let (name, flags) = (self.names.ea(name), hex(fields.u8(4)));
            self.report.line(format_args!(
                "  {name} next={next} flags={flags} value_len={value_len} value: {shown}"
            ));
            if next == 0 {
                return;
            }
            left = usize::try_from(next).map_or(&[], |next| fields.rest(next));
        }
    }

    fn reparse(&mut self, bytes: &[u8]) {
        let fields = Fields(bytes);
        let (tag, reserved) = (fields.u32(0), hex(fields.u16(6)));
        self.report.line(format_args!(
            "  tag={} data_len={} reserved6={reserved}",
            hex(tag),
            number(fields.u16(4))
        ));
        match tag.map(Tag) {
            Some(Tag::SYMLINK) => {
                self.report.line(format_args!("  symlink_flags={}", hex(fields.u32(16))));
                self.targets(fields, 20);
            }
            Some(Tag::MOUNT_POINT) => self.targets(fields, 16),
            Some(Tag::LX_SYMLINK) => {
                let target = self.names.bytes(fields.rest(12));
                self.report.line(format_args!("  version={} target={target}", number(fields.u32(8))));
            }
            _ => {
                let data = self.names.unknown(fields.rest(8));
                self.report.line(format_args!("  data={data}"));
            }
        }
    }

    /// Prints the two names of a symlink or a junction, which lie behind the fixed part.
    fn targets(&mut self, fields: Fields<'_>, start: usize) {
        for (what, at) in [("substitute", 8), ("print", 12)] {
            let (offset, len) = (fields.u16(at), fields.u16(at + 2));
            let name = offset
                .zip(len)
                .and_then(|(offset, len)| fields.bytes(start + usize::from(offset), len.into()));
            let name = name.map_or_else(|| "beyond the end".to_owned(), |name| self.names.name(name));
            self.report.line(format_args!("  {what} at={} len={}: {name}", number(offset), number(len)));
        }
    }

    fn pe_image(&mut self, id: u32, offset: RegionOffset) {
        let Some(header) = self.front("PE image", id, offset, PE_HEADER) else { return };
        let fields = Fields(header);
        self.report.line(format_args!(
            "PE image of {id} at={} data={} data_len={} image_len={} mappings={} flags={}",
            place(offset),
            optional_place(fields.offset(0)),
            number(fields.u64(8)),
            number(fields.u32(16)),
            number(fields.u16(20)),
            hex(fields.u16(22))
        ));
        if let (Some(data), Some(len)) = (fields.offset(0), fields.u64(8)) {
            self.extents.add("data of a PE image", id, data, len);
        }
        let len = PE_HEADER + u64::from(fields.u16(20).unwrap_or(0)) * PE_MAPPING;
        let Some(object) = self.object("PE image", id, offset, len) else { return };
        for mapping in Fields(object).rest(24).chunks_exact(8).map(Fields) {
            let (from, delta) = (hex(mapping.u32(0)), hex(mapping.u32(4)));
            self.report.line(format_args!("  from={from} delta={delta}"));
        }
        debug_assert_eq!(count(object.len()), len);
    }
}
