//! How much memory writing takes, and reading what was made to take much: each case runs in a process of its own, whose peak the kernel tells.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod digests;
mod hostile;
mod image;
mod layer;
#[path = "../it/cli/oci.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod oci;
mod raw;

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cimsnap::cim::io::{Bytes, Directory, DiskDirectory, Lock, OutputFile, WrittenBytes};
use cimsnap::cim::{ImageName, ImagePath, Metadata, Writer, WriterOptions};

const MIB: u64 = 1 << 20;

/// Name, what it does, and the peak of resident memory that it must stay under.
type Case = (&'static str, fn(), u64);

const CASES: &[Case] = &[
    ("a million small files", million_files, 300 * MIB),
    ("a file of 20 GiB", huge_file, 64 * MIB),
    ("a maze of 3 MB", hostile::maze, 48 * MIB),
    ("a million file tables in 16 MB", hostile::many_tables, 128 * MIB),
    ("names that directories share in 1 MB", hostile::shared_names, 48 * MIB),
    ("objects that overlap in 3 MB", hostile::overlapping_objects, 48 * MIB),
    ("a layer with a file of 2 GiB", layer::huge_file, 64 * MIB),
    ("a layer of 200,000 files", layer::many_files, 96 * MIB),
    ("a layer of links without end", layer::endless_links, 96 * MIB),
    ("a layer of a name without end", layer::endless_names, 64 * MIB),
    ("digests of 512 MiB", digests::large, 64 * MIB),
    ("an image of four layers", image::convert, 96 * MIB),
];

fn main() -> ExitCode {
    if let Some(directory) = std::env::var_os("CIMSNAP_MEMORY_LAYOUT") {
        image::make(&directory);
        return ExitCode::SUCCESS;
    }
    if let Ok(index) = std::env::var("CIMSNAP_MEMORY_CASE") {
        CASES[index.parse::<usize>().unwrap()].1();
        println!("{}", peak().max(image::PEAK.load(Ordering::Relaxed)));
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (index, (name, _, limit)) in CASES.iter().enumerate() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.env("CIMSNAP_MEMORY_CASE", index.to_string()).output().unwrap();
        let peak = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
        let good = output.status.success() && peak.as_ref().is_ok_and(|peak| peak < limit);
        let shown = peak.map_or_else(|_| "no figure".to_owned(), |peak| format!("{} MiB", peak / MIB));
        println!("{name}: {shown}, limit {} MiB: {}", limit / MIB, if good { "ok" } else { "FAILED" });
        if !good {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            failed += 1;
        }
    }
    println!("{} passed, {failed} failed", CASES.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns the peak of this process's resident memory in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    peak_in(&status).unwrap()
}

/// Finds the peak in what the kernel tells of a process.
fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
}

fn options() -> WriterOptions {
    WriterOptions { sync: false, ..WriterOptions::default() }
}

fn path(text: String) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

fn million_files() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(DiskDirectory::new(directory.path()));
    let mut writer = Writer::create(disk, &ImageName::new("m.cim").unwrap(), options()).unwrap();
    for number in 0..1_000_000u32 {
        if number % 1000 == 0 {
            writer.create_directory(&path(format!("d{}", number / 1000)), &Metadata::directory()).unwrap();
        }
        let at = path(format!("d{}/a small file {number:07}.txt", number / 1000));
        let mut stream = writer.create_file(&at, &Metadata::default(), 4).unwrap();
        stream.append(&(number + 1).to_le_bytes()).unwrap();
        stream.finish().unwrap();
    }
    writer.commit().unwrap();
}

fn huge_file() {
    let mut writer = Writer::create(Arc::new(Sink), &ImageName::new("h.cim").unwrap(), options()).unwrap();
    let size = 20u64 << 30;
    let piece = vec![7; 1 << 20];
    let mut stream = writer.create_file(&path("f".to_owned()), &Metadata::default(), size).unwrap();
    for _ in 0..size / MIB {
        stream.append(&piece).unwrap();
    }
    stream.finish().unwrap();
    writer.commit().unwrap();
}

/// A directory whose files swallow everything: 20 GiB need not lie on a disk for their memory to be measured.
#[derive(Debug)]
struct Sink;

impl Directory for Sink {
    fn path(&self) -> &Path {
        Path::new("sink")
    }
    fn open(&self, _name: &str) -> io::Result<Bytes> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn create(&self, _name: &str) -> io::Result<Arc<dyn OutputFile>> {
        Ok(Arc::new(Sink))
    }
    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Ok(())
    }
    fn remove(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
    fn exists(&self, _name: &str) -> io::Result<bool> {
        Ok(false)
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn lock(&self) -> io::Result<Option<Lock>> {
        Ok(Some(Lock::new(())))
    }
    fn hold(&self, _name: &str) -> io::Result<Lock> {
        Ok(Lock::new(()))
    }
    fn is_held(&self, _name: &str) -> io::Result<bool> {
        Ok(false)
    }
}

impl OutputFile for Sink {
    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Ok(())
    }
    fn set_len(&self, _len: u64) -> io::Result<()> {
        Ok(())
    }
    fn start_writeback(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn reader(&self) -> io::Result<Box<dyn WrittenBytes>> {
        Ok(Box::new(Sink))
    }
}

impl WrittenBytes for Sink {
    fn read_at(&self, buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        buffer.fill(0);
        Ok(buffer.len())
    }
}
