//! Programs that run beside a test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};

/// A program that runs, until the test ends at the latest.
pub(crate) struct Process {
    child: Child,
    /// What it says, until it ends.
    log: Option<JoinHandle<Vec<String>>>,
}

impl Process {
    /// Starts a program, and waits for the line that tells that it is ready. Returns that, too.
    pub(crate) fn start(mut command: Command, ready: &str) -> (Self, String) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process = Self { child: child.unwrap(), log: None };
        let log = BufReader::new(process.child.stderr.take().unwrap());
        let mut lines = log.lines().map(Result::unwrap);
        let mut said = Vec::new();
        let line = loop {
            let line = lines.next().unwrap_or_else(|| panic!("{command:?} has ended: {said:#?}"));
            if line.contains(ready) {
                break line;
            }
            said.push(line);
        };
        process.log = Some(thread::spawn(move || lines.collect()));
        (process, line)
    }

    /// Returns the number that Linux has for it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Presses Ctrl-C, which is what Wine makes of the signal. Returns how it ends, and what it says from then on.
    pub(crate) fn interrupt(&mut self) -> (ExitStatus, Vec<String>) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        (self.child.wait().unwrap(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
