//! Layers of Windows.

mod base;
mod hives;
mod records;
mod special;
mod upper;

use super::archive::Style;
use super::builder::{Builder, Habits, World};
use super::item::Item;
use super::random::Random;
use super::sources::Pool;
use super::{Content, Options};

/// Whose layer it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Base,
    /// An export of Windows, with the changes of its registry.
    Windows,
    /// BuildKit, on Linux.
    BuildKit,
    /// crane, which lists no parents.
    Crane,
    /// An export of Windows in no order at all.
    Shuffled,
    /// A tool that knows nothing of Windows, and marks directories as opaque.
    Opaque,
    Empty,
}

const UPPER: [Shape; 6] =
    [Shape::Windows, Shape::BuildKit, Shape::Crane, Shape::Shuffled, Shape::Opaque, Shape::Empty];

/// Makes the layers of an image, one after the other.
pub(super) struct Windows {
    random: Random,
    world: World,
    modules: Pool,
    texts: Pool,
    /// Keys in each of the large hives.
    keys: u64,
}

impl Windows {
    pub(super) fn new(options: &Options) -> anyhow::Result<Self> {
        let random = Random::new(options.seed).fork("windows");
        let (modules, texts) = (random.fork("modules"), random.fork("texts"));
        let (modules, texts) = match options.content {
            Content::Machine => (Pool::modules(modules)?, Pool::texts(texts)),
            Content::Synthetic => (Pool::synthetic_modules(modules), Pool::synthetic_texts(texts)),
        };
        let keys = (options.size >> 16).clamp(24, 20_000);
        Ok(Self { random, world: World::default(), modules, texts, keys })
    }

    pub(super) fn layer(&mut self, index: usize, size: u64, layers: usize) -> (Shape, Style, Vec<Item>) {
        let shape = if index == 0 { Shape::Base } else { UPPER[(index - 1) % UPPER.len()] };
        let random = self.random.fork(&format!("layer {index}"));
        let builder = Builder::new(random, &mut self.world, habits(shape), size);
        let mut maker =
            Maker { builder, modules: &mut self.modules, texts: &mut self.texts, keys: self.keys, index };
        match shape {
            Shape::Base => maker.base(layers),
            Shape::Empty => {}
            shape => maker.upper(shape),
        }
        (
            shape,
            Style { slashes: shape == Shape::Opaque, gnu: shape == Shape::Opaque },
            maker.builder.finish(),
        )
    }
}

fn habits(shape: Shape) -> Habits {
    let dress = match shape {
        Shape::Base => records::base,
        Shape::Windows | Shape::Shuffled | Shape::Empty => records::windows,
        Shape::BuildKit => records::buildkit,
        Shape::Crane => records::crane,
        Shape::Opaque => records::bare,
    };
    let is_crane = shape == Shape::Crane;
    Habits { dress, lists_parents: !is_crane, bare_links: is_crane, case_counts: false }
}

/// One layer under construction.
struct Maker<'a> {
    builder: Builder<'a>,
    modules: &'a mut Pool,
    texts: &'a mut Pool,
    keys: u64,
    index: usize,
}
