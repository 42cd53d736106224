//! Items become a tar, in one of the ways in which real tools write tars.

use std::io::{self, Write};

use tar::{Builder, EntryType, Header};

use super::item::{Body, Item, Kind};

/// How a tool writes its tars.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// Names of directories end in a slash.
    pub(super) slashes: bool,
    /// Long names stand in GNU entries, not in PAX records.
    pub(super) gnu: bool,
}

/// Writes items in the order in which they come.
pub(super) fn write(items: &[Item], style: Style, out: impl Write) -> io::Result<()> {
    let mut archive = Archive { builder: Builder::new(out), style };
    for item in items {
        archive.item(item)?;
    }
    archive.builder.into_inner()?.flush()
}

struct Archive<W: Write> {
    builder: Builder<W>,
    style: Style,
}

impl<W: Write> Archive<W> {
    fn item(&mut self, item: &Item) -> io::Result<()> {
        let (kind, link): (_, &[u8]) = match &item.kind {
            Kind::File(_) => (EntryType::Regular, b""),
            Kind::Directory => (EntryType::Directory, b""),
            Kind::Link(target) => (EntryType::Link, target),
            Kind::Symlink(target) => (EntryType::Symlink, target),
            Kind::Device { block: true, .. } => (EntryType::Block, b""),
            Kind::Device { block: false, .. } => (EntryType::Char, b""),
            Kind::Fifo => (EntryType::Fifo, b""),
        };
        let mut header = self.header(kind);
        header.set_mode(item.mode);
        header.set_uid(item.owner.0);
        header.set_gid(item.owner.1);
        header.set_mtime(item.modified.0);
        if let Kind::Device { major, minor, .. } = item.kind {
            header.set_device_major(major)?;
            header.set_device_minor(minor)?;
        }
        let slash = self.style.slashes && kind == EntryType::Directory;
        let path = [&item.path[..], if slash { b"/" } else { b"" }].concat();
        let body = if let Kind::File(body) = &item.kind { body } else { &NOTHING };
        self.entry(header, &path, link, &item.records, body)?;
        item.streams.iter().try_for_each(|(name, body)| self.stream(item, name, body))
    }

    /// Writes an alternate stream, which has no metadata.
    fn stream(&mut self, owner: &Item, name: &str, body: &Body) -> io::Result<()> {
        let mut header = self.header(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(owner.modified.0);
        let path = [&owner.path[..], b":", name.as_bytes()].concat();
        self.entry(header, &path, b"", &[], body)
    }

    fn header(&self, kind: EntryType) -> Header {
        let mut header = if self.style.gnu { Header::new_gnu() } else { Header::new_ustar() };
        header.set_entry_type(kind);
        header
    }

    fn entry(
        &mut self,
        mut header: Header,
        path: &[u8],
        link: &[u8],
        records: &[(String, Vec<u8>)],
        body: &Body,
    ) -> io::Result<()> {
        header.set_size(body.len());
        let mut records: Vec<(&str, &[u8])> =
            records.iter().map(|(key, value)| (key.as_str(), &value[..])).collect();
        let old = header.as_old_mut();
        let fields = [(&mut old.name, path, "path", b'L'), (&mut old.linkname, link, "linkpath", b'K')];
        for (field, text, key, kind) in fields {
            let short = &text[..text.len().min(field.len())];
            field[..short.len()].copy_from_slice(short);
            match (short == text, self.style.gnu) {
                (true, _) => {}
                (false, true) => long_name(&mut self.builder, kind, text)?,
                (false, false) => records.push((key, text)),
            }
        }
        self.builder.append_pax_extensions(records)?;
        header.set_cksum();
        self.builder.append(&header, body.open()?)
    }
}

const NOTHING: Body = Body::Bytes(Vec::new());

fn long_name(builder: &mut Builder<impl Write>, kind: u8, text: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(0o644);
    header.set_size(text.len() as u64 + 1);
    header.set_cksum();
    builder.append(&header, &[text, b"\0"].concat()[..])
}
