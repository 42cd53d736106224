//! The base block: is this a hive, was it shut down cleanly, and where are its bins.

use zerocopy::{FromBytes, FromZeros};

use super::cells::to_usize;
use super::error::{Dirt, Fault, HiveError, Unsupported};
use super::format::{BASE_BLOCK_LEN, BASE_MAGIC, BIN_UNIT, BaseBlock, HIVE_LAYERED, NIL, TYPE_PRIMARY};
use super::source::HiveInfo;

/// A base block whose fields are checked, and the bins that it describes.
pub(super) struct Header<'a> {
    pub(super) info: HiveInfo,
    pub(super) root_cell: u32,
    pub(super) bins: &'a [u8],
}

impl<'a> Header<'a> {
    /// Checks whether the file is a hive first, then whether its other fields can be trusted, then those.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, HiveError> {
        let block = base_block(file)?;
        match dirt(block) {
            Some(dirt) => Err(dirt.into()),
            None => Self::from_clean(block, file),
        }
    }

    fn from_clean(block: &BaseBlock, file: &'a [u8]) -> Result<Self, HiveError> {
        let (major, minor) = (block.major.get(), block.minor.get());
        if major != 1 || !(3..=6).contains(&minor) {
            return Err(Unsupported::Version { major, minor }.into());
        }
        let (file_type, file_format) = (block.file_type.get(), block.file_format.get());
        if file_type != TYPE_PRIMARY || file_format != 1 {
            return Err(Unsupported::FileType { file_type, file_format }.into());
        }
        let bins_len = block.bins_len.get();
        let bins = file.get(BASE_BLOCK_LEN..).and_then(|rest| rest.get(..to_usize(bins_len)));
        match bins {
            Some(bins) if bins_len != 0 && bins_len.is_multiple_of(BIN_UNIT) => Ok(Self {
                info: HiveInfo { minor, layered: block.flags.get() & HIVE_LAYERED != 0 },
                root_cell: block.root_cell.get(),
                bins,
            }),
            _ => Err(HiveError::in_file(40, Fault::BadValue { field: "length of bins", found: bins_len })),
        }
    }
}

/// Returns the base block of a file that starts like a hive.
pub(super) fn base_block(file: &[u8]) -> Result<&BaseBlock, HiveError> {
    let have = u64::try_from(file.len()).unwrap_or(u64::MAX);
    let whole = file.get(..BASE_BLOCK_LEN).and_then(|block| BaseBlock::ref_from_prefix(block).ok());
    let (block, _) = whole
        .ok_or_else(|| HiveError::in_file(0, Fault::Short { what: "the base block", need: 4096, have }))?;
    if block.magic != BASE_MAGIC {
        return Err(HiveError::in_file(0, Fault::Magic("the base block")));
    }
    Ok(block)
}

/// Returns why a file is not as a clean shutdown leaves it.
pub(super) fn dirt(block: &BaseBlock) -> Option<Dirt> {
    let (expected, found) = (block.computed_checksum(), block.checksum.get());
    if expected != found {
        return Some(Dirt::Checksum { expected, found });
    }
    let (primary, secondary) = (block.primary_sequence.get(), block.secondary_sequence.get());
    (primary != secondary).then_some(Dirt::Sequence { primary, secondary })
}

/// Makes the base block of a file to write.
pub(super) fn new_base_block(info: HiveInfo, root_cell: u32, bins_len: u32) -> BaseBlock {
    let minor = if info.layered { HiveInfo::DELTA.minor } else { info.minor.max(HiveInfo::PLAIN.minor) };
    let mut block = BaseBlock::new_zeroed();
    block.magic = BASE_MAGIC;
    block.primary_sequence = 1.into();
    block.secondary_sequence = 1.into();
    block.major = 1.into();
    block.minor = minor.into();
    block.file_type = TYPE_PRIMARY.into();
    block.file_format = 1.into();
    block.root_cell = root_cell.into();
    block.bins_len = bins_len.into();
    block.clustering = 1.into();
    block.flags = if info.layered { HIVE_LAYERED } else { 0 }.into();
    block.checksum = block.computed_checksum().into();
    debug_assert_ne!(root_cell, NIL, "a hive has a root");
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_known_files() {
        let plain = new_base_block(HiveInfo::PLAIN, 0x20, 0x1000);
        assert_eq!(plain.checksum.get(), 0x6667_7556);
        assert_eq!(new_base_block(HiveInfo::DELTA, 0x20, 0x1000).checksum.get(), 0x6667_7557);
        let offline = BaseBlock { offline_mark: *b"OfRg\x01\0\0\0", ..plain };
        assert_eq!(offline.computed_checksum(), 0x0135_1318);
    }

    #[test]
    fn checksum_is_never_0_nor_all_ones() {
        let mut block = BaseBlock::new_zeroed();
        assert_eq!(block.computed_checksum(), 1);
        block.major = u32::MAX.into();
        assert_eq!(block.computed_checksum(), 0xFFFF_FFFE);
    }
}
