//! What a process holds, as the kernel tells, to see whether it grows.

use std::fs;

/// Threads that idle end and others begin, as it happens.
const THREADS: usize = 3;

/// Each thread has so many files with Wine, which has those of the process as well.
const FILES: usize = 4 * THREADS;

/// Nothing gives back all pages that it has had, in KiB.
const MEMORY: u64 = 4 << 10;

#[derive(Debug)]
pub(crate) struct Held {
    files: usize,
    threads: usize,
    children: usize,
    /// Resident memory but that of files, in KiB.
    memory: u64,
}

impl Held {
    /// Looks at a process.
    pub(crate) fn by(process: u32) -> Self {
        let at = |name: &str| format!("/proc/{process}/{name}");
        let status = fs::read_to_string(at("status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        let threads = fs::read_dir(at("task")).unwrap().flatten();
        let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        Self {
            files: fs::read_dir(at("fd")).unwrap().count(),
            threads: fs::read_dir(at("task")).unwrap().count(),
            children: children.map(|list| list.split_whitespace().count()).sum(),
            memory: memory.trim().trim_end_matches(" kB").parse().unwrap(),
        }
    }

    /// Checks that next to nothing has come since.
    pub(crate) fn is_as_much_as(&self, before: &Self) {
        println!("{before:?}\n{self:?}");
        let of_system = self.files <= before.files + FILES && self.threads <= before.threads + THREADS;
        let own = self.children <= before.children && self.memory <= before.memory + MEMORY;
        assert!(of_system && own, "before {before:?}, now {self:?}");
    }
}

/// How many rounds there are to be; `CIMSNAP_ROUNDS` gives another number than usual.
pub(crate) fn rounds(usually: usize) -> usize {
    std::env::var("CIMSNAP_ROUNDS").map_or(usually, |text| text.parse().unwrap())
}
