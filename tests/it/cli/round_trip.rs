//! What goes into an image comes out of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Shell;
use crate::support::tree;

/// Everything that an image keeps, and no times that reading changes.
const CREATE: [&str; 6] = [
    "--create",
    "--format=pax",
    "--pax-option=delete=atime,delete=ctime",
    "--xattrs",
    "--xattrs-include=*",
    "--numeric-owner",
];

fn tar(root: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("tar")
        .args(CREATE)
        .args(arguments)
        .args(["--file=-", "-C"])
        .arg(root)
        .arg(".")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn a_directory_comes_back_as_it_was() {
    let shell = Shell::new();
    tree::make(&shell.path("source"));
    let before = shell.tree("source");
    shell.ok("create source a.cim");
    assert_eq!(shell.tree("source"), before, "reading changes nothing");
    shell.ok("check --deep a.cim");
    shell.ok("extract a.cim out");
    assert_eq!(shell.tree("out"), before);
}

#[test]
fn a_tar_comes_back_as_the_directory_was() {
    let shell = Shell::new();
    tree::make(&shell.path("source"));
    // No tar holds sockets, and times only beyond 1970 where its numbers are unsigned.
    fs::remove_file(shell.path("source/d/socket")).unwrap();
    let before = shell.tree("source");
    for (name, arguments) in
        [("plain", &[][..]), ("gzip", &["--gzip"]), ("sparse", &["--sparse", "--sparse-version=0.0"])]
    {
        let archive = tar(&shell.path("source"), arguments);
        fs::write(shell.path("source.tar"), archive).unwrap();
        shell.ok(&format!("create source.tar {name}.cim"));
        shell.ok(&format!("extract {name}.cim {name}"));
        assert_eq!(shell.tree(name), before, "{name}");
    }
}

#[test]
fn a_tar_on_standard_input_gives_the_same_image_as_the_directory() {
    let shell = Shell::new();
    tree::make(&shell.path("source"));
    fs::remove_file(shell.path("source/d/socket")).unwrap();
    shell.ok("create source directory.cim");
    let mut archiver = Command::new("tar")
        .args(CREATE)
        .args(["--file=-", "-C"])
        .args([&shell.path("source"), Path::new(".")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut create = shell.command(&["cim", "create", "-", "tar.cim"]);
    let output = create.stdin(archiver.stdout.take().unwrap()).output().unwrap();
    // It holds an end of the pipe, which keeps tar waiting for a reader.
    drop(create);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(archiver.wait().unwrap().success());
    assert_eq!(shell.ok("dump directory.cim"), shell.ok("dump tar.cim"));
    assert_eq!(shell.ok("diff directory.cim tar.cim"), "");
}

#[test]
fn the_same_directory_gives_the_same_bytes() {
    let shell = Shell::new();
    tree::make(&shell.path("source"));
    shell.ok("create source a.cim");
    let copied = Command::new("cp").args(["-a", "source", "copy"]).current_dir(shell.root.path()).status();
    assert!(copied.unwrap().success());
    shell.ok("create copy b.cim");
    let bytes = |image: &str| {
        let image = cimsnap::cim::Image::open(&shell.path(image)).unwrap();
        image.regions().iter().map(|region| region.bytes().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(bytes("a.cim").len(), 3);
    assert!(bytes("a.cim") == bytes("b.cim"), "the region files differ");
}

#[test]
fn links_come_before_their_files_and_files_before_their_directories() {
    let shell = Shell::new();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Link);
    header.set_size(0);
    header.set_mode(0o644);
    archive.append_link(&mut header, "b", "a").unwrap();
    archive.append_link(&mut header, "a", "dir/file").unwrap();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(5);
    archive.append_data(&mut header, "./dir/file", &b"first"[..]).unwrap();
    archive.append_data(&mut header, "dir/file", &b"again"[..]).unwrap();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o700);
    header.as_old_mut().name[..5].copy_from_slice(b"/dir/");
    header.as_old_mut().name[5..].fill(0);
    header.set_cksum();
    archive.append(&header, &b""[..]).unwrap();
    fs::write(shell.path("a.tar"), archive.into_inner().unwrap()).unwrap();
    shell.ok("create a.tar a.cim");
    assert_eq!(shell.ok("cat a.cim b"), "again");
    assert!(shell.ok("stat a.cim a").contains("3 names"));
    assert!(shell.ok("stat a.cim dir").contains("mode 040700"));
}

#[test]
fn windows_images_have_windows_names_and_links() {
    let shell = Shell::new();
    fs::create_dir_all(shell.path("source/Directory")).unwrap();
    fs::write(shell.path("source/Directory/File"), "x").unwrap();
    std::os::unix::fs::symlink("Directory/File", shell.path("source/link")).unwrap();
    std::os::unix::fs::symlink("Directory", shell.path("source/to")).unwrap();
    shell.ok("create --os windows source a.cim");
    assert_eq!(shell.ok("cat a.cim DIRECTORY\\file"), "x");
    assert!(shell.ok("stat a.cim link").contains("0xa000000c (symbolic link)"));
    assert!(shell.ok("stat a.cim to").contains("(directory, reparse point)"));
    assert!(!shell.ok("stat a.cim").contains("linux"));
    shell.ok("extract a.cim out");
    assert_eq!(fs::read_link(shell.path("out/to")).unwrap(), Path::new("Directory"));
    fs::write(shell.path("source/a:b"), "").unwrap();
    let (code, text) = shell.fails("create --os windows source b.cim");
    assert_eq!(code, 1);
    assert!(text.contains("cannot add /a:b"), "{text}");
    fs::remove_file(shell.path("source/a:b")).unwrap();
    fs::write(shell.path("source/LINK"), "").unwrap();
    shell.ok("create --os windows source c.cim");
    assert_eq!(shell.ok("ls c.cim"), "Directory/\nlink\nto/\n");
}
