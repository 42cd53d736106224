//! What the database says beside what lies on the disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::super::usage::measure;
use super::{Fault, Finding, Remedy, Report, SnapshotError, Snapshots, Subject};
use crate::cim::{Guid, files};
use crate::layer::digest::Digest;
use crate::store::{FileRow, ImageRow, Kind, LayerRow, Look, NATIVE, SnapshotRow, image_name};

/// One state of everything.
pub(super) struct Survey {
    pub(super) snapshots: BTreeMap<String, SnapshotRow>,
    pub(super) images: BTreeMap<Digest, ImageRow>,
    pub(super) layers: HashMap<Guid, LayerRow>,
    /// The directory of images.
    directory: PathBuf,
    /// Bytes of its files.
    sizes: BTreeMap<String, u64>,
    /// Snapshots whose directory is not there.
    lost: Vec<(String, PathBuf)>,
    /// Directories that no snapshot has.
    stray: Vec<(PathBuf, u64)>,
}

impl Snapshots {
    /// Looks at everything. Nobody may be publishing.
    pub(super) fn survey(&self) -> Result<Survey, SnapshotError> {
        let (snapshots, images, layers) = self.store.read(|reader| {
            Ok::<_, SnapshotError>((reader.snapshots()?, reader.images()?, reader.layers()?))
        })?;
        let writable = snapshots.iter().filter(|(_, row)| row.kind != Kind::Committed);
        let written = writable.map(|(key, row)| (key.clone(), self.shown.written(self.store.root(), row.id)));
        let lost = written.filter(|(_, written)| !written.is_dir()).collect();
        let mut stray = Vec::new();
        for path in self.stale_directories()? {
            let bytes = measure(&path)?.bytes;
            stray.push((path, bytes));
        }
        Ok(Survey {
            snapshots: snapshots.into_iter().collect(),
            images: images.into_iter().collect(),
            layers: layers.into_iter().collect(),
            directory: self.store.root().images(),
            sizes: self.sizes()?,
            lost,
            stray,
        })
    }

    /// Lists the directory of images.
    fn sizes(&self) -> Result<BTreeMap<String, u64>, SnapshotError> {
        let directory = self.store.lease().directory();
        let mut names = directory.list().map_err(SnapshotError::io("list", directory.path()))?;
        names.retain(|name| name != NATIVE);
        names.extend(self.native_files()?);
        // A file that is gone by now was a writer's own.
        let len =
            |name: &String| directory.path().join(name).symlink_metadata().ok().map(|found| found.len());
        Ok(names.into_iter().filter_map(|name| len(&name).map(|len| (name, len))).collect())
    }
}

impl Survey {
    /// Tells what does not fit.
    pub(super) fn report(&self) -> Report {
        let count = |len| u64::try_from(len).unwrap_or(u64::MAX);
        let mut report = Report {
            snapshots: count(self.snapshots.len()),
            images: count(self.images.len()),
            layers: count(self.layers.len()),
            files: count(self.sizes.len()),
            ..Report::default()
        };
        report.findings.extend(self.in_layers());
        report.findings.extend(self.in_images());
        report.findings.extend(self.in_snapshots());
        report.findings.extend(self.strays());
        report
    }

    fn in_layers(&self) -> impl Iterator<Item = Finding> {
        self.layers.iter().flat_map(|(set, row)| {
            let faults = self.in_files(&row.files);
            faults.map(|fault| Finding::new(Subject::Layer(*set), fault, Remedy::Convert))
        })
    }

    fn in_images(&self) -> impl Iterator<Item = Finding> {
        self.images.iter().flat_map(|(chain, row)| {
            let subject = Subject::Image(*chain);
            let files = self.in_files(&row.files).map(|fault| (fault, Remedy::Fork));
            let parent = row.parent.filter(|parent| !self.images.contains_key(parent));
            let parent = parent.map(|parent| (Fault::NoParent(parent), Remedy::Fork));
            let layer = Some(row.layer).filter(|layer| !self.layers.contains_key(layer));
            let layer = layer.map(|layer| (Fault::NoLayer(layer), gone()));
            let all = files.chain(parent).chain(layer);
            all.map(move |(fault, remedy)| Finding::new(subject.clone(), fault, remedy))
        })
    }

    fn in_files(&self, files: &[FileRow]) -> impl Iterator<Item = Fault> {
        files.iter().filter_map(|file| {
            let path = self.path(&file.name);
            match self.sizes.get(&file.name) {
                None => Some(Fault::Missing(path)),
                Some(&found) if found != file.size => {
                    Some(Fault::Size { file: path, expected: file.size, found })
                }
                Some(_) => None,
            }
        })
    }

    fn in_snapshots(&self) -> impl Iterator<Item = Finding> {
        let images = self.snapshots.iter().filter_map(|(key, row)| {
            let chain = row.image.filter(|chain| !self.images.contains_key(chain))?;
            Some(Finding::new(Subject::Snapshot(key.clone()), Fault::NoImage(chain), Remedy::Fork))
        });
        let lost = self.lost.iter().map(|(key, upper)| {
            let fault = Fault::Missing(upper.clone());
            Finding::new(Subject::Snapshot(key.clone()), fault, Remedy::RemoveSnapshot)
        });
        images.chain(lost)
    }

    fn strays(&self) -> impl Iterator<Item = Finding> {
        let known = self.known_names();
        let sets = self.sets_without_files();
        let files = self.sizes.iter().filter_map(move |(name, &bytes)| {
            let set = files::set_of(name);
            // Unpublished files are their writer's.
            if known.contains(name)
                || name.ends_with(files::PART)
                || set.is_some_and(|set| sets.contains(&set))
            {
                return None;
            }
            let native = name.starts_with(NATIVE);
            let (fault, remedy) = match set.is_some() || native || name.ends_with(files::IMAGE) {
                true => (Fault::NoRow { bytes }, Remedy::Remove),
                false => (Fault::NotOurs { bytes }, Remedy::Look),
            };
            Some(Finding::new(Subject::Stray(self.path(name)), fault, remedy))
        });
        let directories = self.stray.iter().map(|(path, bytes)| {
            Finding::new(Subject::Stray(path.clone()), Fault::NoRow { bytes: *bytes }, Remedy::Remove)
        });
        files.chain(directories)
    }

    fn known_names(&self) -> HashSet<String> {
        let layers = self.layers.values().map(|row| &row.files);
        let images = self.images.values().map(|row| &row.files);
        let mut names: HashSet<String> =
            layers.chain(images).flatten().map(|file| file.name.clone()).collect();
        names
            .extend(self.images.keys().filter_map(|chain| Some(image_name(chain).ok()?.as_str().to_owned())));
        names.insert(files::LOCK.to_owned());
        names
    }

    /// Returns the sets of which it was not written down which files they have.
    fn sets_without_files(&self) -> HashSet<Guid> {
        let layers = self.layers.iter().filter(|(_, row)| row.files.is_empty()).map(|(set, _)| *set);
        let trees = self.images.values().filter(|row| row.files.is_empty()).filter_map(|row| row.tree);
        layers.chain(trees).collect()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Returns an image with those that it consists of, itself first.
    pub(super) fn line(&self, chain: Digest) -> impl Iterator<Item = (Digest, &ImageRow)> {
        let known = move |chain: Digest| self.images.get_key_value(&chain).map(|(chain, row)| (*chain, row));
        // Rows could only lead in a circle if somebody had written them so.
        std::iter::successors(known(chain), move |(_, row)| row.parent.and_then(known))
            .take(self.images.len())
    }
}

fn gone() -> Remedy {
    Remedy::Pull("nothing is known of its blob".to_owned())
}
