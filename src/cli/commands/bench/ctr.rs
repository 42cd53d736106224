//! The command of containerd, and others that are on the machine.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::error::BenchError;

/// `ctr`, in one namespace of a containerd.
#[derive(Clone, Debug)]
pub(super) struct Ctr {
    program: PathBuf,
    address: PathBuf,
    namespace: String,
    /// Whether a Ctrl-C is none of its business.
    shielded: bool,
}

type Result<T> = std::result::Result<T, BenchError>;

impl Ctr {
    pub(super) fn find(address: PathBuf) -> Result<Self> {
        let program = find("ctr").ok_or(BenchError::NoProgram("ctr"))?;
        Ok(Self { program, address, namespace: "default".to_owned(), shielded: false })
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn within(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// Returns one for what has to be done even after a Ctrl-C.
    pub(super) fn shielded(&self) -> Self {
        Self { shielded: true, ..self.clone() }
    }

    /// Runs a command, and returns what it prints.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<String> {
        self.feed(arguments, &[])
    }

    /// Runs a command that prints a line for each thing, with a name first.
    pub(super) fn names(&self, arguments: &[&str]) -> Result<Vec<String>> {
        let printed = self.ask(arguments)?;
        Ok(printed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
    }

    /// Runs a command that reads.
    pub(super) fn feed(&self, arguments: &[&str], input: &[u8]) -> Result<String> {
        let mut command = self.command(arguments);
        let failed = |source: std::io::Error| failure(arguments, source.to_string());
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
        // What ends without reading says why in another way.
        drop(child.stdin.take().map(|mut pipe| pipe.write_all(input)));
        result(arguments, &child.wait_with_output().map_err(failed)?)
    }

    /// Runs a command that reads what another one prints.
    pub(super) fn pipe(&self, arguments: &[&str], from: &Self, source: &[&str]) -> Result<()> {
        let mut writer = from
            .command(source)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| failure(source, error.to_string()))?;
        let input = writer.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let read = self.command(arguments).stdin(input).output();
        let written = writer.wait_with_output().map_err(|error| failure(source, error.to_string()))?;
        result(source, &written)?;
        result(arguments, &read.map_err(|error| failure(arguments, error.to_string()))?).map(drop)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--address").arg(&self.address).args(["--namespace", &self.namespace]).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.shielded {
            command.process_group(0);
        }
        command
    }
}

/// Runs a program that is no `ctr`, and returns what it prints.
pub(super) fn run(program: &'static str, arguments: &[&str]) -> Result<String> {
    let path = find(program).ok_or(BenchError::NoProgram(program))?;
    let output = Command::new(path).args(arguments).stdin(Stdio::null()).process_group(0).output();
    let output = output.map_err(|error| failed(program, arguments, error.to_string()))?;
    told(program, arguments, &output)
}

fn result(arguments: &[&str], output: &Output) -> Result<String> {
    told("ctr", arguments, output)
}

fn failure(arguments: &[&str], why: String) -> BenchError {
    failed("ctr", arguments, why)
}

fn failed(program: &str, arguments: &[&str], why: String) -> BenchError {
    BenchError::Command { command: format!("{program} {}", arguments.join(" ")), why }
}

fn told(program: &str, arguments: &[&str], output: &Output) -> Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let why =
        last.map_or_else(|| output.status.to_string(), |line| line.trim_start_matches("ctr: ").to_owned());
    Err(failed(program, arguments, why))
}

/// Looks for a program where shells do, and where the programs of administrators are.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories =
        std::env::split_paths(&path).chain(["/usr/local/bin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.map(|directory| directory.join(program)).find(|path| path.is_file())
}
