//! What a view answers, without a kernel.

use std::sync::Arc;

use super::*;
use crate::cim::ea::EaBuilder;
use crate::cim::io::MemoryDirectory;
use crate::cim::{
    Attributes as WindowsAttributes, FileTime, ImageName, ImagePath, Metadata, Writer, WriterOptions,
};

fn eas(list: &[(&str, u32)]) -> Vec<u8> {
    let mut eas = EaBuilder::new();
    list.iter().for_each(|(name, value)| eas.push(0, name.as_bytes(), &value.to_le_bytes()).unwrap());
    eas.in_order()
}

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

fn put(writer: &mut Writer, at: &str, metadata: &Metadata<'_>, data: &[u8]) {
    let mut stream = writer.create_file(&path(at), metadata, data.len() as u64).unwrap();
    stream.append(data).unwrap();
    stream.finish().unwrap();
}

fn view(kind: ViewKind, fill: impl FnOnce(&mut Writer)) -> View {
    let directory: Arc<dyn crate::cim::io::Directory> = Arc::new(MemoryDirectory::new());
    let name = ImageName::new("a.cim").unwrap();
    let mut writer = Writer::create(directory.clone(), &name, WriterOptions::default()).unwrap();
    fill(&mut writer);
    writer.commit().unwrap();
    View::new(Image::open_in(directory, &name).unwrap(), kind).unwrap()
}

fn mixed(kind: ViewKind) -> View {
    let directory_eas = eas(&[("$LXMOD", 0o040_750)]);
    let file_eas = eas(&[("$LXUID", 1000), ("$LXGID", 100), ("$LXMOD", 0o100_640)]);
    view(kind, |writer| {
        let linux = Metadata { eas: &directory_eas, ..Metadata::directory() };
        writer.create_directory(&path("linux"), &linux).unwrap();
        writer.create_directory(&path("windows"), &Metadata::directory()).unwrap();
        for directory in ["linux", "windows"] {
            let linux = Metadata { eas: &file_eas, ..Metadata::default() };
            put(writer, &format!("{directory}/linux\u{F03A}"), &linux, b"12345");
            let locked = Metadata { attributes: WindowsAttributes::READ_ONLY, ..Metadata::default() };
            put(writer, &format!("{directory}/windows"), &locked, b"");
        }
    })
}

fn find(view: &View, at: &str) -> Option<FileId> {
    at.split('/').try_fold(view.image.root(), |id, name| view.lookup(id, name.as_bytes()).unwrap())
}

fn modes(view: &View, names: [&str; 4]) -> [(u32, u32); 4] {
    names.map(|name| {
        let of = view.attributes(find(view, name).unwrap()).unwrap();
        (of.permissions, of.uid)
    })
}

#[test]
fn each_file_goes_by_where_it_came_from() {
    let names = ["linux", "linux/linux:", "linux/windows", "windows/linux\u{F03A}"];
    let linux_file = (0o640, 1000);
    assert_eq!(modes(&mixed(ViewKind::Auto), names), [(0o750, 0), linux_file, (0o444, 0), linux_file]);
}

#[test]
fn a_view_can_be_forced() {
    let names = ["linux", "linux/linux:", "linux/windows", "windows/linux:"];
    let linux_file = (0o640, 1000);
    assert_eq!(modes(&mixed(ViewKind::Linux), names), [(0o750, 0), linux_file, (0o644, 0), linux_file]);
    let names = names.map(|name| name.replace(':', "\u{F03A}"));
    let names = [0, 1, 2, 3].map(|index| names[index].as_str());
    let (directory, file) = ((0o755, 0), (0o644, 0));
    assert_eq!(modes(&mixed(ViewKind::Windows), names), [directory, file, (0o444, 0), file]);
}

#[test]
fn case_counts_by_directory() {
    let view = mixed(ViewKind::Auto);
    assert!(find(&view, "LINUX").is_some(), "the root has no mark");
    assert!(find(&view, "linux/WINDOWS").is_none());
    assert_eq!(find(&view, "windows/WINDOWS"), find(&view, "windows/windows"));
    let forced = mixed(ViewKind::Linux);
    assert!(find(&forced, "LINUX").is_none());
}

#[test]
fn dots_are_names_too() {
    let view = mixed(ViewKind::Auto);
    let linux = find(&view, "linux");
    assert_eq!(find(&view, "linux/."), linux);
    assert_eq!(find(&view, "linux/.."), Some(view.image.root()));
    assert_eq!(find(&view, "../.."), Some(view.image.root()));
    assert_eq!(find(&view, "linux/linux:/.."), linux);
}

#[test]
fn a_listing_goes_on_from_every_entry() {
    let view = view(ViewKind::Auto, |writer| {
        for number in 0..20 {
            put(writer, &format!("file{number:02}"), &Metadata::default(), b"");
        }
    });
    let from = |start, most: usize| {
        let mut seen = Vec::new();
        let listed = view.list(view.image.root(), start, |entry| {
            if seen.len() < most {
                seen.push((entry.next, entry.name.to_vec(), entry.id));
            }
            seen.len() < most
        });
        listed.unwrap();
        seen
    };
    let all = from(0, usize::MAX);
    assert_eq!(all.len(), 22);
    assert_eq!(
        (all[0].1.as_slice(), all[1].1.as_slice(), all[2].1.as_slice()),
        (&b"."[..], &b".."[..], &b"file00"[..])
    );
    for (index, (next, _, _)) in all.iter().enumerate() {
        assert_eq!(from(*next, usize::MAX), all[index + 1..], "behind {next}");
        assert_eq!(from(0, index + 1), all[..=index]);
    }
    assert!(from(u64::MAX, usize::MAX).is_empty());
}

#[test]
fn holes_and_data_are_told_apart() {
    let view = view(ViewKind::Auto, |writer| {
        put(writer, "file", &Metadata::default(), b"12345");
        put(writer, "empty", &Metadata::default(), b"");
    });
    let file = find(&view, "file").unwrap();
    assert_eq!(view.seek(file, 2, false).unwrap(), Some(2));
    assert_eq!(view.seek(file, 2, true).unwrap(), Some(5));
    assert_eq!(view.seek(file, 5, true).unwrap(), None);
    assert_eq!(view.seek(find(&view, "empty").unwrap(), 0, false).unwrap(), None);
}

#[test]
fn what_is_no_link_has_no_target() {
    let view = mixed(ViewKind::Auto);
    assert!(matches!(view.target(view.image.root()), Err(ViewError::NotALink)));
    let beyond = FileId::from_raw(5000).unwrap();
    assert!(matches!(view.attributes(beyond), Err(ViewError::Image(_))));
}

#[test]
fn views_have_names() {
    for kind in [ViewKind::Auto, ViewKind::Linux, ViewKind::Windows] {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    let unknown = "Linux".parse::<ViewKind>().unwrap_err();
    assert_eq!(unknown.to_string(), "view \"Linux\" is not one of auto, linux and windows");
}

#[test]
fn times_are_those_of_the_record() {
    let view = view(ViewKind::Auto, |writer| {
        let times = [1, 2, 3, 4].map(FileTime::from_raw);
        let [creation_time, last_write_time, change_time, last_access_time] = times;
        let metadata =
            Metadata { creation_time, last_write_time, change_time, last_access_time, ..Metadata::default() };
        put(writer, "file", &metadata, &[7; 513]);
    });
    let of = view.attributes(find(&view, "file").unwrap()).unwrap();
    assert_eq!([of.modified, of.changed, of.accessed], [2, 3, 4].map(FileTime::from_raw));
    assert_eq!((of.size, of.blocks, of.links), (513, 2, 1));
}
