//! Small files, for which nobody waits: the database has them until the disk does.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::root::{Root, open, whole};
use super::{files, fill, image, kept, layer, new, shown, target, to};
use crate::import::tars::Tar;

#[test]
fn what_a_power_loss_takes_of_small_files_is_written_anew() {
    type Lose = fn(&PathBuf);
    let ways: [Lose; 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, []).unwrap(),
        |path| fs::write(path, vec![0; fs::metadata(path).unwrap().len().try_into().unwrap()]).unwrap(),
        |path| File::options().append(true).open(path).unwrap().write_all_at(b"x", 0).unwrap(),
    ];
    for lose in ways {
        let root = Root::new();
        let all = open(root.path());
        image(&all, "base", "", "data");
        image(&all, "top", "base", "more");
        let lost: Vec<PathBuf> =
            files(&all).iter().map(|name| all.store().root().images().join(name)).collect();
        assert_eq!(kept(&all).len(), lost.len());
        drop(all);
        lost.iter().for_each(lose);
        let all = open(root.path());
        assert_eq!(kept(&all), [""; 0], "after a start all of it is on the disk");
        all.view(new("view", "top")).unwrap();
        assert_eq!(shown(&all, "view"), "more");
        drop(all);
        whole(root.path());
    }
}

#[test]
fn who_has_time_sees_small_files_to_the_disk() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    let names = files(&all);
    assert_eq!(all.settle().unwrap(), names.len());
    assert_eq!((kept(&all), all.settle().unwrap()), (Vec::new(), 0));
    // Nothing is written over files that are on the disk, whatever becomes of them.
    let damaged =
        all.store().root().images().join(names.iter().find(|name| name.starts_with("region_")).unwrap());
    drop(all);
    fs::write(&damaged, "damaged").unwrap();
    drop(open(root.path()));
    assert_eq!(fs::read(&damaged).unwrap(), b"damaged");
}

#[test]
fn digests_that_are_taken_do_not_let_go_of_small_files() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    let before = kept(&all);
    assert!(all.take_digests().unwrap() > 0);
    assert_eq!(kept(&all), before);
}

#[test]
fn what_is_removed_does_not_come_back() {
    let root = Root::new();
    let all = open(root.path());
    image(&all, "base", "", "data");
    image(&all, "top", "base", "more");
    all.remove("top").unwrap();
    all.cleanup().unwrap();
    let left = files(&all);
    assert_eq!(kept(&all).len(), left.len());
    drop(all);
    let all = open(root.path());
    assert_eq!(files(&all), left);
}

#[test]
fn large_files_are_waited_for() {
    let root = Root::new();
    let all = open(root.path());
    all.prepare(new("extract-1 base", "")).unwrap();
    let large: String = (0..1 << 17).map(|number: u32| number.to_string()).collect();
    let filled = fill(&all, &target(&all, "extract-1 base"), &Tar::new().file("./file", &large).bytes());
    let filled = filled.unwrap();
    all.commit(&to("extract-1 base", "base")).unwrap();
    let set = filled.set.to_string();
    assert!(files(&all).iter().any(|name| name.contains(&set)));
    assert!(kept(&all).iter().all(|name| !name.contains(&set)), "{:?}", kept(&all));
    drop(all);
    whole(root.path());
}

#[test]
fn no_more_is_kept_than_a_database_should_hold() {
    let root = Root::new();
    let all = open(root.path());
    let size = || -> u64 {
        let directory = all.store().root().images();
        kept(&all).iter().map(|name| fs::metadata(directory.join(name)).unwrap().len()).sum()
    };
    let mut most = 0;
    for number in 0..40 {
        let key = format!("extract-{number} x");
        all.prepare(new(&key, "")).unwrap();
        fill(&all, &target(&all, &key), &layer(&number.to_string().repeat(200_000))).unwrap();
        all.commit(&to(&key, &number.to_string())).unwrap();
        assert!(size() >= most, "it is kept as long as nobody waits");
        most = size();
    }
    assert!((4 << 20..=8 << 20).contains(&most) && kept(&all).len() < files(&all).len(), "{most}");
    all.settle().unwrap();
    image(&all, "again", "", "data");
    assert_ne!(kept(&all), [""; 0], "there is room again");
    drop(all);
    whole(root.path());
}
