//! Processes that are killed at one of their system calls.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// The calls after which something else is on the disk, or mounted.
const CALLS: &[&str] = &[
    "chmod",
    "chown",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fdatasync",
    "fsync",
    "ftruncate",
    "lchown",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "mount",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "umount2",
    "unlink",
    "unlinkat",
];

/// The moment before the main thread of a process makes a call for the `nth` time.
#[derive(Debug)]
pub(crate) struct Kill {
    call: String,
    nth: usize,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "killed before {} number {}", self.call, self.nth)
    }
}

/// Runs a program to its end, and returns all its moments.
pub(crate) fn moments(program: &mut Command) -> Vec<Kill> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = traced(program, CALLS, &["-o", log.path().to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut counts = BTreeMap::new();
    for line in std::fs::read_to_string(log.path()).unwrap().lines() {
        if let Some((call, _)) = line.split_once('(') {
            *counts.entry(call.to_owned()).or_insert(0) += 1;
        }
    }
    let each = |(call, count): (String, usize)| (1..=count).map(move |nth| Kill { call: call.clone(), nth });
    counts.into_iter().flat_map(each).collect()
}

impl Kill {
    /// Runs a program up to this moment, and returns what it said until then.
    pub(crate) fn run(&self, program: &mut Command) -> String {
        let inject = format!("inject={}:signal=KILL:when={}", self.call, self.nth);
        let output = traced(program, CALLS, &["-o", "/dev/null", "-e", &inject]).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{self}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Has strace run a program, and look at some of its calls.
pub(crate) fn traced(program: &Command, calls: &[&str], options: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", &format!("trace={}", calls.join(","))]).args(options);
    strace.arg("--").arg(program.get_program()).args(program.get_args());
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
}
