//! The leaf objects of files: data, security descriptors, EAs, reparse data. They hold no region offsets, so they
//! need no parent.

use super::expand::{Expansion, Front, ImageHash, PeContent, Verdict};
use super::hasher::StreamHasher;
use super::metadata::{LeafRecord, Metadata};
use super::set::SetWriter;
use crate::cim::error::{CimError, Conflict, InvalidInput};
use crate::cim::format::{RegionType, Stream, StreamKind};
use crate::cim::pe::{PAGE, PeFile};
use crate::cim::units::{RegionOffset, StreamLen};

/// Zeros at the end of a short write are hashed, so that the object can be shared, up to this many.
const HASHED_TAIL: u64 = 1 << 20;

/// Writes leaf objects into a set, one stream at a time.
#[derive(Debug)]
pub(super) struct Leaves {
    set: SetWriter,
    open: Option<OpenStream>,
}

#[derive(Debug)]
struct OpenStream {
    declared: StreamLen,
    /// Bytes that came, be they written or not.
    received: u64,
    /// The front of a file that may turn out to be an executable.
    front: Option<Front>,
    written: u64,
    /// Where the data goes; `None` as long as only zeros were written.
    object: Option<OpenObject>,
}

#[derive(Debug)]
struct OpenObject {
    kind: RegionType,
    start: u64,
    hasher: StreamHasher,
    expansion: Option<Box<Expansion>>,
}

/// What the data of a stream became.
#[derive(Debug)]
pub(super) enum Content {
    /// Data as it came, or nothing but zeros.
    Stream(Stream),
    /// An executable whose sections lie page-aligned.
    Image(PeContent, ImageHash),
}

impl Leaves {
    pub(super) fn new(set: SetWriter) -> Self {
        Self { set, open: None }
    }

    pub(super) fn set(&mut self) -> &mut SetWriter {
        &mut self.set
    }

    /// Fails while a stream is open.
    pub(super) fn require_no_stream(&self) -> Result<(), CimError> {
        if self.open.is_some() { Err(Conflict::StreamOpen.into()) } else { Ok(()) }
    }

    /// Writes what a file has beside its data.
    pub(super) fn metadata(&mut self, metadata: &Metadata<'_>) -> Result<LeafRecord, CimError> {
        let checked = metadata.check()?;
        Ok(LeafRecord {
            flags: metadata.attributes.record_flags(),
            times: [
                metadata.creation_time,
                metadata.last_write_time,
                metadata.change_time,
                metadata.last_access_time,
            ],
            security: self.counted(metadata.security)?,
            eas: self.eas(metadata.eas)?,
            ea_len: checked.ea_len,
            reparse: self.counted(metadata.reparse)?,
            reparse_tag: checked.reparse_tag,
        })
    }

    /// Writes a list of extended attributes; nothing for no bytes.
    pub(super) fn eas(&mut self, bytes: &[u8]) -> Result<RegionOffset, CimError> {
        self.shared(bytes)
    }

    /// Writes an object that begins with its length; nothing for no bytes.
    fn counted(&mut self, bytes: &[u8]) -> Result<RegionOffset, CimError> {
        if bytes.is_empty() {
            return Ok(RegionOffset::NULL);
        }
        let len = u16::try_from(bytes.len()).expect("Metadata::check bounds the length");
        let mut object = Vec::with_capacity(bytes.len().saturating_add(2));
        object.extend_from_slice(&len.to_le_bytes());
        object.extend_from_slice(bytes);
        self.shared(&object)
    }

    fn shared(&mut self, bytes: &[u8]) -> Result<RegionOffset, CimError> {
        if bytes.is_empty() {
            return Ok(RegionOffset::NULL);
        }
        self.set.append_shared(RegionType::METADATA, bytes)
    }

    /// Opens a stream of a declared length. An executable is laid out by pages if `expands` is set.
    pub(super) fn begin(&mut self, declared: u64, expands: bool) -> Result<(), CimError> {
        self.require_no_stream()?;
        let declared = StreamLen::new(declared)?;
        let front = expands.then(|| Front::new(declared.get()));
        self.open = Some(OpenStream { declared, received: 0, front, written: 0, object: None });
        Ok(())
    }

