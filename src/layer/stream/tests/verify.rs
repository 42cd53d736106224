use super::*;

fn expecting(expected: Expected) -> StreamOptions {
    StreamOptions { expected, ..StreamOptions::default() }
}

#[test]
fn what_was_expected_and_came_is_accepted() {
    let tar = tar(100_000);
    for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
        let expected = Expected {
            blob_digest: Some(Digest::of(&blob)),
            blob_size: Some(blob.len() as u64),
            diff_id: Some(Digest::of(&tar)),
        };
        assert_eq!(unpack_both(&blob, &expecting(expected)).unwrap(), tar);
    }
}

#[test]
fn another_digest_than_expected_is_refused_at_the_end() {
    let tar = tar(1000);
    let other = Some(Digest::of(b"other"));
    for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
        let expected = Expected { blob_digest: other, ..Expected::default() };
        let error = unpack_both(&blob, &expecting(expected)).unwrap_err();
        assert_eq!(error, StreamErrorKind::DigestMismatch);
        let expected = Expected { diff_id: other, ..Expected::default() };
        let error = unpack_both(&blob, &expecting(expected)).unwrap_err();
        assert_eq!(error, StreamErrorKind::DiffIdMismatch);
    }
}

#[test]
fn another_size_than_expected_is_refused() {
    let blob = gzip(&tar(1000));
    for size in [blob.len() - 1, blob.len() + 1, 0] {
        let expected = Expected { blob_size: Some(size as u64), ..Expected::default() };
        assert_eq!(unpack_both(&blob, &expecting(expected)).unwrap_err(), StreamErrorKind::SizeMismatch);
    }
}

#[test]
fn a_blob_without_end_is_refused_at_its_expected_size() {
    let expected = Expected { blob_size: Some(1 << 20), ..Expected::default() };
    for threading in BOTH {
        let options = StreamOptions { threading, ..expecting(expected) };
        let error = unpack(io::repeat(0), options).unwrap_err();
        assert_eq!(error.kind(), StreamErrorKind::SizeMismatch);
        assert_eq!(error.to_string(), "the layer blob is longer than the expected 1048576 bytes");
    }
}

#[test]
fn bytes_that_the_caller_leaves_unread_are_hashed() {
    let tar = tar(10 * BUFFER_LEN);
    let blob = gzip(&tar);
    for read in [0, 1, 512, BUFFER_LEN, 3 * BUFFER_LEN + 1] {
        for threading in BOTH {
            let mut stream = LayerStream::open(Cursor::new(blob.clone()), with(threading)).unwrap();
            stream.read_exact(&mut vec![0; read]).unwrap();
            let summary = stream.finish().unwrap();
            assert_eq!(summary.uncompressed, identity(&tar));
            assert_eq!(summary.compressed, identity(&blob));
        }
    }
}

#[test]
fn the_media_type_is_checked_when_the_blob_is_opened() {
    let media_type = Some("application/vnd.oci.image.layer.v1.tar+zstd".parse().unwrap());
    let options = StreamOptions { media_type, ..StreamOptions::default() };
    let error = LayerStream::open(Cursor::new(gzip(b"")), options).unwrap_err();
    assert_eq!(error.kind(), StreamErrorKind::MediaTypeMismatch);
}

#[test]
fn the_summary_says_where_the_time_went() {
    let blob = gzip(&tar(4 * BUFFER_LEN));
    let (_, summary) = unpack(Cursor::new(blob.clone()), with(Threading::Thread)).unwrap();
    assert!(summary.timing.threaded);
    assert!(!summary.timing.inflating.is_zero() && !summary.timing.hashing.is_zero());
    assert!(!summary.timing.waiting.is_zero(), "the first piece has to be waited for");
    let (_, summary) = unpack(Cursor::new(blob), with(Threading::Inline)).unwrap();
    assert!(!summary.timing.inflating.is_zero() && !summary.timing.hashing.is_zero());
    assert!(summary.timing.waiting.is_zero() && summary.timing.stalled.is_zero());
}
