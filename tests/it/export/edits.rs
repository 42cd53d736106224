//! Random trees and edits, with all that a layer can say.

use cimsnap::cim::ea::EaBuilder;
use cimsnap::cim::reparse::build;
use cimsnap::cim::wsl::{self, Device, FileType, LinuxMetadata};
use cimsnap::cim::{Attributes, CaseRule, CimError, FileTime, ImagePath, Name, Writer};
use cimsnap::layer::import::LayerOs;
use cimsnap::layer::metadata::{FileMetadata, Times};
use cimsnap::layer::{linux, sddl, windows};
use proptest::prelude::*;
use zerocopy::little_endian::U16;

#[derive(Clone, Debug)]
pub(super) enum Edit {
    Put(Place, Kind, u8),
    Link(Place, Place),
    Stream(Place, u8, Vec<u8>),
    Delete(Place),
    Clear(Place),
}

/// A path, by numbers that stand for names.
pub(super) type Place = Vec<u8>;

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Directory,
    File(Vec<u8>),
    Link,
    /// A pipe or a device in Linux, a mount point in Windows.
    Special,
}

pub(super) fn case(os: LayerOs) -> CaseRule {
    match os {
        LayerOs::Linux => CaseRule::Distinguish,
        LayerOs::Windows => CaseRule::Fold,
    }
}

/// Makes what every tree has.
pub(super) fn plant(writer: &mut Writer, os: LayerOs) {
    let root = match os {
        LayerOs::Linux => linux::metadata::implied_directory(FileTime::UNIX_EPOCH),
        LayerOs::Windows => windows::metadata::implied_directory(FileTime::UNIX_EPOCH),
    };
    writer.create_directory(&ImagePath::ROOT, &root.as_metadata()).unwrap();
    if os == LayerOs::Windows {
        for at in ["Files", "Hives", "UtilityVM", "UtilityVM/Files"] {
            writer.create_directory(&ImagePath::parse(at).unwrap(), &root.as_metadata()).unwrap();
        }
    }
}

/// Applies an edit; one that the tree does not allow is passed over.
pub(super) fn apply(writer: &mut Writer, os: LayerOs, edit: &Edit) {
    let _may_fail = try_apply(writer, os, edit);
}

fn try_apply(writer: &mut Writer, os: LayerOs, edit: &Edit) -> Result<(), CimError> {
    match edit {
        Edit::Put(at, Kind::Directory, seed) => {
            writer.create_directory(&path(os, at), &metadata(os, &Kind::Directory, *seed).as_metadata())
        }
        Edit::Put(at, kind, seed) => {
            let data = if let Kind::File(data) = kind { data.as_slice() } else { b"" };
            let metadata = metadata(os, kind, *seed);
            let mut file = writer.create_file(&path(os, at), &metadata.as_metadata(), data.len() as u64)?;
            file.append(data)?;
            file.finish()
        }
        Edit::Link(new, existing) => writer.link(&path(os, new), &path(os, existing)),
        Edit::Stream(..) if os == LayerOs::Linux => Ok(()),
        Edit::Stream(at, name, data) => {
            let name = Name::new(["side", "Zone.Identifier", "é"][usize::from(name % 3)])?;
            let mut stream = writer.create_stream(&path(os, at), &name, data.len() as u64)?;
            stream.append(data)?;
            stream.finish()
        }
        Edit::Delete(at) => writer.delete(&path(os, at)),
        Edit::Clear(at) => writer.clear_directory(&path(os, at)),
    }
}

fn path(os: LayerOs, place: &[u8]) -> ImagePath {
    let names: [&[u8]; 8] = [b"a", b"A", b"b", "é".as_bytes(), b"x:y\\z", b"\xFF\xE9", b"..b", &[b'n'; 120]];
    let names = match os {
        LayerOs::Linux => &names[..],
        LayerOs::Windows => &[b"a", b"A", b"b", "é".as_bytes(), "É".as_bytes(), names[7]],
    };
    let mut units = Vec::new();
    for number in place {
        units.extend((!units.is_empty()).then_some(U16::new(0x5C)));
        units.extend(wsl::name_units(names[usize::from(*number) % names.len()]).map(U16::new));
    }
    let below = ImagePath::from_units(&units).unwrap();
    match os {
        LayerOs::Linux => below,
        // Links do not lead from one of them to the other.
        LayerOs::Windows => {
            let files = ImagePath::parse("Files").unwrap();
            below.components().fold(files, |path, name| path.join(name).unwrap())
        }
    }
}

