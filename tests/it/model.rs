//! Random edit scripts, against a model in memory: in one writer, through forks, through extended images, and as
//! layer sets that are replayed. All must give the same tree, and each image must open again.

use std::collections::BTreeMap;
use std::sync::Arc;

use cimsnap::cim::io::Directory;
use cimsnap::cim::{
    CimError, Guid, Image, ImageName, LayerSet, LayerSetWriter, Metadata, Writer, WriterOptions,
};
use proptest::prelude::*;

use crate::support::{file_metadata, image_name, memory, name, path};

const OPTIONS: WriterOptions = WriterOptions { sync: false, ..WriterOptions::DEFAULT };

#[derive(Clone, Debug)]
enum Edit {
    Directory(String),
    File(String, Vec<u8>),
    Link(String, String),
    Stream(String, String, Vec<u8>),
    DeleteStream(String, String),
    Delete(String),
    Clear(String),
}

impl Edit {
    /// Returns whether a layer set would apply this to the parent's tree, before all other edits.
    fn is_deletion(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::Clear(_))
    }
}

#[derive(Clone, Debug)]
enum Node {
    Directory(BTreeMap<String, (String, usize)>),
    File(Vec<u8>),
}

/// What an image should hold: nodes by number, names folded to upper case.
#[derive(Clone, Debug)]
struct Model {
    nodes: Vec<Node>,
    streams: BTreeMap<usize, BTreeMap<String, (String, Vec<u8>)>>,
}

impl Model {
    fn new() -> Self {
        Self { nodes: vec![Node::Directory(BTreeMap::new())], streams: BTreeMap::new() }
    }

    fn find(&self, at: &str) -> Option<usize> {
        at.split('/').filter(|name| !name.is_empty()).try_fold(0, |node, name| match &self.nodes[node] {
            Node::Directory(names) => names.get(&name.to_uppercase()).map(|(_, child)| *child),
            Node::File(_) => None,
        })
    }

    fn names(&mut self, directory: usize) -> Option<&mut BTreeMap<String, (String, usize)>> {
        match &mut self.nodes[directory] {
            Node::Directory(names) => Some(names),
            Node::File(_) => None,
        }
    }

    fn place<'p>(&self, at: &'p str) -> Option<(usize, &'p str)> {
        let (parent, name) = at.rsplit_once('/').unwrap_or(("", at));
        let parent = self.find(parent)?;
        matches!(self.nodes[parent], Node::Directory(_)).then_some((parent, name))
    }

    fn is_directory(&self, node: usize) -> bool {
        matches!(self.nodes[node], Node::Directory(_))
    }

    /// Applies an edit, or returns `None` where it is not allowed.
    fn apply(&mut self, edit: &Edit) -> Option<()> {
        match edit {
            Edit::Directory(at) => {
                let (parent, name) = self.place(at)?;
                match self.find(at).filter(|&node| self.is_directory(node)) {
                    Some(node) => {
                        self.streams.remove(&node);
                        self.set(parent, name, node);
                    }
                    None => self.add(parent, name, Node::Directory(BTreeMap::new())),
                }
            }
            Edit::File(at, data) => {
                let (parent, name) = self.place(at)?;
                self.add(parent, name, Node::File(data.clone()));
            }
            Edit::Link(new, existing) => {
                let node = self.find(existing).filter(|&node| !self.is_directory(node))?;
                let (parent, name) = self.place(new)?;
                if self.find(new).is_some_and(|replaced| self.is_directory(replaced)) {
                    return None;
                }
                self.set(parent, name, node);
            }
            Edit::Stream(at, stream, data) => {
                let node = self.find(at)?;
                let streams = self.streams.entry(node).or_default();
                streams.insert(stream.to_uppercase(), (stream.clone(), data.clone()));
            }
            Edit::DeleteStream(at, stream) => {
                let node = self.find(at)?;
                self.streams.get_mut(&node)?.remove(&stream.to_uppercase())?;
            }
            Edit::Delete(at) => {
                let (parent, name) = self.place(at)?;
                self.names(parent)?.remove(&name.to_uppercase())?;
            }
            Edit::Clear(at) => {
                let node = self.find(at)?;
                self.names(node)?.clear();
            }
        }
        Some(())
    }

    fn add(&mut self, parent: usize, name: &str, node: Node) {
        self.nodes.push(node);
        self.set(parent, name, self.nodes.len() - 1);
    }

    fn set(&mut self, parent: usize, name: &str, node: usize) {
        let names = self.names(parent).expect("checked by place()");
        names.insert(name.to_uppercase(), (name.to_owned(), node));
    }

    /// Lists everything: path, data or `None` for a directory, streams, and the first path of the same file.
    fn listing(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut first_paths = BTreeMap::new();
        self.list_into(0, "", &mut lines, &mut first_paths);
        lines
    }

    fn list_into(
        &self,
        node: usize,
        at: &str,
        lines: &mut Vec<Line>,
        first_paths: &mut BTreeMap<usize, String>,
    ) {
        let streams = self.streams.get(&node).into_iter().flatten();
        let streams = streams.map(|(_, (name, data))| (name.clone(), data.clone())).collect();
        let same_as = first_paths.entry(node).or_insert_with(|| at.to_owned()).clone();
        match &self.nodes[node] {
            Node::File(data) => lines.push((at.to_owned(), Some(data.clone()), streams, same_as)),
            Node::Directory(names) => {
                lines.push((at.to_owned(), None, streams, same_as));
                for (name, child) in names.values() {
                    self.list_into(*child, &format!("{at}/{name}"), lines, first_paths);
                }
            }
        }
    }
}

