use super::*;

#[test]
fn each_format_gives_the_tar_back() {
    let tar = tar(3 * BUFFER_LEN + 17);
    for (blob, format) in [(tar.clone(), Format::Tar), (gzip(&tar), Format::Gzip), (zstd(&tar), Format::Zstd)]
    {
        let stream = LayerStream::open(Cursor::new(blob.clone()), StreamOptions::default()).unwrap();
        assert_eq!(stream.format(), format);
        assert_eq!(unpack_both(&blob, &StreamOptions::default()).unwrap(), tar);
    }
}

#[test]
fn sizes_around_a_buffer_come_out_whole() {
    for len in [BUFFER_LEN - 513, BUFFER_LEN - 512, BUFFER_LEN - 511, 2 * BUFFER_LEN - 512] {
        let tar = tar(len);
        for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
            assert_eq!(unpack_both(&blob, &StreamOptions::default()).unwrap(), tar, "{len}");
        }
    }
}

#[test]
fn what_a_decompressor_holds_back_at_the_end_of_the_blob_comes_out() {
    // Without a checksum the blob ends with the last block, which here lies across the edge of a buffer.
    let tar = tar(BUFFER_LEN);
    let frame = |bytes: &[u8]| ::zstd::encode_all(bytes, 1).unwrap();
    let blob = [frame(&tar[..100]), frame(&tar[100..BUFFER_LEN + 100])].concat();
    assert_eq!(unpack_both(&blob, &StreamOptions::default()).unwrap(), tar[..BUFFER_LEN + 100]);
}

#[test]
fn an_empty_blob_is_an_empty_tar() {
    assert_eq!(unpack_both(&[], &StreamOptions::default()).unwrap(), b"");
    assert_eq!(unpack_both(&gzip(b""), &StreamOptions::default()).unwrap(), b"");
    assert_eq!(unpack_both(&zstd(b""), &StreamOptions::default()).unwrap(), b"");
}

#[test]
fn many_gzip_members_are_one_stream() {
    let tar = tar(40_000);
    let blob: Vec<u8> = tar.chunks(97).flat_map(gzip).collect();
    assert_eq!(unpack_both(&blob, &StreamOptions::default()).unwrap(), tar);
}

#[test]
fn members_of_no_bytes_are_members() {
    let tar = tar(1000);
    let blob = [gzip(b""), gzip(&tar[..7]), gzip(b""), gzip(b""), gzip(&tar[7..]), gzip(b"")].concat();
    assert_eq!(unpack_both(&blob, &StreamOptions::default()).unwrap(), tar);
}

#[test]
fn zstd_frames_and_skippable_frames_are_one_stream() {
    let tar = tar(1000);
    let parts =
        [skippable(b""), zstd(&tar[..7]), skippable(&[7; 300]), zstd(b""), zstd(&tar[7..]), skippable(b"x")];
    assert_eq!(unpack_both(&parts.concat(), &StreamOptions::default()).unwrap(), tar);
}

#[test]
fn a_member_that_starts_at_the_edge_of_a_buffer_is_found() {
    // The first member grows byte by byte, so that the magic of the second lies before, across and behind the edge.
    let second = gzip(&tar(10));
    let header = gzip(b"").len();
    for len in BUFFER_LEN - 4..=BUFFER_LEN + 1 {
        let mut first = flate2::GzBuilder::new()
            .comment(vec![b'c'; len - header - 1])
            .write(Vec::new(), flate2::Compression::fast());
        first.write_all(b"").unwrap();
        let first = first.finish().unwrap();
        assert_eq!(first.len(), len);
        let blob = [first, second.clone()].concat();
        assert_eq!(unpack_both(&blob, &StreamOptions::default()).unwrap(), tar(10), "{len}");
    }
    let second = zstd(&tar(10));
    for len in BUFFER_LEN - 6..=BUFFER_LEN + 1 {
        let blob = [skippable(&vec![0; len - 8]), second.clone()].concat();
        assert_eq!(unpack_both(&blob, &StreamOptions::default()).unwrap(), tar(10), "{len}");
    }
}

#[test]
fn short_and_interrupted_reads_change_nothing() {
    let tar = tar(5000);
    for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
        for step in [1, 2, 1000] {
            for threading in BOTH {
                let reader = Dribble { bytes: Cursor::new(blob.clone()), step, interrupt: false };
                let (out, summary) = unpack(reader, with(threading)).unwrap();
                assert_eq!(out, tar);
                assert_eq!(summary.compressed, identity(&blob));
            }
        }
    }
}

#[test]
fn the_reader_side_gives_the_same_bytes_as_the_chunks() {
    let tar = tar(2 * BUFFER_LEN);
    let mut stream = LayerStream::open(Cursor::new(gzip(&tar)), StreamOptions::default()).unwrap();
    let mut out = vec![0; 100];
    stream.read_exact(&mut out).unwrap();
    let slice = stream.fill_buf().unwrap();
    assert_eq!(slice.len(), BUFFER_LEN - 100, "a buffer is handed out whole");
    out.extend_from_slice(slice);
    stream.consume(BUFFER_LEN - 100);
    stream.read_to_end(&mut out).unwrap();
    assert_eq!(out, tar);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0, "the end stays the end");
    assert_eq!(stream.finish().unwrap().uncompressed, identity(&tar));
}

#[test]
fn advancing_too_far_takes_no_more_than_the_chunk() {
    let tar = tar(2 * BUFFER_LEN);
    let mut stream = LayerStream::open(Cursor::new(gzip(&tar)), StreamOptions::default()).unwrap();
    stream.advance(7);
    assert_eq!(stream.chunk().unwrap(), &tar[..BUFFER_LEN]);
    stream.advance(usize::MAX);
    assert_eq!(stream.chunk().unwrap(), &tar[BUFFER_LEN..2 * BUFFER_LEN]);
}
