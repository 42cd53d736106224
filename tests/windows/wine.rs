//! Programs for Windows, and what runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;

use serde_json::Value;

use crate::machine::Machine;

/// Everything, brought up to date.
pub(crate) static WINE: LazyLock<Wine> = LazyLock::new(Wine::new);

pub(crate) struct Wine {
    pub(crate) program: PathBuf,
    /// Our own library, for programs in C.
    pub(crate) library: PathBuf,
    pub(crate) library_tests: PathBuf,
    pub(crate) integration_tests: PathBuf,
}

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Wine {
    fn new() -> Self {
        let status = Command::new(project().join("tests/setup/windows.sh")).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "tests/setup/windows.sh");
        let output = Command::new(project().join("tests/windows/cargo.sh"))
            .args([
                "test",
                "--no-run",
                "--locked",
                "--profile",
                "wine",
                "--lib",
                "--test",
                "it",
                "--message-format",
                "json",
            ])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "tests/windows/cargo.sh");
        let text = String::from_utf8(output.stdout).unwrap();
        let made: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let find = |kind: &str| {
            let of_kind = |message: &&Value| message["target"]["kind"][0] == kind;
            let path = made.iter().filter(of_kind).find_map(|message| message["executable"].as_str());
            PathBuf::from(path.unwrap_or_else(|| panic!("no {kind} was compiled")))
        };
        let mut files = made.iter().filter_map(|message| message["filenames"].as_array()).flatten();
        let library = files.find_map(|file| file.as_str().filter(|name| name.ends_with("cimsnap.dll")));
        let library = library.expect("no library was compiled").into();
        Self { program: find("bin"), library, library_tests: find("rlib"), integration_tests: find("test") }
    }

    /// Runs a program on the machine that all share.
    pub(crate) fn run(&self, program: &Path) -> Command {
        Machine::default().run(program)
    }

    /// Runs `cimsnap.exe` there with words, which must succeed, and returns what it prints.
    pub(crate) fn cimsnap(&self, words: &[&str]) -> String {
        Machine::default().cimsnap(words)
    }
}

/// Compiles one of the files of C beside this, and returns what comes of it.
pub(crate) fn compile(name: &str, extension: &str, words: &[&str]) -> PathBuf {
    let directory = project().join("target/windows-tests");
    fs::create_dir_all(&directory).unwrap();
    let program = directory.join(format!("{name}-{:?}", thread::current().id())).with_extension(extension);
    let mut command = Command::new("x86_64-w64-mingw32-gcc");
    command.args(["-O2", "-Wall", "-Werror", "-o"]).arg(&program);
    command.arg(project().join("tests/windows").join(name).with_extension("c")).args(words);
    assert!(command.status().unwrap().success(), "{name}");
    program
}

/// Returns a path as Windows has it.
pub(crate) fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.to_str().unwrap().replace('/', "\\"))
}
