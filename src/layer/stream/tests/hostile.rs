use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn kind(blob: &[u8]) -> StreamErrorKind {
    unpack_both(blob, &StreamOptions::default()).unwrap_err()
}

#[test]
fn every_truncation_of_a_compressed_stream_is_an_error() {
    let tar = tar(300);
    for blob in [gzip(&tar), zstd(&tar), [skippable(b"abc"), zstd(&tar)].concat()] {
        for len in 4..blob.len() {
            let cut = &blob[..len];
            match unpack_both(cut, &StreamOptions::default()) {
                Err(kind) => assert_eq!(kind, StreamErrorKind::Truncated, "{len} of {}", blob.len()),
                // A cut right behind a skippable frame leaves a whole stream.
                Ok(out) => assert!(out.is_empty() && cut == skippable(b"abc"), "{len}"),
            }
        }
    }
}

#[test]
fn anything_behind_the_compressed_stream_is_garbage_zeros_too() {
    for garbage in [&b"\0"[..], &[0; 1024], b"x", b"\x1f\x8c", b"\x28\xb5\x2f\xfe", b"PK\x03\x04"] {
        for blob in [gzip(&tar(9)), zstd(&tar(9)), [gzip(&tar(9)), gzip(b"")].concat()] {
            assert_eq!(kind(&[&blob, garbage].concat()), StreamErrorKind::TrailingGarbage, "{garbage:?}");
        }
    }
    let blob = gzip(&tar(9));
    let error = unpack(Cursor::new([&blob[..], b"x"].concat()), StreamOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the gzip stream ends at byte {}, but garbage follows it", blob.len())
    );
}

#[test]
fn the_start_of_another_member_that_breaks_off_is_a_truncation() {
    assert_eq!(kind(&[&gzip(b"")[..], b"\x1f"].concat()), StreamErrorKind::Truncated);
    assert_eq!(kind(&[&gzip(b"")[..], b"\x1f\x8b"].concat()), StreamErrorKind::Truncated);
    assert_eq!(kind(&[&zstd(b"")[..], b"\x28\xb5"].concat()), StreamErrorKind::Truncated);
    assert_eq!(kind(&[&zstd(b"")[..], b"\x5f\x2a\x4d"].concat()), StreamErrorKind::Truncated);
}

#[test]
fn the_other_compression_is_no_next_member() {
    assert_eq!(kind(&[gzip(b"a"), zstd(b"b")].concat()), StreamErrorKind::TrailingGarbage);
    assert_eq!(kind(&[zstd(b"b"), gzip(b"a")].concat()), StreamErrorKind::TrailingGarbage);
}

#[test]
fn a_wrong_checksum_or_length_is_told_from_a_wrong_stream() {
    let tar = tar(1000);
    let good = gzip(&tar);
    for from_end in [1, 5] {
        let mut blob = good.clone();
        let at = blob.len() - from_end;
        blob[at] ^= 1;
        assert_eq!(kind(&blob), StreamErrorKind::Checksum, "gzip trailer, byte {from_end} from the end");
    }
    let mut blob = zstd(&tar);
    *blob.last_mut().unwrap() ^= 1;
    assert_eq!(kind(&blob), StreamErrorKind::Checksum);
    let mut blob = good.clone();
    blob[2] = 9;
    assert_eq!(kind(&blob), StreamErrorKind::Corrupt, "gzip method");
    let mut blob = good;
    blob[10] = 0xff;
    assert_eq!(kind(&blob), StreamErrorKind::Corrupt, "deflate block type");
}

/// Counts what is read from it.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.0.read(buf)?;
        self.1.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}

/// Members of zeros, without end.
struct Bomb(Cursor<Vec<u8>>);

impl Read for Bomb {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.position() == self.0.get_ref().len() as u64 {
            self.0.set_position(0);
        }
        self.0.read(buf)
    }
}

