//! Says of an image what `oracle.py` says of its layers, in the same words.

use std::collections::{BTreeMap, HashMap};

use cimsnap::cim::format::Stream;
use cimsnap::cim::reader::File;
use cimsnap::cim::wsl::FileType;
use cimsnap::cim::{FileId, Image};
use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::LayerOs;
use cimsnap::mount::ViewKind;
use cimsnap::mount::view::View;

/// What there is at each path. A path begins with a slash; that of the root is empty.
pub(super) type Listing = BTreeMap<Vec<u8>, String>;

pub(super) fn listing(image: Image, os: LayerOs) -> Listing {
    let view = View::new(image, ViewKind::Auto).unwrap();
    let mut names: HashMap<FileId, Vec<Vec<u8>>> = HashMap::new();
    let mut found = Vec::new();
    walk(&view, os, view.image().root(), b"", &mut |path, id| {
        names.entry(id).or_default().push(path.to_vec());
        found.push((path.to_vec(), id));
    });
    let described = found.into_iter().map(|(path, id)| {
        let mut facts = match os {
            LayerOs::Linux => linux(&view, id),
            LayerOs::Windows => windows(view.image(), id),
        };
        let all = &names[&id];
        if let (2.., Some(first)) = (all.len(), all.iter().min()) {
            facts += &format!(" as {}", hex(first));
        }
        (path, facts)
    });
    described.collect()
}

fn walk(view: &View, os: LayerOs, id: FileId, path: &[u8], visit: &mut impl FnMut(&[u8], FileId)) {
    visit(path, id);
    for (name, child) in children(view, os, id) {
        walk(view, os, child, &[path, b"/", &name].concat(), visit);
    }
}

fn children(view: &View, os: LayerOs, id: FileId) -> Vec<(Vec<u8>, FileId)> {
    let file = view.image().file(id).unwrap();
    if !file.is_directory() || file.is_reparse_point() {
        return Vec::new();
    }
    let mut children = Vec::new();
    match os {
        LayerOs::Linux => view.list(id, 0, |entry| {
            children.push((entry.name.to_vec(), entry.id));
            true
        }),
        LayerOs::Windows => {
            let entries = view.image().list(&file).unwrap().map(Result::unwrap);
            children.extend(entries.map(|(name, id)| (name.to_wtf8(), id)));
            Ok(())
        }
    }
    .unwrap();
    children.retain(|(name, _)| !matches!(&name[..], b"." | b".."));
    children
}

fn linux(view: &View, id: FileId) -> String {
    let it = view.attributes(id).unwrap();
    let file = view.image().file(id).unwrap();
    let mode = it.file_type.mode_bits() | it.permissions;
    let mut facts = format!("mode={mode:o} owner={}:{} times={}", it.uid, it.gid, times(&file));
    match it.file_type {
        FileType::CharDevice | FileType::BlockDevice => {
            facts += &format!(" device={}:{}", it.device.major, it.device.minor);
        }
        FileType::Symlink => facts += &format!(" target={}", hex(&view.target(id).unwrap())),
        FileType::Regular => facts += &format!(" data={}", content(view.image(), file.data)),
        _ => {}
    }
    let names = view.xattr_names(id).unwrap();
    let mut names: Vec<&[u8]> = names.split(|&byte| byte == 0).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    for name in names {
        let value = view.xattr(id, name).unwrap();
        facts += &format!(" {}={}", String::from_utf8_lossy(name), hex(&value));
    }
    facts
}

fn windows(image: &Image, id: FileId) -> String {
    let file = image.file(id).unwrap();
    if id == image.root() {
        return "root".to_owned();
    }
    let security = hex(image.security(&file).unwrap().unwrap_or_default());
    let mut facts =
        format!("attributes={:#x} times={} security={security}", file.attributes().bits(), times(&file));
    for (what, bytes) in
        [("eas", image.eas(&file).unwrap()), ("reparse", image.reparse(&file).unwrap().unwrap_or_default())]
    {
        if !bytes.is_empty() {
            facts += &format!(" {what}={}", hex(bytes));
        }
    }
    if !file.is_directory() {
        facts += &format!(" data={}", content(image, file.data));
    }
    let streams = image.list_streams(&file).unwrap().map(Result::unwrap);
    let mut streams: Vec<String> = streams
        .map(|(name, stream)| format!(" stream:{}={}", hex(&name.to_wtf8()), content(image, stream)))
        .collect();
    streams.sort();
    facts + &streams.concat()
}

fn times(file: &File) -> String {
    let times = [file.creation_time, file.last_write_time, file.change_time, file.last_access_time];
    times.map(|time| time.raw().to_string()).join(",")
}

fn content(image: &Image, stream: Stream) -> String {
    let data = image.data(stream).unwrap();
    let mut bytes = vec![0; data.len().try_into().unwrap()];
    assert_eq!(data.read_at(&mut bytes, 0), bytes.len());
    format!("{} {}", bytes.len(), Digest::of(&bytes).hex())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
