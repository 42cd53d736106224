//! A block that is a header.

use tar::Header;

use super::blocks::Block;
use super::number::number;

/// Takes a block for a header if its checksum is right. Old tools summed signed bytes.
pub(super) fn checked(block: &Block) -> Option<Header> {
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    let sum = number(&header.as_old().cksum)?;
    let blank = std::iter::repeat_n(b' ', header.as_old().cksum.len());
    let (front, back) = (block.get(..148)?, block.get(156..)?);
    let bytes = || front.iter().copied().chain(blank.clone()).chain(back.iter().copied());
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    (sum == unsigned || i64::try_from(sum) == Ok(signed)).then_some(header)
}
