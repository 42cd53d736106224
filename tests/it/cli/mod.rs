//! The command line, as people and scripts use it.

mod answers;
mod convert;
mod extract;
mod failures;
mod fork;
mod hostile_layout;
mod hostile_text;
mod layer;
mod mount;
pub(crate) mod oci;
mod round_trip;
mod shells;
mod versions;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cimsnap::cim::{ImageName, Writer, WriterOptions, files};

use crate::support::mkdir;
use crate::support::tree::Tree;

/// A directory to work in, and the program.
pub(crate) struct Shell {
    root: tempfile::TempDir,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn command(&self, words: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        command.args(words).current_dir(self.root.path()).stdin(Stdio::null()).env("NO_COLOR", "1");
        // Nothing of the machine may count.
        command.env("DOCKER_CONFIG", self.root.path()).env("CIMSNAP_IMAGES", "images");
        command
    }

    /// Runs `cimsnap`, or `cimsnap cim` unless it is another family, with words that hold no spaces.
    pub(crate) fn run(&self, words: &str) -> Output {
        self.command(&Self::words(words)).output().unwrap()
    }

    fn words(words: &str) -> Vec<&str> {
        let family = ["layer ", "image ", "pull "].iter().any(|family| words.starts_with(family));
        (!family).then_some("cim").into_iter().chain(words.split(' ')).collect()
    }

    /// Runs a command that must succeed, and returns what it prints.
    pub(crate) fn ok(&self, words: &str) -> String {
        let output = self.run(words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and returns its exit code and what it says.
    pub(crate) fn fails(&self, words: &str) -> (i32, String) {
        let output = self.run(words);
        let code = output.status.code().unwrap();
        assert_ne!(code, 0, "{words}");
        (code, String::from_utf8(output.stderr).unwrap())
    }

    /// Returns the lines of JSON that a command prints.
    pub(crate) fn json(&self, words: &str) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.run(&format!("{words} --json")).stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Makes an image with a function.
    pub(crate) fn image(&self, name: &str, fill: impl FnOnce(&mut Writer)) -> PathBuf {
        let path = self.path(name);
        let (directory, name): (_, ImageName) = files::split_image_path(&path).unwrap();
        let directory = std::sync::Arc::new(cimsnap::cim::io::DiskDirectory::new(&directory));
        let mut writer = Writer::create(directory, &name, WriterOptions::default()).unwrap();
        fill(&mut writer);
        writer.commit().unwrap();
        path
    }

    fn tree(&self, name: &str) -> Tree {
        Tree::read(&self.path(name))
    }
}

/// An image with something of everything that the commands show, and no time but 2001-02-03.
fn sample(writer: &mut Writer) {
    use cimsnap::cim::{Attributes, FileTime, Metadata};

    use crate::support::{name, path};

    let time = FileTime::from_unix_nanos(981_173_106_123_456_700);
    let directory = Metadata::directory().with_time(time);
    writer.create_directory(&path(""), &directory).unwrap();
    writer.create_directory(&path("Files"), &directory).unwrap();
    writer.create_directory(&path("Files/empty"), &directory).unwrap();
    let metadata = Metadata { attributes: Attributes::HIDDEN | Attributes::ARCHIVE, ..Metadata::default() };
    let mut stream = writer.create_file(&path("Files/readme.txt"), &metadata.with_time(time), 6).unwrap();
    stream.append(b"hello\n").unwrap();
    stream.finish().unwrap();
    writer.link(&path("Files/again.txt"), &path("Files/readme.txt")).unwrap();
    let mut stream = writer.create_stream(&path("Files/readme.txt"), &name("Zone"), 4).unwrap();
    stream.append(b"side").unwrap();
    stream.finish().unwrap();
}

/// Returns an image's directory with what keeps its place but for the random ids.
fn is_left(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| files::set_of(name).is_some() || name.ends_with(files::PART))
        .collect();
    names.sort();
    names
}

#[test]
fn help_names_every_command_and_exit_code() {
    let shell = Shell::new();
    let help = String::from_utf8(shell.command(&["--help"]).output().unwrap().stdout).unwrap();
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "141 "] {
        assert!(help.contains(&format!("\n  {code}")), "{code}: {help}");
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md")).unwrap();
    let mut count = 0;
    for family in ["cim", "layer", "image", "snapshot", "config"] {
        let help = String::from_utf8(shell.command(&[family, "--help"]).output().unwrap().stdout).unwrap();
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands =
            commands.map_while(|line| line.strip_prefix("  ")).filter_map(|line| line.split(' ').next());
        for command in commands.filter(|command| !command.is_empty()) {
            assert!(page.contains(&format!("{family} {command} ")), "docs/cli.md says nothing of {command}");
            count += 1;
        }
    }
    assert_eq!(count, 28);
}

/// Used by every theme that needs an image with one directory.
fn small(writer: &mut Writer) {
    mkdir(writer, "d");
    crate::support::put(writer, "d/file", b"data");
}
