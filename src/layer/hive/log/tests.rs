//! Logs made by hand, over a hive that was written twice.

use super::*;
use crate::layer::hive::testing::{dumped, written};
use crate::layer::hive::{Hive, HiveErrorKind, HiveInfo, HiveView};

/// Returns a hive file before and after a change; the second one is longer.
fn before_and_after() -> (Vec<u8>, Vec<u8>) {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    hive.ensure("a").unwrap();
    let before = written(&&hive);
    let id = hive.ensure("b\\c").unwrap();
    hive.key_mut(id).set_bytes("v", 3, vec![5; 6_000]).unwrap();
    (before, written(&&hive))
}

fn sealed(file: &[u8], change: impl FnOnce(&mut BaseBlock)) -> Vec<u8> {
    let mut file = file.to_vec();
    let (block, _) = BaseBlock::mut_from_prefix(&mut file).unwrap();
    change(block);
    block.checksum = block.computed_checksum().into();
    file
}

fn with_sequences(file: &[u8], primary: u32, secondary: u32) -> Vec<u8> {
    sealed(file, |block| {
        block.primary_sequence = primary.into();
        block.secondary_sequence = secondary.into();
    })
}

/// Makes a log whose header is that of a hive.
fn log(file: &[u8], sequence: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let header = sealed(&file[..512], |block| {
        block.file_type = TYPE_LOG.into();
        block.primary_sequence = sequence.into();
        block.secondary_sequence = sequence.into();
    });
    [header, entries.concat()].concat()
}

/// Makes a log entry of pages of the bins of a hive.
fn entry(sequence: u32, file: &[u8], pages: &[(usize, usize)]) -> Vec<u8> {
    let narrow = |len: usize| u32::try_from(len).unwrap();
    let mut body = Vec::new();
    for &(offset, size) in pages {
        let page = PageRef { offset: narrow(offset).into(), size: narrow(size).into() };
        body.extend_from_slice(page.as_bytes());
    }
    for &(offset, size) in pages {
        body.extend_from_slice(&file[4096 + offset..4096 + offset + size]);
    }
    let size = (40 + body.len()).next_multiple_of(512);
    body.resize(size - 40, 0);
    let mut header = LogEntry {
        magic: LOG_ENTRY_MAGIC,
        size: narrow(size).into(),
        flags: 0.into(),
        sequence: sequence.into(),
        bins_len: narrow(file.len() - 4096).into(),
        page_count: narrow(pages.len()).into(),
        body_hash: marvin32(&body).into(),
        header_hash: 0.into(),
    };
    header.header_hash = marvin32(&header.as_bytes()[..32]).into();
    [header.as_bytes(), &body].concat()
}

fn whole(file: &[u8]) -> [(usize, usize); 2] {
    [(0, 4096), (4096, file.len() - 8192)]
}

fn recovered(primary: &[u8], logs: &[&[u8]]) -> Result<Vec<u8>, HiveError> {
    Recovery::plan(primary, logs)?.expect("the hive is dirty").to_vec()
}

#[track_caller]
fn check(primary: &[u8], logs: &[&[u8]], expected: &[u8], sequence: u32) {
    let file = recovered(primary, logs).unwrap();
    assert_eq!(file, with_sequences(expected, sequence, sequence));
    assert_eq!(dumped(&HiveView::open(&file).unwrap()), dumped(&HiveView::open(expected).unwrap()));
}

#[test]
fn clean_and_empty_files_need_nothing() {
    let (before, _) = before_and_after();
    assert!(Recovery::plan(&before, &[]).unwrap().is_none());
    assert!(Recovery::plan(&[], &[]).unwrap().is_none());
}

#[test]
fn an_entry_is_replayed_and_the_file_grows() {
    let (before, after) = before_and_after();
    let dirty = with_sequences(&before, 8, 7);
    let log = log(&before, 7, &[entry(7, &after, &whole(&after))]);
    check(&dirty, &[&log], &after, 8);
    check(&dirty, &[&[], &log], &after, 8);
}

#[test]
fn entries_of_two_logs_form_one_run() {
    let (before, after) = before_and_after();
    let dirty = with_sequences(&before, 8, 7);
    let half = [(0, 512), (512, 4096 - 512)];
    let first = log(&before, 7, &[entry(7, &after, &half[..1]), entry(8, &after, &half[1..])]);
    let second = log(&before, 9, &[entry(9, &after, &whole(&after)[1..])]);
    for logs in [[&first[..], &second], [&second, &first]] {
        check(&dirty, &logs, &after, 10);
    }
}

#[test]
fn what_the_file_holds_already_is_skipped() {
    let (before, after) = before_and_after();
    let dirty = with_sequences(&before, 10, 9);
    let stale = log(&before, 3, &[entry(3, &before, &[(0, 4096)])]);
    let fresh = log(&before, 9, &[entry(9, &after, &whole(&after))]);
    check(&dirty, &[&stale, &fresh], &after, 10);
}

#[test]
fn replay_stops_at_a_gap_and_at_a_torn_entry() {
    let (before, after) = before_and_after();
    let dirty = with_sequences(&before, 8, 7);
    let good = entry(7, &after, &whole(&after));
    let junk = vec![0xFF; after.len()];
    let gap = log(&before, 7, &[good.clone(), entry(9, &junk, &[(0, 4096)])]);
    check(&dirty, &[&gap], &after, 8);
    for at in [12, 45, 600] {
        let mut torn = entry(8, &junk, &[(0, 4096)]);
        torn[at] ^= 1;
        check(&dirty, &[&log(&before, 7, &[good.clone(), torn])], &after, 8);
    }
}

#[test]
fn a_torn_base_block_is_replaced_by_that_of_the_log() {
    let (before, after) = before_and_after();
    let mut torn = before.clone();
    torn[36..48].fill(0xEE);
    let log = log(&before, 7, &[entry(7, &after, &whole(&after))]);
    check(&torn, &[&log], &after, 8);
    let stale = self::log(&before, 3, &[entry(3, &[0xFF; 8192], &[(0, 4096)])]);
    check(&torn, &[&stale, &log], &after, 8);
}

#[test]
fn logs_that_do_not_help_leave_the_file_dirty() {
    let (before, after) = before_and_after();
    let dirty = with_sequences(&before, 8, 7);
    let old = log(&before, 2, &[entry(2, &after, &whole(&after))]);
    for logs in [&[][..], &[&[][..]], &[&old[..]], &[&old[..100]], &[&log(&before, 7, &[])]] {
        assert_eq!(recovered(&dirty, logs).unwrap_err().kind(), HiveErrorKind::Dirty);
    }
    let oldest = sealed(&old, |block| block.file_type = 1.into());
    assert_eq!(recovered(&dirty, &[&oldest]).unwrap_err().kind(), HiveErrorKind::Unsupported);
}

#[test]
fn a_log_cannot_demand_more_memory_than_it_is_long() {
    let (before, after) = before_and_after();
    let dirty = with_sequences(&before, 8, 7);
    let mut huge = entry(7, &after, &whole(&after));
    huge[16..20].copy_from_slice(&0x7FFF_F000_u32.to_le_bytes());
    let hash = marvin32(&huge[..32]);
    huge[32..40].copy_from_slice(&hash.to_le_bytes());
    let error = recovered(&dirty, &[&log(&before, 7, &[huge])]).unwrap_err();
    assert_eq!(error.kind(), HiveErrorKind::Corrupt);
}