fn times(seed: u8) -> Times {
    let nanos =
        [1_700_000_000_000_000_000, 1_700_000_001_234_567_800, -1_500_000_000, 0, i128::MIN, i128::MAX];
    let time =
        |shift: u8| FileTime::from_unix_nanos(nanos[usize::from(seed.wrapping_add(shift)) % nanos.len()]);
    match seed % 4 {
        0 => Times { change: time(1), last_access: time(2), creation: time(3), ..Times::all(time(0)) },
        _ => Times::all(time(0)),
    }
}

fn metadata(os: LayerOs, kind: &Kind, seed: u8) -> FileMetadata {
    match os {
        LayerOs::Linux => linux_metadata(kind, seed),
        LayerOs::Windows => windows_metadata(kind, seed),
    }
}

fn linux_metadata(kind: &Kind, seed: u8) -> FileMetadata {
    let file_type = match kind {
        Kind::Directory => FileType::Directory,
        Kind::File(_) => FileType::Regular,
        Kind::Link => FileType::Symlink,
        Kind::Special => [FileType::Fifo, FileType::CharDevice, FileType::BlockDevice][usize::from(seed % 3)],
    };
    let permissions =
        if file_type == FileType::Symlink { 0o777 } else { [0o644, 0o4755][usize::from(seed % 2)] };
    let is_device = matches!(file_type, FileType::CharDevice | FileType::BlockDevice);
    let metadata = LinuxMetadata {
        uid: Some([0, 1000, 3_000_000][usize::from(seed % 3)]),
        gid: Some([0, 2_097_152][usize::from(seed % 2)]),
        mode: Some(file_type.mode_bits() | permissions),
        device: is_device.then_some(Device { major: 259, minor: 70_000 }),
    };
    let xattrs: [(&[u8], &[u8]); 3] =
        [(b"user.lines", b"a\nb\0"), (b"user.empty", b""), (b"user.e=q%", b"x")];
    let xattrs = xattrs.into_iter().take(usize::from(seed / 2 % 4));
    let link: &[u8] = [b"../a".as_slice(), b"/b\xFF", &[b't'; 300]][usize::from(seed % 3)];
    linux::metadata::describe(file_type, &metadata, xattrs, link, times(seed)).unwrap()
}

fn windows_metadata(kind: &Kind, seed: u8) -> FileMetadata {
    let plain = windows::metadata::implied_directory(FileTime::UNIX_EPOCH);
    let is_directory = matches!(kind, Kind::Directory | Kind::Special)
        || (seed.is_multiple_of(2) && matches!(kind, Kind::Link));
    let target: &[u8] = [&b"..\\x"[..], b"C:\\x", b"\\\\?\\Volume{1}\\"][usize::from(seed % 3)];
    let reparse = match kind {
        Kind::Link => build::symlink(target).unwrap(),
        Kind::Special => build::mount_point(target).unwrap(),
        _ => Vec::new(),
    };
    let mut eas = EaBuilder::new();
    for name in [&b"$CI.CATALOGHINT"[..], b"EA.2"].into_iter().take(usize::from(seed / 2 % 3)) {
        eas.push(0, name, &[1, seed, 0]).unwrap();
    }
    let security = match seed % 3 {
        0 => plain.security.clone(),
        _ => sddl::parse("O:BAG:SYD:P(A;OICI;FA;;;BA)(A;;FR;;;BU)").unwrap().into(),
    };
    let mut attributes = Attributes::from_bits_retain([0, 0x20, 0x27][usize::from(seed % 3)]);
    attributes.set(Attributes::DIRECTORY, is_directory);
    FileMetadata { attributes, times: times(seed), security, eas: eas.sorted(), reparse, ..plain }
}

fn a_place() -> impl Strategy<Value = Place> {
    prop::collection::vec(0..8u8, 1..4)
}

fn some_data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(0..3u8, 1..4),
        (0..2u8, prop::sample::select(vec![511usize, 512, 5000])).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn a_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Directory),
        4 => some_data().prop_map(Kind::File),
        1 => Just(Kind::Link),
        1 => Just(Kind::Special),
    ]
}

pub(super) fn an_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (a_place(), a_kind(), 0..24u8).prop_map(|(at, kind, seed)| Edit::Put(at, kind, seed)),
        3 => (a_place(), a_place()).prop_map(|(new, existing)| Edit::Link(new, existing)),
        1 => (a_place(), 0..3u8, some_data()).prop_map(|(at, name, data)| Edit::Stream(at, name, data)),
        2 => a_place().prop_map(Edit::Delete),
        1 => a_place().prop_map(Edit::Clear),
    ]
}