    /// Appends to the open stream: all of `bytes`, or nothing where they would pass the declared end.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        let open = self.open.as_mut().ok_or(InvalidInput::NoStream)?;
        let count = u64::try_from(bytes.len()).expect("a usize fits a u64");
        let left = open.declared.get() - open.received;
        if count > left {
            return Err(CimError::beyond_end(open.declared.get(), open.received, count));
        }
        open.received += count;
        let Some(mut front) = open.front.take() else { return open.append(&mut self.set, bytes) };
        let (verdict, rest) = front.push(bytes);
        match verdict {
            Verdict::Undecided => {
                open.front = Some(front);
                return Ok(());
            }
            Verdict::Image(file) => open.object = Some(OpenObject::begin_image(&mut self.set, file)?),
            Verdict::Plain => {}
        }
        open.append(&mut self.set, &front.into_bytes())?;
        open.append(&mut self.set, rest)
    }

    /// Closes the open stream. What was not written reads as zeros.
    pub(super) fn finish(&mut self) -> Result<Content, CimError> {
        let mut open = self.open.take().ok_or(InvalidInput::NoStream)?;
        if let Some(front) = open.front.take() {
            open.append(&mut self.set, &front.into_bytes())?;
        }
        let len = open.declared;
        let Some(object) = open.object else {
            let kind = if len.get() == 0 { StreamKind::Data } else { StreamKind::Sparse };
            return Ok(Content::Stream(Stream { offset: RegionOffset::NULL, len, kind }));
        };
        object.finish(&mut self.set, len, len.get() - open.written)
    }

    /// Drops the open stream, if there is one, with what was written to it.
    pub(super) fn abandon(&mut self) -> Result<(), CimError> {
        if let Some(OpenStream { object: Some(object), .. }) = self.open.take() {
            self.set.region(object.kind)?.1.file().cut(object.start);
        }
        Ok(())
    }
}

impl OpenStream {
    fn append(&mut self, set: &mut SetWriter, bytes: &[u8]) -> Result<(), CimError> {
        if self.object.is_none() && !is_zero(bytes) {
            self.object = Some(OpenObject::begin(set, self)?);
        }
        if let Some(object) = &mut self.object {
            object.append(set, bytes)?;
        }
        self.written += u64::try_from(bytes.len()).expect("a usize fits a u64");
        Ok(())
    }
}

impl OpenObject {
    /// Finds a place for the data and writes the zeros that came before it.
    fn begin(set: &mut SetWriter, open: &OpenStream) -> Result<Self, CimError> {
        let kind = set.layout().placement.region(open.declared.get());
        let kinds = set.kinds();
        let (_, region) = set.region(kind)?;
        let start = region.align()?;
        region.file().zeros(open.written)?;
        let hasher = StreamHasher::new(kinds, open.declared.get(), open.written, region.file());
        Ok(Self { kind, start, hasher, expansion: None })
    }

    /// Finds a place for an executable.
    fn begin_image(set: &mut SetWriter, file: PeFile) -> Result<Self, CimError> {
        let (kind, kinds) = (RegionType::DATA, set.kinds());
        let expansion = Box::new(Expansion::new(file));
        let (_, region) = set.region(kind)?;
        let start = region.align()?;
        let hasher = StreamHasher::new(kinds, expansion.stored_len(), 0, region.file());
        Ok(Self { kind, start, hasher, expansion: Some(expansion) })
    }

    fn append(&mut self, set: &mut SetWriter, bytes: &[u8]) -> Result<(), CimError> {
        let file = set.region(self.kind)?.1.file();
        if let Some(expansion) = &mut self.expansion {
            return expansion.append(bytes, file, &mut self.hasher);
        }
        file.append(bytes)?;
        self.hasher.update(bytes, file.flushed());
        Ok(())
    }

    /// Completes the object, of which `missing` bytes of the file were not written.
    fn finish(mut self, set: &mut SetWriter, len: StreamLen, missing: u64) -> Result<Content, CimError> {
        let Some(expansion) = self.expansion.take() else {
            let offset = self.place(set, missing, RegionType::SMALL_DATA.alignment())?;
            return Ok(Content::Stream(Stream { offset, len, kind: StreamKind::Data }));
        };
        let offset = self.place(set, expansion.missing(), PAGE)?;
        let (content, hash) = expansion.finish(offset, missing);
        Ok(Content::Image(content, hash))
    }

    /// Ends an object with `tail` zeros, or gives its place back where the same bytes exist already. In a parent's regions
    /// they must lie at a multiple of `alignment`: plain data may lie in a region of small data there.
    fn place(self, set: &mut SetWriter, tail: u64, alignment: u64) -> Result<RegionOffset, CimError> {
        let (index, region) = set.region(self.kind)?;
        if tail > HASHED_TAIL {
            region.file().zeros(tail)?;
            return set.offset(index, self.start);
        }
        let id = self.hasher.finish(region.file(), tail)?;
        if let Some(found) = set.find(self.kind, &id, alignment)? {
            set.region(self.kind)?.1.file().cut(self.start);
            return Ok(found);
        }
        let (index, region) = set.region(self.kind)?;
        region.file().zeros(tail)?;
        let offset = set.offset(index, self.start)?;
        set.remember(self.kind, &id, offset)?;
        Ok(offset)
    }
}

/// Returns whether all bytes are zero; found out block by block, which the compiler turns into wide instructions.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|block| block.iter().fold(0, |all, &byte| all | byte) == 0)
}
