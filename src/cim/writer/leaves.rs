//! The leaf objects of files: data, security descriptors, EAs, reparse data. They hold no region offsets, so they
//! need no parent.

use super::dedup::ObjectId;
use super::hasher::StreamHasher;
use super::metadata::{LeafRecord, Metadata};
use super::set::SetWriter;
use crate::cim::error::{CimError, Conflict, InvalidInput};
use crate::cim::format::{RegionType, Stream, StreamKind};
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
    written: u64,
    /// Where the data goes; `None` as long as only zeros were written.
    object: Option<OpenObject>,
}

#[derive(Debug)]
struct OpenObject {
    kind: RegionType,
    start: u64,
    hasher: StreamHasher,
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
            eas: self.shared(metadata.eas)?,
            ea_len: checked.ea_len,
            reparse: self.counted(metadata.reparse)?,
            reparse_tag: checked.reparse_tag,
        })
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

    /// Opens a stream of a declared length.
    pub(super) fn begin(&mut self, declared: u64) -> Result<(), CimError> {
        self.require_no_stream()?;
        self.open = Some(OpenStream { declared: StreamLen::new(declared)?, written: 0, object: None });
        Ok(())
    }

    /// Appends to the open stream: all of `bytes`, or nothing where they would pass the declared end.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        let open = self.open.as_mut().ok_or(InvalidInput::NoStream)?;
        let count = u64::try_from(bytes.len()).expect("a usize fits a u64");
        let left = open.declared.get() - open.written;
        if count > left {
            return Err(CimError::beyond_end(open.declared.get(), open.written, count));
        }
        if open.object.is_none() {
            if is_zero(bytes) {
                open.written += count;
                return Ok(());
            }
            open.object = Some(OpenObject::begin(&mut self.set, open)?);
        }
        if let Some(object) = &mut open.object {
            let file = self.set.region(object.kind)?.1.file();
            file.append(bytes)?;
            object.hasher.update(bytes, file.flushed());
        }
        open.written += count;
        Ok(())
    }

    /// Closes the open stream. What was not written reads as zeros.
    pub(super) fn finish(&mut self) -> Result<Stream, CimError> {
        let open = self.open.take().ok_or(InvalidInput::NoStream)?;
        let len = open.declared;
        let Some(object) = open.object else {
            let kind = if len.get() == 0 { StreamKind::Data } else { StreamKind::Sparse };
            return Ok(Stream { offset: RegionOffset::NULL, len, kind });
        };
        let offset = object.finish(&mut self.set, len, len.get() - open.written)?;
        Ok(Stream { offset, len, kind: StreamKind::Data })
    }

    /// Drops the open stream, if there is one, with what was written to it.
    pub(super) fn abandon(&mut self) -> Result<(), CimError> {
        if let Some(OpenStream { object: Some(object), .. }) = self.open.take() {
            self.set.region(object.kind)?.1.file().cut(object.start);
        }
        Ok(())
    }
}

impl OpenObject {
    /// Finds a place for the data and writes the zeros that came before it.
    fn begin(set: &mut SetWriter, open: &OpenStream) -> Result<Self, CimError> {
        let kind = RegionType::for_data(open.declared.get());
        let (_, region) = set.region(kind)?;
        let start = region.align()?;
        region.file().zeros(open.written)?;
        let hasher = StreamHasher::new(open.declared.get(), open.written, region.file());
        Ok(Self { kind, start, hasher })
    }

    /// Completes the object, or gives its place back where the same bytes exist already.
    fn finish(self, set: &mut SetWriter, len: StreamLen, tail: u64) -> Result<RegionOffset, CimError> {
        let (index, region) = set.region(self.kind)?;
        if tail > HASHED_TAIL {
            region.file().zeros(tail)?;
            return set.offset(index, self.start);
        }
        let hash = self.hasher.finish(region.file(), tail)?;
        let id = ObjectId::from_hash(len.get(), hash);
        if let Some(found) = set.find(self.kind, &id)? {
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
