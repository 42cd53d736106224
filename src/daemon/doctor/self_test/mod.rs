//! The self-test of a node: images that `cimfs.dll` and the portable engine write, mounted through the driver and compared with
//! what was written.
//!
//! ```text
//!   sample ──► write ──► native/base.cim, fork.cim        by the library
//!      │            └──► portable/base.cim, fork.cim      by the portable engine
//!      └─────► compare ◄── views: the library's read functions, the portable reader, the mounted volume
//! ```
//!
//! * The sample is a model of its own: it shares no code with a writer.
//! * Each step is independent: one that fails lets the others go on; one that cannot run says why.
//! * Volumes are dismounted and files deleted in any case, also after Ctrl-C.

mod compare;
mod content;
mod images;
#[cfg_attr(windows, path = "platform_windows.rs")]
mod platform;
mod report;
mod sample;
mod tree;
mod views;
mod volume;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

pub use report::{Export, Outcome, Report, Step, Verdict};

use crate::sys::cimfs::Cimfs;
use crate::sys::{asked_to_end, make_private};
use images::{Engine, IMAGES};
use report::Trouble;
use tree::Tree;
use volume::Volume;

/// What a self-test works with.
#[derive(Clone, Debug)]
pub struct SelfTest {
    /// The library; that of the system if not given.
    pub library: Option<PathBuf>,
    /// Where the images are written, in a directory of their own.
    pub directory: PathBuf,
}

impl SelfTest {
    /// Runs all steps. `tell` receives what there is to report as soon as it is known.
    pub fn run(&self, tell: &mut dyn FnMut(Event<'_>)) -> Report {
        let mut run = Run { report: Report::new(), tell };
        let loaded = self.load();
        run.report.describe(loaded.as_ref().ok().map(|(library, _)| library));
        (run.tell)(Event::Node(&run.report));
        let library = run.step("load the library", || loaded);
        let place = self.directory.join(format!("cimsnap-self-test-{}", std::process::id()));
        if run.step("make a directory", || make(&place)).is_some() {
            for engine in Engine::ALL {
                run.engine(engine, library.as_ref(), &place.join(engine.as_str()));
            }
            run.clean(&place);
        }
        run.report
    }

    fn load(&self) -> Result<(Cimfs, String), Trouble> {
        let library = Cimfs::find(self.library.as_deref())?;
        let lacks = library.lacks_to_write();
        let path = library.path().display().to_string();
        match lacks.is_empty() {
            true => Ok((library, path)),
            false => Err(Trouble::new(format!("{path} does not export {}", lacks.join(", ")))),
        }
    }
}

/// What a self-test has to report while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Event<'r> {
    /// What the node is; the report has no steps yet.
    Node(&'r Report),
    /// A step has ended.
    Step(&'r Step),
}

/// Makes a directory that must not exist yet, so that nobody else has anything in it.
fn make(place: &Path) -> Result<((), String), Trouble> {
    if place.symlink_metadata().is_ok() {
        return Err(Trouble::new(format!("{} exists already", place.display())));
    }
    for engine in Engine::ALL {
        make_private(&place.join(engine.as_str()))?;
    }
    Ok(((), place.display().to_string()))
}

/// A self-test that is running.
struct Run<'a> {
    report: Report,
    tell: &'a mut dyn FnMut(Event<'_>),
}

impl Run<'_> {
    /// Runs a step, unless the program was asked to end.
    fn step<T>(
        &mut self,
        name: impl Into<String>,
        step: impl FnOnce() -> Result<(T, String), Trouble>,
    ) -> Option<T> {
        let name = name.into();
        if asked_to_end() {
            self.report.is_interrupted = true;
            self.end(Step::skipped(name, "the self-test was interrupted"));
            return None;
        }
        match step() {
            Ok((value, detail)) => {
                self.end(Step::ok(name, detail));
                Some(value)
            }
            Err(trouble) => {
                self.end(Step::troubled(name, trouble));
                None
            }
        }
    }

    fn skip(&mut self, name: impl Into<String>, reason: &str) {
        self.end(Step::skipped(name.into(), reason));
    }

    fn end(&mut self, step: Step) {
        (self.tell)(Event::Step(&step));
        self.report.steps.push(step);
    }

    /// Writes the images of an engine and looks at each in every way.
    fn engine(&mut self, engine: Engine, library: Option<&Cimfs>, directory: &Path) {
        let mut tree = Tree::default();
        for (image, parent) in IMAGES {
            let edits = images::edits(image);
            tree.apply(&edits);
            let name = |verb: &str| format!("{verb} {engine} {image}");
            let written = match (engine, library) {
                (Engine::Native, None) => {
                    self.skip(name("write"), "there is no library");
                    None
                }
                (Engine::Native, Some(library)) => self
                    .step(name("write"), || write::native(library, directory, parent, image, &edits, &tree)),
                (Engine::Portable, _) => {
                    self.step(name("write"), || write::portable(directory, parent, image, &edits))
                }
            };
            if written.is_none() {
                self.skip(name("look at"), "it was not written");
                return;
            }
            self.look(engine, image, library, directory, &tree);
        }
    }

    fn look(&mut self, engine: Engine, image: &str, library: Option<&Cimfs>, directory: &Path, tree: &Tree) {
        let path = directory.join(image);
        let name = |verb: &str| format!("{verb} {engine} {image}");
        self.step(name("check"), || views::check(&path));
        self.step(name("compare by the portable reader"), || {
            compare::compare(tree, &mut views::Portable::open(&path)?)
        });
        let Some(library) = library else {
            return self.skip(name("mount"), "there is no library");
        };
        self.step(name("compare by the library"), || {
            compare::compare(tree, &mut views::ThroughLibrary::open(library, &path)?)
        });
        let Some(volume) = self.step(name("mount"), || Volume::mount(library, directory, image)) else {
            return self.skip(name("compare the volume of"), "it is not mounted");
        };
        self.step(name("compare the volume of"), || {
            compare::compare(tree, &mut views::Mounted::new(volume.root()))
        });
        // A volume is dismounted also when the program was asked to end.
        let dismounted = volume.dismount();
        self.end(match dismounted {
            Ok(()) => Step::ok(name("dismount"), String::new()),
            Err(trouble) => Step::troubled(name("dismount"), trouble),
        });
    }

    /// Deletes what was written, also when the program was asked to end.
    fn clean(&mut self, place: &Path) {
        let name = "delete the images".to_owned();
        self.end(match fs::remove_dir_all(place) {
            Ok(()) => Step::ok(name, String::new()),
            Err(error) => Step::troubled(name, Trouble::new(format!("{}: {error}", place.display()))),
        });
        self.report.is_interrupted |= asked_to_end();
    }
}
