//! Mounting from the command line.

use std::fs;

use super::Shell;
use crate::support::tree;

/// Takes the mount away however the test ends.
struct Mounted<'a>(&'a Shell, &'a str);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        drop(self.0.run(&format!("umount --lazy {}", self.1)));
    }
}

#[test]
fn a_mount_shows_the_directory_that_the_image_was_made_of() {
    let shell = Shell::new();
    tree::make(&shell.path("source"));
    shell.ok("create source a.cim");
    fs::create_dir(shell.path("at")).unwrap();
    assert_eq!(shell.ok("mount a.cim at"), "a.cim is mounted on at\n");
    let mounted = Mounted(&shell, "at");
    assert_eq!(shell.tree("at"), shell.tree("source"));
    let at = fs::canonicalize(shell.path("at")).unwrap();
    assert!(shell.ok("mounts").contains(&format!("a.cim on {}\n", at.display())));
    let (code, text) = shell.fails("mount a.cim at");
    assert_eq!(code, 1);
    assert!(text.contains("hint: `cimsnap cim umount`"), "{text}");

    let held = fs::File::open(shell.path("at/file")).unwrap();
    let (code, text) = shell.fails("umount at");
    assert_eq!(code, 1);
    assert!(text.contains("in use") && text.contains("--lazy"), "{text}");
    drop(held);
    shell.ok("umount at");
    assert!(fs::read_dir(shell.path("at")).unwrap().next().is_none());
    drop(mounted);
}
