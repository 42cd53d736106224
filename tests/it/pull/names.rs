//! Images that were pulled, by their names.

use std::fs;

use super::{Bed, has_images, pull};

#[test]
fn an_image_is_known_by_its_name() {
    let bed = Bed::new();
    let name = bed.reference();
    let output = bed.shell.ok(&format!("pull {name}"));
    let next = format!("\n  cimsnap cim tree -d 1 {name}\n  cimsnap cim mount {name} /mnt\n");
    assert!(
        output.contains(&format!("{name} for linux/amd64 is images/sha256-")) && output.ends_with(&next),
        "{output}"
    );
    assert_eq!(bed.shell.ok(&format!("ls {name} etc")), "b\nc\n");
    assert_eq!(bed.shell.ok(&format!("cat {name} etc/c")), "three");
    let path = bed.shell.json("image ls")[0]["image"].as_str().unwrap().to_owned();
    for words in ["tree IMAGE", "stat IMAGE etc", "dump IMAGE", "check IMAGE --deep"] {
        let by = |image: &str| bed.shell.ok(&words.replace("IMAGE", image));
        assert_eq!(by(&name), by(&path), "{words}");
    }
    assert_eq!(bed.shell.ok(&format!("diff {name} {path}")), "");
    bed.shell.ok(&format!("extract {name} files"));
    assert_eq!(fs::read_to_string(bed.shell.path("files/etc/c")).unwrap(), "three");
    fs::create_dir(bed.shell.path("mnt")).unwrap();
    bed.shell.ok(&format!("mount {name} mnt"));
    let seen = fs::read_to_string(bed.shell.path("mnt/etc/c"));
    bed.shell.ok("umount mnt");
    assert_eq!(seen.unwrap(), "three");
}

#[test]
fn the_list_says_what_there_is() {
    let bed = Bed::new();
    let name = bed.reference();
    pull(&bed.shell, &name);
    let list = bed.shell.ok("image ls");
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "PLATFORM", "LAYERS", "BLOBS", "IMAGE"]);
    assert_eq!(rows[1][..3], [&name, "linux/amd64", "3"]);
    // What was deleted is forgotten, with all that only it had.
    for row in bed.shell.json("image convert oci:layout --to images") {
        fs::remove_file(bed.shell.path("images").join(row["image"].as_str().unwrap())).unwrap();
    }
    assert!(bed.shell.ok("image ls").ends_with("removed\n"));
    bed.shell.ok("image prune images");
    assert_eq!(bed.shell.json("image ls").len(), 0);
    assert_eq!(fs::read_dir(bed.shell.path("images/pulled/blobs/sha256")).unwrap().count(), 0);
    let (code, text) = bed.shell.fails(&format!("ls {name}"));
    assert!(
        code == 4
            && text.contains(&format!(
                "there is no file {name}, and no image of that name was pulled\nhint: `cimsnap image ls`"
            )),
        "{text}"
    );
    assert!(has_images(&bed.shell.path("images")));
}

#[test]
fn a_name_is_given_to_its_latest_image() {
    let bed = Bed::new();
    let name = bed.reference();
    pull(&bed.shell, &format!("oci:layout --name {name}"));
    pull(&bed.shell, &format!("oci:layout --name {name}"));
    pull(&bed.shell, "oci:layout --name other");
    let names: Vec<_> = bed.shell.json("image ls").into_iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, [name, "docker.io/library/other:latest".to_owned()]);
    // What is remembered serves the next pull, and is asked for again where it is damaged.
    let manifest = bed.shell.path("images/pulled/blobs/sha256");
    for entry in fs::read_dir(manifest).unwrap() {
        fs::write(entry.unwrap().path(), "damaged").unwrap();
    }
    assert_eq!(pull(&bed.shell, &bed.reference()).0, ["kept"; 3]);
    assert_eq!(bed.shell.json("image ls").len(), 2);
}
