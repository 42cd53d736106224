//! Machines of Windows, which Wine makes.

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::wine::{WINE, project};

/// A build of Windows that mounts images.
const BUILD: u32 = 26100;

/// What is installed on a machine, and runs there.
pub(crate) struct Machine {
    prefix: PathBuf,
    /// It goes with this, unless all share it.
    own: Option<TempDir>,
}

impl Default for Machine {
    /// The machine that all share, which has nothing but what Wine has.
    fn default() -> Self {
        Self { prefix: shared(), own: None }
    }
}

impl Machine {
    /// Makes a machine that mounts images, and has our library in the place of that of Windows.
    pub(crate) fn with_library() -> Self {
        let copy = tempfile::tempdir_in(project().join("target")).unwrap();
        copy_shared(copy.path());
        fs::copy(&WINE.library, copy.path().join("drive_c/windows/system32/cimfs.dll")).unwrap();
        Self { prefix: copy.path().to_owned(), own: Some(copy) }
    }

    /// Runs a program for Windows in the root of the project.
    pub(crate) fn run(&self, program: &Path) -> Command {
        let mut command = self.command("wine");
        command.arg(program).current_dir(project()).stdin(Stdio::null());
        command
    }

    /// Runs `cimsnap.exe` with words, which must succeed, and returns what it prints.
    pub(crate) fn cimsnap(&self, words: &[&str]) -> String {
        let output = finish(self.run(&WINE.program).args(words));
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all");
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.own.is_some() {
            // Who serves what runs there stays for a while, and would write into what is being removed.
            drop(self.command("wineserver").arg("--kill").status());
        }
    }
}

/// Runs a program, and returns what it has said. It does not say so through pipes, which Wine's server may have after its end.
pub(crate) fn finish(command: &mut Command) -> Output {
    let mut files = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
    let [out, errors] = files.each_ref().map(|file| file.try_clone().unwrap());
    let status = command.stdout(out).stderr(errors).status().unwrap();
    let [stdout, stderr] = files.each_mut().map(|file| {
        let mut said = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut said).unwrap();
        said
    });
    Output { status, stdout, stderr }
}

/// Where the machine lies that all share.
pub(crate) fn shared() -> PathBuf {
    project().join("target/wine")
}

/// Copies the machine that all share. Programs stay as they are, so links to them will do, and lead to no other disk.
fn copy_shared(to: &Path) {
    let shared = shared();
    fs::create_dir(to.join("drive_c")).unwrap();
    for (how, name) in [
        ("-al", "drive_c/windows"),
        ("-a", "dosdevices"),
        ("-a", "user.reg"),
        ("-a", "userdef.reg"),
        ("-a", ".update-timestamp"),
    ] {
        let status = Command::new("cp").arg(how).arg(shared.join(name)).arg(to.join(name)).status();
        assert!(status.unwrap().success(), "{name}");
    }
    let registry = fs::read_to_string(shared.join("system.reg")).unwrap();
    fs::write(to.join("system.reg"), with_build(&registry)).unwrap();
}

/// Has a registry, as Wine writes it, say that Windows is of the build.
fn with_build(registry: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((name @ (r#""CurrentBuild""# | r#""CurrentBuildNumber""#), _)) => {
            format!("{name}=\"{BUILD}\"\n")
        }
        _ => format!("{line}\n"),
    };
    registry.lines().map(line).collect()
}
