use super::*;
use crate::layer::stream::StreamErrorKind;

fn tar_head() -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..5].copy_from_slice(b"Files");
    block[257..262].copy_from_slice(b"ustar");
    block
}

#[test]
fn content_tells_the_format() {
    assert_eq!(detect(&[0x1f, 0x8b, 8, 0]), Some(Format::Gzip));
    assert_eq!(detect(&[0x28, 0xb5, 0x2f, 0xfd, 0]), Some(Format::Zstd));
    for low in 0..16 {
        assert_eq!(detect(&[0x50 | low, 0x2a, 0x4d, 0x18]), Some(Format::Zstd), "skippable {low}");
    }
    assert_eq!(detect(&tar_head()), Some(Format::Tar));
    assert_eq!(detect(&[0; 1024]), Some(Format::Tar));
    assert_eq!(detect(&[]), Some(Format::Tar));
}

#[test]
fn content_of_no_known_format_is_refused() {
    let xz = [0xfd, b'7', b'z', b'X', b'Z', 0];
    assert_eq!(detect(&xz), None);
    assert_eq!(detect(&[0x60, 0x2a, 0x4d, 0x18]), None);
    assert_eq!(detect(&[0x28, 0xb5, 0x2f]), None);
    assert_eq!(detect(&tar_head()[..261]), None);
    let error = choose(&xz, None).unwrap_err();
    assert_eq!(error.kind(), StreamErrorKind::UnknownFormat);
    assert!(error.to_string().ends_with("it starts with the bytes fd 37 7a 58"), "{error}");
}

#[test]
fn bytes_behind_the_first_block_do_not_decide() {
    let mut head = vec![0; 513];
    head[512] = 1;
    assert_eq!(detect(&head), Some(Format::Tar));
    head[511] = 1;
    assert_eq!(detect(&head), None);
}

#[test]
fn every_layer_media_type_is_known() {
    let oci =
        ["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar"];
    for base in oci {
        for (suffix, format) in [("", Format::Tar), ("+gzip", Format::Gzip), ("+zstd", Format::Zstd)] {
            let media_type: MediaType = format!("{base}{suffix}").parse().unwrap();
            assert_eq!(media_type.format(), Some(format), "{media_type:?}");
            assert_eq!(media_type.as_str(), format!("{base}{suffix}"));
        }
    }
    for base in [
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ] {
        for (suffix, format) in [("", None), (".gzip", Some(Format::Gzip)), (".zstd", Some(Format::Zstd))] {
            assert_eq!(format!("{base}{suffix}").parse::<MediaType>().unwrap().format(), format);
        }
    }
}

#[test]
fn other_media_types_are_refused() {
    for text in [
        "",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+",
        "application/vnd.oci.image.layer.v1.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.docker.image.rootfs.diff.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.xz",
        " application/vnd.oci.image.layer.v1.tar",
    ] {
        assert_eq!(
            text.parse::<MediaType>().unwrap_err().kind(),
            StreamErrorKind::UnknownMediaType,
            "{text:?}"
        );
    }
}

#[test]
fn content_that_contradicts_its_media_type_is_refused_and_both_are_named() {
    let gzip: MediaType = "application/vnd.oci.image.layer.v1.tar+gzip".parse().unwrap();
    for (head, found) in [
        (vec![0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (tar_head(), "uncompressed tar"),
        (vec![], "empty"),
        (b"<html>".to_vec(), "neither gzip, zstd nor tar"),
    ] {
        let error = choose(&head, Some(&gzip)).unwrap_err();
        assert_eq!(error.kind(), StreamErrorKind::MediaTypeMismatch);
        let wanted =
            format!("{} says that the layer blob is gzip, but its content is {found}", gzip.as_str());
        assert!(error.to_string().ends_with(&wanted), "{error}");
    }
    assert_eq!(choose(&[0x1f, 0x8b], Some(&gzip)).unwrap(), Format::Gzip);
    let tar: MediaType = "application/vnd.oci.image.layer.v1.tar".parse().unwrap();
    assert_eq!(choose(&[0x1f, 0x8b], Some(&tar)).unwrap_err().kind(), StreamErrorKind::MediaTypeMismatch);
}

#[test]
fn dockers_plain_media_type_leaves_the_compression_to_the_content() {
    let docker: MediaType = "application/vnd.docker.image.rootfs.diff.tar".parse().unwrap();
    assert_eq!(choose(&[0x1f, 0x8b], Some(&docker)).unwrap(), Format::Gzip);
    assert_eq!(choose(&tar_head(), Some(&docker)).unwrap(), Format::Tar);
    assert_eq!(choose(b"<html>", Some(&docker)).unwrap_err().kind(), StreamErrorKind::UnknownFormat);
}
