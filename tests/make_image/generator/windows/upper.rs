//! Layers over others.

use super::hives;
use super::{Maker, Shape, special};
use crate::generator::builder::{name, parent};
use crate::generator::item::Body;
use crate::generator::names::swap_case;

impl Maker<'_> {
    pub(super) fn upper(&mut self, shape: Shape) {
        self.builder.directory(b"Files");
        let at = format!("Files/Program Files/Layer {}", self.index);
        self.room(shape, &at);
        match shape {
            Shape::Windows => {
                self.deltas(&["System_Delta", "Software_Delta", "DefaultUser_Delta"]);
                self.builder.directory(&at.clone().into_bytes());
                special::streams(&mut self.builder, &at);
                special::links(&mut self.builder, &at);
                special::other_case(&mut self.builder);
            }
            Shape::BuildKit => {
                self.builder.directory(b"Hives");
                // Neither says whether it leads to a directory.
                self.builder.symlink(format!("{at}/current").as_bytes(), "Files/elsewhere");
                self.builder.symlink(format!("{at}/previous").as_bytes(), r"..\Layer 1");
            }
            Shape::Shuffled => {
                self.deltas(&["SOFTWARE_DELTA", "SAM_Delta"]);
                special::streams(&mut self.builder, &at);
                special::links(&mut self.builder, &at);
            }
            _ => {}
        }
        self.fill(&at);
    }

    /// Does away with a directory of the base, in the way that the layer's tool has.
    fn room(&mut self, shape: Shape, at: &str) {
        let room = self.builder.world.rooms[self.index - 1].clone();
        let inside = |name: &str| [&room, b"/".as_slice(), name.as_bytes()].concat();
        let body = self.builder.text(400);
        match shape {
            // Deleted and made again.
            Shape::Windows | Shape::Shuffled => {
                self.builder.whiteout(&room);
                self.builder.file(&inside("TWO.txt"), body);
            }
            // A directory in place of a file, and a file in place of a directory.
            Shape::BuildKit => {
                self.builder.file(&inside("one.txt/now a directory"), body.clone());
                self.builder.file(&inside("inner"), body);
            }
            Shape::Opaque => {
                self.builder.opaque(&inside("inner"));
                self.builder.file(&inside("inner/four.txt"), body);
                self.builder.opaque(format!("{at}/not there before").as_bytes());
            }
            _ => self.builder.file(&room, body).mode = 0o755,
        }
    }

    fn deltas(&mut self, names: &[&str]) {
        self.builder.directory(b"Hives");
        for name in names {
            let mut random = self.builder.random.fork(name);
            let hive = hives::delta(&mut random, self.keys);
            self.builder.file(format!("Hives/{name}").as_bytes(), Body::Bytes(hive));
        }
    }

    /// Fills the rest with new files, and with changes of old ones.
    fn fill(&mut self, at: &str) {
        let longest = (self.builder.left() / 8).max(4096);
        for number in 0.. {
            // Even the smallest layer has one of each.
            if number >= 8 && self.builder.left() <= 2048 {
                break;
            }
            match number % 8 {
                0 => self.deleted(),
                1 | 5 => self.replaced(),
                2 => self.renamed(),
                3 => self.linked(at, number),
                _ => self.added(at, longest),
            }
        }
    }

    fn added(&mut self, at: &str, longest: u64) {
        let is_module = self.builder.random.percent(25);
        let max = longest.min(self.builder.left().max(2048));
        let (name, body) =
            if is_module { self.modules.take(max) } else { self.texts.take(max.min(64 << 10)) };
        let directory = if is_module { "bin" } else { "share/text" };
        let path = self.builder.world.unused(&format!("{at}/{directory}/{name}"));
        self.builder.fair_game(path.as_bytes(), body);
    }

    fn deleted(&mut self) {
        if let Some((path, _)) = self.builder.world.untouched(&mut self.builder.random) {
            self.builder.whiteout(&path);
        }
    }

    fn replaced(&mut self) {
        if let Some((path, body)) = self.builder.world.untouched(&mut self.builder.random) {
            let seed = self.builder.random.next();
            self.builder.file(&path, body.changed(seed));
        }
    }

    /// Replaces a file by one whose name differs in its case.
    fn renamed(&mut self) {
        if let Some((path, body)) = self.builder.world.untouched(&mut self.builder.random) {
            let name = swap_case(&String::from_utf8_lossy(name(&path)));
            self.builder.file(&[parent(&path), b"/", name.as_bytes()].concat(), body);
        }
    }

    /// Gives a file of a lower layer another name.
    fn linked(&mut self, at: &str, number: u64) {
        if let Some((path, _)) = self.builder.world.untouched(&mut self.builder.random) {
            let new = format!("{at}/linked/{number} {}", String::from_utf8_lossy(name(&path)));
            self.builder.link(new.as_bytes(), &path);
            self.builder.link(format!("{at}/linked/{number} again").as_bytes(), new.as_bytes());
        }
    }
}
