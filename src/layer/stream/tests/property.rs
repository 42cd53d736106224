use proptest::prelude::*;

use super::*;

/// A tar stream whose content is partly random and partly repetition.
fn any_tar() -> impl Strategy<Value = Vec<u8>> {
    let run = (any::<Vec<u8>>(), 0_usize..2000).prop_map(|(bytes, times)| match bytes.split_first() {
        Some((first, rest)) => [vec![*first; times], rest.to_vec()].concat(),
        None => bytes,
    });
    proptest::collection::vec(run, 0..12).prop_map(|runs| [tar(0), runs.concat()].concat())
}

/// Cuts `tar` into members of random lengths, compressed each.
fn members(tar: &[u8], cuts: &[usize], compress: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (tar.len() + 1)).collect();
    cuts.extend([0, tar.len()]);
    cuts.sort_unstable();
    cuts.windows(2).flat_map(|cut| compress(&tar[cut[0]..cut[1]])).collect()
}

fn any_blob() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    (any_tar(), proptest::collection::vec(any::<usize>(), 0..4), 0..3).prop_map(|(tar, cuts, codec)| {
        let blob = match codec {
            0 => tar.clone(),
            1 => members(&tar, &cuts, gzip),
            _ => members(&tar, &cuts, zstd),
        };
        (tar, blob)
    })
}

/// Reads with slices of the given lengths, over and over.
fn read_in(stream: &mut LayerStream, lens: &[usize]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for len in lens.iter().cycle() {
        let mut slice = vec![0; *len];
        let read = stream.read(&mut slice)?;
        if read == 0 {
            break;
        }
        out.extend_from_slice(&slice[..read]);
    }
    Ok(out)
}

proptest! {
    #[test]
    fn any_stream_comes_out_whole_however_it_is_cut(
        (tar, blob) in any_blob(),
        step in 1_usize..5000,
        lens in proptest::collection::vec(1_usize..4000, 1..6),
    ) {
        for threading in BOTH {
            let reader = Dribble { bytes: Cursor::new(blob.clone()), step, interrupt: false };
            let mut stream = LayerStream::open(reader, with(threading)).unwrap();
            prop_assert_eq!(&read_in(&mut stream, &lens).unwrap(), &tar);
            let summary = stream.finish().unwrap();
            prop_assert_eq!(summary.compressed, identity(&blob));
            prop_assert_eq!(summary.uncompressed, identity(&tar));
        }
    }

    #[test]
    fn a_damaged_blob_never_gives_other_bytes_than_its_digest_says(
        (tar, blob) in any_blob(),
        at: proptest::sample::Index,
        flip in 1_u8..,
    ) {
        let mut damaged = blob.clone();
        damaged[at.index(blob.len())] ^= flip;
        let expected = Expected { diff_id: Some(Digest::of(&tar)), ..Expected::default() };
        // Some damage is harmless: a time or a name in a gzip header.
        if let Ok(out) = unpack_both(&damaged, &StreamOptions { expected, ..StreamOptions::default() }) {
            prop_assert_eq!(out, tar);
        }
        let expected = Expected { blob_digest: Some(Digest::of(&blob)), ..Expected::default() };
        let result = unpack_both(&damaged, &StreamOptions { expected, ..StreamOptions::default() });
        prop_assert!(result.is_err());
    }

    #[test]
    fn damage_inside_a_member_is_caught_without_any_expectation(
        tar in any_tar(),
        at: proptest::sample::Index,
        flip in 1_u8..,
    ) {
        for blob in [gzip(&tar), zstd(&tar)] {
            let mut damaged = blob.clone();
            damaged[at.index(blob.len())] ^= flip;
            if let Ok(out) = unpack_both(&damaged, &StreamOptions::default()) {
                prop_assert_eq!(out, tar.clone(), "byte {} of {}", at.index(blob.len()), blob.len());
            }
        }
    }

    #[test]
    fn any_cut_of_a_compressed_blob_is_an_error(tar in any_tar(), at: proptest::sample::Index) {
        for blob in [gzip(&tar), zstd(&tar)] {
            let cut = 4 + at.index(blob.len() - 4);
            prop_assert_eq!(
                unpack_both(&blob[..cut], &StreamOptions::default()),
                Err(StreamErrorKind::Truncated)
            );
        }
    }

    #[test]
    fn any_bytes_behind_a_magic_neither_panic_nor_hang(
        magic in prop_oneof![Just(&b"\x1f\x8b\x08\0\0\0\0\0\0\0"[..]), Just(&b"\x28\xb5\x2f\xfd"[..]), Just(&b""[..])],
        bytes: Vec<u8>,
    ) {
        let limits = Limits { max_size: 1 << 20, ..Limits::default() };
        let options = StreamOptions { limits, ..StreamOptions::default() };
        if let Ok(out) = unpack_both(&[magic, &bytes].concat(), &options) {
            prop_assert!(out.len() <= 1 << 20);
        }
    }
}
