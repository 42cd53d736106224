//! Layers of Linux.

mod base;
mod special;
mod upper;

use std::path::PathBuf;

use super::archive::Style;
use super::builder::{Builder, Habits, World};
use super::item::{Item, Kind};
use super::random::Random;
use super::sources::Pool;
use super::{Content, Options};

/// What a layer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Base,
    /// Files are replaced, deleted, linked to, and reached through links to directories.
    Upgrade,
    /// Many small files.
    Small,
    /// Opaque directories; GNU entries for long names.
    Opaque,
    /// Entries in no order at all.
    Shuffled,
    /// Things are replaced by things of another kind.
    Rebuilt,
    Empty,
}

const UPPER: [Shape; 6] =
    [Shape::Upgrade, Shape::Small, Shape::Opaque, Shape::Shuffled, Shape::Rebuilt, Shape::Empty];

/// Makes the layers of an image, one after the other.
pub(super) struct Linux {
    random: Random,
    world: World,
    /// The tree that is sampled, and where it lies in the image; none where content is synthetic.
    root: Option<(PathBuf, &'static str)>,
    texts: Pool,
}

impl Linux {
    pub(super) fn new(options: &Options) -> Self {
        let random = Random::new(options.seed).fork("linux");
        let texts = Pool::synthetic_texts(random.fork("texts"));
        let root = match (options.content, &options.root) {
            (Content::Synthetic, _) => None,
            (Content::Machine, Some(root)) => Some((root.clone(), "")),
            (Content::Machine, None) => Some((PathBuf::from("/usr"), "usr")),
        };
        Self { random, world: World::default(), root, texts }
    }

    pub(super) fn layer(&mut self, index: usize, size: u64, layers: usize) -> (Shape, Style, Vec<Item>) {
        let shape = if index == 0 { Shape::Base } else { UPPER[(index - 1) % UPPER.len()] };
        let random = self.random.fork(&format!("layer {index}"));
        let habits = Habits { dress, lists_parents: true, bare_links: false, case_counts: true };
        let builder = Builder::new(random, &mut self.world, habits, size);
        let mut maker = Maker { builder, texts: &mut self.texts, index };
        match shape {
            Shape::Base => maker.base(self.root.as_ref(), layers),
            Shape::Empty => {}
            shape => maker.upper(shape),
        }
        (shape, Style { slashes: true, gnu: shape == Shape::Opaque }, maker.builder.finish())
    }
}

/// One layer under construction.
struct Maker<'a> {
    builder: Builder<'a>,
    texts: &'a mut Pool,
    index: usize,
}

/// Gives an entry owner, mode, times and extended attributes.
fn dress(random: &mut Random, item: &mut Item) {
    item.modified = (1_500_000_000 + random.below(200_000_000), random.below(1_000_000_000) as u32);
    item.owner = *random.pick(&[(0, 0), (0, 0), (0, 0), (0, 8), (1000, 1000), (3_000_000, 3_000_001)]);
    adorn(random, item);
}

/// cap_net_bind_service+ep
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Adds what the files of a machine seldom have.
fn adorn(random: &mut Random, item: &mut Item) {
    if item.modified.1 != 0 {
        item.record("mtime", format!("{}.{:09}", item.modified.0, item.modified.1));
    }
    if !matches!(item.kind, Kind::File(_) | Kind::Directory) {
        return;
    }
    match random.below(50) {
        0 => item.record("SCHILY.xattr.security.capability", CAPABILITY),
        1 => item.record("SCHILY.xattr.user.note", "first line\nsecond line=\0\u{e9}"),
        2 => item.record("SCHILY.xattr.user.binary", random.bytes(200)),
        3 => item.mode |= 0o4000,
        4 => item.mode |= 0o2000,
        5 => item.mode |= 0o1000,
        6 => item.mode &= !0o077,
        _ => {}
    }
}