/// Path, data, streams, first path of the same file.
type Line = (String, Option<Vec<u8>>, Vec<(String, Vec<u8>)>, String);

fn listing(image: &Image) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut first_paths = BTreeMap::new();
    let mut homes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    image
        .walk(|visit| {
            let at = visit.path()?.to_string();
            let at = if at == "/" { String::new() } else { at };
            let file = &visit.file;
            let read = |stream| -> Result<Vec<u8>, CimError> {
                let data = image.data(stream)?;
                let mut bytes = vec![0; usize::try_from(data.len()).unwrap()];
                assert_eq!(data.read_at(&mut bytes, 0), bytes.len());
                Ok(bytes)
            };
            let mut streams = Vec::new();
            for stream in image.list_streams(file)? {
                let (name, stream) = stream?;
                streams.push((name.to_string(), read(stream)?));
            }
            homes.entry(file.id).or_default().push(visit.directory_id);
            let same_as = first_paths.entry(file.id).or_insert_with(|| at.clone()).clone();
            let data = if file.is_directory() { None } else { Some(read(file.data)?) };
            lines.push((at, data, streams, same_as));
            Ok::<_, CimError>(())
        })
        .unwrap();
    for (id, homes) in homes {
        assert_eq!(image.links().unwrap().count(id) as usize, homes.len(), "links of file {id}");
        let parent = image.file(id).unwrap().parent.expect("every file has a parent");
        assert!(homes.contains(&parent), "file {id} has no name in its parent {parent}");
    }
    lines
}

fn write_edit(writer: &mut Writer, edit: &Edit) -> Result<(), CimError> {
    match edit {
        Edit::Directory(at) => writer.create_directory(&path(at), &Metadata::directory()),
        Edit::File(at, data) => {
            let mut stream = writer.create_file(&path(at), &file_metadata(), data.len() as u64)?;
            stream.append(data)?;
            stream.finish()
        }
        Edit::Link(new, existing) => writer.link(&path(new), &path(existing)),
        Edit::Stream(at, stream, data) => {
            let mut stream = writer.create_stream(&path(at), &name(stream), data.len() as u64)?;
            stream.append(data)?;
            stream.finish()
        }
        Edit::DeleteStream(at, stream) => writer.delete_stream(&path(at), &name(stream)),
        Edit::Delete(at) => writer.delete(&path(at)),
        Edit::Clear(at) => writer.clear_directory(&path(at)),
    }
}

fn note_edit(writer: &mut LayerSetWriter, edit: &Edit) -> Result<(), CimError> {
    match edit {
        Edit::Directory(at) => writer.create_directory(&path(at), &Metadata::directory()),
        Edit::File(at, data) => {
            let mut stream = writer.create_file(&path(at), &file_metadata(), data.len() as u64)?;
            stream.append(data)?;
            stream.finish()
        }
        Edit::Link(new, existing) => writer.link(&path(new), &path(existing)),
        Edit::Stream(at, stream, data) => {
            let mut stream = writer.create_stream(&path(at), &name(stream), data.len() as u64)?;
            stream.append(data)?;
            stream.finish()
        }
        Edit::DeleteStream(..) => unreachable!("layers do not delete streams"),
        Edit::Delete(at) => writer.delete(&path(at)),
        Edit::Clear(at) => writer.clear_directory(&path(at)),
    }
}

