//! The C interface, from C: `tests/capi` is compiled against the header and linked with the library.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cimsnap::cim::{Attributes, Image};
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{Mounter, Unmount};

use crate::support::{built_library as library, cat, name, path};

/// The rows of the contract that the C program checks. A row that is lost on the way must not go unnoticed.
const ROWS: usize = 659;

/// Every function that `cimfs.dll` exports.
const EXPORTS: [&str; 28] = [
    "CimAddFsToMergedImage",
    "CimAddFsToMergedImage2",
    "CimCloseImage",
    "CimCloseStream",
    "CimCommitImage",
    "CimConvertBlockImage",
    "CimCreateAlternateStream",
    "CimCreateFile",
    "CimCreateHardLink",
    "CimCreateImage",
    "CimCreateImage2",
    "CimCreateMergeLink",
    "CimCreateMergedFile",
    "CimDeletePath",
    "CimDismountImage",
    "CimGetFileStatBasicInformation",
    "CimGetFileStatBasicInformation2",
    "CimGetVerificationInformation",
    "CimLookupFile",
    "CimMergeMountImage",
    "CimMergeMountVerifiedImage",
    "CimMountImage",
    "CimMountVerifiedImage",
    "CimReadFile",
    "CimReadFile2",
    "CimSealImage",
    "CimTombstoneFile",
    "CimWriteStream",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || !output.stdout.is_empty(), "{command:?}: {errors}");
    output
}

/// Compiles the C program.
fn build(directory: &Path) -> PathBuf {
    let program = directory.join("capi");
    let sources = std::fs::read_dir(root().join("tests/capi")).unwrap();
    let sources = sources.map(|entry| entry.unwrap().path());
    let library = library();
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-pthread"])
        .arg("-I")
        .arg(root().join("src/capi"))
        .arg("-o")
        .arg(&program)
        .args(sources.filter(|path| path.extension().is_some_and(|extension| extension == "c")))
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.parent().unwrap().display()))
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    program
}

/// Lets nobody in, so that rows about missing rights can act as nobody.
fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Takes away what a program that failed has left mounted.
struct Volumes(PathBuf);

impl Drop for Volumes {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let mounter = FuseMounter::new("unused");
            let _not_mounted = mounter.unmount(&entry.path(), Unmount::Detach);
        }
    }
}

#[test]
fn every_row_of_the_contract_holds_in_c() {
    let directory = tempfile::tempdir().unwrap();
    open_to_all(directory.path());
    let program = build(directory.path());
    let volumes = Volumes(directory.path().join("volumes"));
    let output = run(Command::new(program)
        .arg(directory.path())
        .env("CIMSNAP_VOLUMES", &volumes.0)
        .env("CIMSNAP_PROGRAM", env!("CARGO_BIN_EXE_cimsnap")));
    let text = String::from_utf8(output.stdout).unwrap();
    let failed: Vec<&str> = text.lines().filter(|line| line.starts_with("not ok")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let good = text.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.lines().last(), Some(format!("1..{good}").as_str()));
    assert_eq!(good, ROWS);
    reads_back(&directory.path().join("result/result.cim"));
}

/// What C wrote is what Rust reads.
fn reads_back(image: &Path) {
    let image = Image::open(image).unwrap();
    let file = image.find(&path("dir/all")).unwrap().unwrap();
    assert_eq!(file.attributes(), Attributes::READ_ONLY | Attributes::REPARSE_POINT);
    let times = [file.creation_time, file.last_write_time, file.change_time, file.last_access_time];
    assert_eq!(times.map(|time| time.raw()), [1, 2, 3, 4]);
    assert_eq!(cat(&image, "dir/all").unwrap(), b"data\0\0");
    assert_eq!(image.security(&file).unwrap().unwrap().len(), 44);
    assert_eq!(image.eas(&file).unwrap(), b"\0\0\0\0\0\x01\x01\0A\x001");
    assert_eq!(image.reparse(&file).unwrap().unwrap().len(), 20);
    assert_eq!(file.reparse_tag, 0xA000_0003);
    let side = image.stream(&file, name("side").as_ref()).unwrap().unwrap();
    let mut bytes = [0; 4];
    assert_eq!((image.data(side).unwrap().read_at(&mut bytes, 0), &bytes), (4, b"side"));
    assert_eq!(image.find(&path("link")).unwrap().unwrap().id, file.id);
    assert_eq!(image.links().unwrap().count(file.id), 2);
    assert_eq!(cat(&image, "dir/kept").unwrap(), b"kept");
    assert_eq!(cat(&image, "dir/gone"), None);
}

#[test]
fn the_library_exports_what_the_header_declares() {
    let symbols = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library()));
    let symbols = String::from_utf8(symbols.stdout).unwrap();
    let exported: BTreeSet<&str> = symbols.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    let header = std::fs::read_to_string(root().join("src/capi/cimfs.h")).unwrap();
    let declared: BTreeSet<&str> = header
        .split_once("extern \"C\"")
        .unwrap()
        .1
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("Cim"))
        .collect();
    assert_eq!(exported, declared);
    assert_eq!(declared, BTreeSet::from(EXPORTS));
}
