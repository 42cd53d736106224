//! Layers over others.

use super::{Maker, Shape};
use crate::generator::builder::name;
use crate::generator::item::Kind;

impl Maker<'_> {
    pub(super) fn upper(&mut self, shape: Shape) {
        let at = format!("opt/layer-{}", self.index);
        self.room(shape, &at);
        match shape {
            Shape::Upgrade => self.through_links(),
            Shape::Shuffled => {
                self.through_links();
                self.builder.whiteout(b"srv/twins/readme");
            }
            Shape::Rebuilt => self.other_kinds(),
            _ => {}
        }
        self.fill(shape, &at);
    }

    /// Does away with a directory of the base, in one of the ways that there are.
    fn room(&mut self, shape: Shape, at: &str) {
        let room = self.builder.world.rooms[self.index - 1].clone();
        let inside = |name: &str| [&room, b"/".as_slice(), name.as_bytes()].concat();
        let body = self.builder.text(400);
        match shape {
            Shape::Upgrade => {
                self.builder.whiteout(&room);
                self.builder.file(&inside("TWO.txt"), body);
            }
            Shape::Opaque | Shape::Shuffled => {
                self.builder.opaque(&room);
                self.builder.file(&inside("inner/four.txt"), body);
                self.builder.opaque(format!("{at}/not there before").as_bytes());
            }
            Shape::Rebuilt => {
                self.builder.file(&inside("one.txt/now a directory"), body.clone());
                self.builder.file(&inside("inner"), body);
            }
            _ => self.builder.file(&room, body).mode = 0o4755,
        }
    }

    /// Adds files by way of directories that are links in truth.
    fn through_links(&mut self) {
        for directory in ["bin", "lib", "var/run"] {
            self.builder.leave_out(directory.as_bytes());
            let body = self.builder.text(900);
            self.builder.file(format!("{directory}/of layer {}", self.index).as_bytes(), body);
        }
    }

    /// Replaces a link by a directory, a device by a file, a file by a pipe and a file by a link.
    fn other_kinds(&mut self) {
        let body = self.builder.text(900);
        self.builder.file(b"etc/mtab/is a directory", body.clone());
        self.builder.file(b"dev/null", body);
        self.builder.dressed(b"srv/twins/README", Kind::Fifo);
        self.builder.symlink(b"srv/twins/Data", "data");
    }

    /// Fills the rest with new files, and with changes of old ones.
    fn fill(&mut self, shape: Shape, at: &str) {
        for number in 0.. {
            // Even the smallest layer has one of each.
            if number >= 8 && self.builder.left() <= 2048 {
                break;
            }
            match (shape, number % 8) {
                (Shape::Small, 1..) => self.added(at),
                (_, 0) => self.deleted(),
                (_, 1 | 5) => self.replaced(),
                (_, 2) => self.renamed(),
                (_, 3) => self.linked(at, number),
                _ => self.added(at),
            }
        }
    }

    fn added(&mut self, at: &str) {
        let (name, body) = self.texts.take(2048);
        let directory = self.builder.random.below(5);
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

    /// Makes a file anew under another name.
    fn renamed(&mut self) {
        if let Some((path, body)) = self.builder.world.untouched(&mut self.builder.random) {
            self.builder.whiteout(&path);
            self.builder.file(&[&path[..], b" (renamed)"].concat(), body);
        }
    }

    /// Gives a file of a lower layer another name.
    fn linked(&mut self, at: &str, number: u64) {
        if let Some((path, _)) = self.builder.world.untouched(&mut self.builder.random) {
            let new = [format!("{at}/linked/{number} ").as_bytes(), name(&path)].concat();
            self.builder.link(&new, &path);
            self.builder.link(format!("{at}/linked/{number} again").as_bytes(), &new);
        }
    }
}