fn open(directory: &Arc<dyn Directory>, name: &ImageName) -> Image {
    Image::open_in(directory.clone(), name).unwrap()
}

fn generation(number: usize) -> ImageName {
    image_name(&format!("{number}.cim"))
}

/// Applies the script in one writer and compares each answer with the model's.
fn in_one_writer(script: &[Edit], model: &mut Model) {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &generation(0), OPTIONS).unwrap();
    for edit in script {
        let (expected, got) = (model.apply(edit), write_edit(&mut writer, edit));
        assert_eq!(expected.is_some(), got.is_ok(), "{edit:?}: {got:?}");
    }
    writer.commit().unwrap();
    assert_eq!(listing(&open(&directory, &generation(0))), model.listing());
}

/// Applies pieces of the script, each in a writer of its own, and compares after each.
fn in_generations(script: &[Edit], piece: usize, extend: bool) {
    let directory = memory();
    let mut model = Model::new();
    Writer::create(directory.clone(), &generation(0), OPTIONS).unwrap().commit().unwrap();
    for (number, piece) in script.chunks(piece).enumerate() {
        let (old, new) = if extend { (0, 0) } else { (number, number + 1) };
        let (old, new) = (generation(old), generation(new));
        let mut writer = Writer::open(directory.clone(), Some(&old), Some(&new), OPTIONS).unwrap();
        for edit in piece {
            let (expected, got) = (model.apply(edit), write_edit(&mut writer, edit));
            assert_eq!(expected.is_some(), got.is_ok(), "{edit:?}: {got:?}");
        }
        writer.commit().unwrap();
        assert_eq!(listing(&open(&directory, &new)), model.listing());
    }
}

/// Writes pieces of the script as layer sets, then forks one on the other. In a layer, deletions come first, and
/// what the model does not allow is left out.
fn as_layer_sets(script: &[Edit], piece: usize) {
    let directory = memory();
    let mut model = Model::new();
    let mut parent: Option<ImageName> = None;
    for (number, piece) in script.chunks(piece).enumerate() {
        let guid = Guid::from_content([u8::try_from(number).unwrap(); 16]);
        let mut layer = LayerSetWriter::create(directory.clone(), guid, OPTIONS).unwrap();
        let (deletions, edits): (Vec<_>, Vec<_>) = piece.iter().partition(|edit| edit.is_deletion());
        for edit in &deletions {
            let _absent_is_fine = model.apply(edit);
        }
        for edit in edits {
            if !matches!(edit, Edit::DeleteStream(..)) && model.apply(edit).is_some() {
                note_edit(&mut layer, edit).unwrap();
            }
        }
        // Wherever they stand in a layer, deletions act first.
        for edit in deletions {
            note_edit(&mut layer, edit).unwrap();
        }
        layer.finish().unwrap();
        let layer = LayerSet::open(directory.clone(), guid).unwrap();
        layer.commit(parent.as_ref(), &generation(number), OPTIONS).unwrap();
        assert_eq!(listing(&open(&directory, &generation(number))), model.listing());
        parent = Some(generation(number));
    }
}

fn a_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "A", "b", "é", "É"]).prop_map(str::to_owned)
}

fn a_path() -> impl Strategy<Value = String> {
    prop::collection::vec(a_name(), 1..4).prop_map(|names| names.join("/"))
}

fn some_data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(0..3u8, 1..4),
        (0..3u8, prop::sample::select(vec![4095usize, 4096, 5000])).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

fn an_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => a_path().prop_map(Edit::Directory),
        4 => (a_path(), some_data()).prop_map(|(at, data)| Edit::File(at, data)),
        3 => (a_path(), a_path()).prop_map(|(new, existing)| Edit::Link(new, existing)),
        2 => (a_path(), a_name(), some_data()).prop_map(|(at, name, data)| Edit::Stream(at, name, data)),
        1 => (a_path(), a_name()).prop_map(|(at, name)| Edit::DeleteStream(at, name)),
        2 => a_path().prop_map(Edit::Delete),
        1 => a_path().prop_map(Edit::Clear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edit_scripts_follow_the_model(script in prop::collection::vec(an_edit(), 1..100), piece in 1..30usize) {
        in_one_writer(&script, &mut Model::new());
        in_generations(&script, piece, false);
        in_generations(&script, piece, true);
        as_layer_sets(&script, piece);
    }
}