#[test]
fn a_bomb_is_stopped_at_the_size_limit() {
    let zeros = vec![0; 1 << 20];
    for (blob, max_read) in [(gzip(&zeros), 2 << 20), (zstd(&zeros), 8 << 20)] {
        for threading in BOTH {
            let limits = Limits { max_size: 64 << 20, ..Limits::default() };
            let read = Arc::new(AtomicU64::new(0));
            let reader = Counted(Bomb(Cursor::new(blob.clone())), Arc::clone(&read));
            let error = unpack(reader, StreamOptions { limits, ..with(threading) }).unwrap_err();
            assert_eq!(error.kind(), StreamErrorKind::LimitExceeded);
            assert_eq!(error.to_string(), "the layer unpacks to more than 67108864 bytes");
            assert!(read.load(Ordering::Relaxed) <= max_read, "read {read:?} bytes before it stopped");
        }
    }
}

#[test]
fn a_stream_of_exactly_the_limit_is_fine() {
    let tar = tar(100_000);
    for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
        for (max_size, fits) in [(tar.len(), true), (tar.len() - 1, false)] {
            let limits = Limits { max_size: max_size as u64, ..Limits::default() };
            let result = unpack_both(&blob, &StreamOptions { limits, ..StreamOptions::default() });
            assert_eq!(result.is_ok(), fits, "{result:?}");
        }
    }
}

#[test]
fn a_ratio_beyond_the_limit_is_refused_once_past_its_grace() {
    let zeros = vec![0; 4 << 20];
    let blob = gzip(&zeros);
    let with_ratio = |max_ratio, ratio_grace| StreamOptions {
        limits: Limits { max_ratio, ratio_grace, ..Limits::default() },
        ..StreamOptions::default()
    };
    assert_eq!(unpack_both(&blob, &with_ratio(100, 1 << 20)), Err(StreamErrorKind::LimitExceeded));
    assert_eq!(unpack_both(&blob, &with_ratio(100, 4 << 20)), Ok(zeros.clone()));
    assert_eq!(unpack_both(&blob, &with_ratio(2000, 1 << 20)), Ok(zeros));
}

#[test]
fn a_zstd_window_beyond_the_limit_is_refused() {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(20).unwrap();
    encoder.write_all(&tar(3 << 20)).unwrap();
    let blob = encoder.finish().unwrap();
    let with_log = |zstd_window_log| StreamOptions {
        limits: Limits { zstd_window_log, ..Limits::default() },
        ..StreamOptions::default()
    };
    assert_eq!(unpack_both(&blob, &with_log(19)), Err(StreamErrorKind::LimitExceeded));
    assert_eq!(unpack_both(&blob, &with_log(20)), Ok(tar(3 << 20)));
}

/// Gives bytes, then fails.
struct Breaks(Cursor<Vec<u8>>);

impl Read for Breaks {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buf)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the wire was cut")),
            len => Ok(len),
        }
    }
}

#[test]
fn an_error_of_the_reader_comes_through_with_its_place_and_cause() {
    let tar = tar(4 * BUFFER_LEN);
    for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
        for threading in BOTH {
            for len in [0, 100, BUFFER_LEN, BUFFER_LEN + 1] {
                let reader = Breaks(Cursor::new(blob[..len].to_vec()));
                let error = unpack(reader, with(threading)).unwrap_err();
                assert_eq!(error.kind(), StreamErrorKind::Read);
                assert_eq!(error.to_string(), format!("cannot read the layer blob at byte {len}"));
                let cause = std::error::Error::source(&error).unwrap();
                assert_eq!(cause.to_string(), "the wire was cut");
                assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
            }
        }
    }
}

#[test]
fn a_reader_that_claims_more_than_there_was_room_for_is_refused() {
    struct Liar;
    impl Read for Liar {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            Ok(buf.len() + 1)
        }
    }
    assert_eq!(LayerStream::open(Liar, StreamOptions::default()).unwrap_err().kind(), StreamErrorKind::Read);
}

#[test]
fn an_error_stays_and_travels_inside_an_io_error() {
    let tar = tar(3 * BUFFER_LEN);
    let blob = gzip(&tar);
    for threading in BOTH {
        let cut = Cursor::new(blob[..blob.len() - 9].to_vec());
        let mut stream = LayerStream::open(cut, with(threading)).unwrap();
        let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(StreamError::from_io(&error).unwrap().kind(), StreamErrorKind::Truncated);
        assert_eq!(stream.chunk().unwrap_err().kind(), StreamErrorKind::Truncated);
        assert_eq!(stream.finish().unwrap_err().kind(), StreamErrorKind::Truncated);
    }
}
