//! Writing, opening and forking images, each beside what the machine does without us.
//!
//! `make bench` runs this on a fresh file system and puts the ratios into `docs/benchmarks.md`. By hand, the
//! directory to work in is taken from `CIMSNAP_BENCH_DIR`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{Image, ImageName, ImagePath, Metadata, Writer, WriterOptions};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};

const LARGE: u64 = 1 << 30;
const SMALL_FILES: u32 = 100_000;
const PER_DIRECTORY: u32 = 1000;

/// Nobody waits for the disk: what is compared does not either.
const OPTIONS: WriterOptions = WriterOptions { sync: false, ..WriterOptions::DEFAULT };

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500));
    targets = large_file, small_files, open_and_fork
}
criterion_main!(benches);

fn work_directory() -> PathBuf {
    let root = std::env::var_os("CIMSNAP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = root.join("image-bench");
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn disk(path: &Path) -> Arc<dyn Directory> {
    Arc::new(DiskDirectory::new(path))
}

fn image_name(text: &str) -> ImageName {
    ImageName::new(text).unwrap()
}

fn image_path(text: String) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

/// Times `work` alone; what it made is removed, and the disk left in peace, before the next round.
fn time_rounds(rounds: u64, scratch: &Path, mut work: impl FnMut(&Path)) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        if scratch.exists() {
            fs::remove_dir_all(scratch).unwrap();
        }
        fs::create_dir_all(scratch).unwrap();
        assert!(Command::new("sync").status().unwrap().success());
        let start = Instant::now();
        work(scratch);
        total += start.elapsed();
    }
    total
}

/// Bytes that neither compress nor repeat.
fn noise(file: &mut File, len: u64) {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut piece = vec![0; 1 << 20];
    for _ in 0..len >> 20 {
        for word in piece.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&piece).unwrap();
    }
}

fn large_file(criterion: &mut Criterion) {
    let directory = work_directory();
    let (source, scratch) = (directory.join("large"), directory.join("scratch"));
    noise(&mut File::create(&source).unwrap(), LARGE);
    let mut group = criterion.benchmark_group("large-file");
    group.sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(10));
    group.bench_function("cp", |bencher| {
        bencher.iter_custom(|rounds| {
            time_rounds(rounds, &scratch, |scratch| {
                let status = Command::new("cp").arg(&source).arg(scratch.join("copy")).status();
                assert!(status.unwrap().success());
            })
        });
    });
    group.bench_function("image", |bencher| {
        bencher.iter_custom(|rounds| time_rounds(rounds, &scratch, |scratch| write_large(&source, scratch)));
    });
    group.finish();
    fs::remove_dir_all(&directory).unwrap();
}

fn write_large(source: &Path, scratch: &Path) {
    let mut file = File::open(source).unwrap();
    let mut writer = Writer::create(disk(scratch), &image_name("large.cim"), OPTIONS).unwrap();
    let mut stream = writer.create_file(&image_path("f".into()), &Metadata::default(), LARGE).unwrap();
    let mut piece = vec![0; 256 << 10];
    loop {
        match file.read(&mut piece).unwrap() {
            0 => break,
            len => stream.append(&piece[..len]).unwrap(),
        }
    }
    stream.finish().unwrap();
    writer.commit().unwrap();
}

fn small_data(number: u32) -> [u8; 1024] {
    let mut data = [0; 1024];
    for (index, word) in data.chunks_exact_mut(4).enumerate() {
        word.copy_from_slice(&number.wrapping_mul(2_654_435_761).wrapping_add(index as u32).to_le_bytes());
    }
    data
}

fn small_files(criterion: &mut Criterion) {
    let directory = work_directory();
    let (tar, scratch) = (directory.join("small.tar"), directory.join("scratch"));
    write_tar(&tar);
    let mut group = criterion.benchmark_group("small-files");
    group.sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(10));
    group.bench_function("tar -x", |bencher| {
        bencher.iter_custom(|rounds| {
            time_rounds(rounds, &scratch, |scratch| {
                let status = Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(scratch).status();
                assert!(status.unwrap().success());
            })
        });
    });
    group.bench_function("image", |bencher| {
        bencher.iter_custom(|rounds| time_rounds(rounds, &scratch, |scratch| write_from_tar(&tar, scratch)));
    });
    group.finish();
    fs::remove_dir_all(&directory).unwrap();
}

fn write_tar(path: &Path) {
    let mut tar = tar::Builder::new(std::io::BufWriter::new(File::create(path).unwrap()));
    for number in 0..SMALL_FILES {
        let mut header = tar::Header::new_gnu();
        if number % PER_DIRECTORY == 0 {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            let name = format!("d{}/", number / PER_DIRECTORY);
            tar.append_data(&mut header, name, std::io::empty()).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(1024);
        let name = format!("d{}/file{number:06}", number / PER_DIRECTORY);
        tar.append_data(&mut header, name, &small_data(number)[..]).unwrap();
    }
    tar.into_inner().unwrap().flush().unwrap();
}

fn write_from_tar(tar: &Path, scratch: &Path) {
    let mut archive =
        tar::Archive::new(std::io::BufReader::with_capacity(256 << 10, File::open(tar).unwrap()));
    let mut writer = Writer::create(disk(scratch), &image_name("small.cim"), OPTIONS).unwrap();
    let mut data = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = ImagePath::parse(entry.path_bytes()).unwrap();
        if entry.header().entry_type().is_dir() {
            writer.create_directory(&path, &Metadata::directory()).unwrap();
            continue;
        }
        data.clear();
        entry.read_to_end(&mut data).unwrap();
        let mut stream = writer.create_file(&path, &Metadata::default(), data.len() as u64).unwrap();
        stream.append(&data).unwrap();
        stream.finish().unwrap();
    }
    writer.commit().unwrap();
}

fn open_and_fork(criterion: &mut Criterion) {
    let directory = work_directory();
    let mut group = criterion.benchmark_group("ready-image");
    for (label, files) in [("10,000 files", 10_000), ("1,000,000 files", 1_000_000)] {
        let name = image_name(&format!("{files}.cim"));
        write_many(&directory, &name, files);
        let at = image_path("d7/file0007003".to_owned());
        group.bench_function(format!("open and look up in {label}"), |bencher| {
            bencher.iter(|| {
                let image = Image::open_in(disk(&directory), &name).unwrap();
                assert!(image.find(&at).unwrap().is_some());
            });
        });
        group.bench_function(format!("fork and change one of {label}"), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| time_fork(&directory, &name, &at)).sum());
        });
    }
    group.finish();
    fs::remove_dir_all(&directory).unwrap();
}

fn write_many(directory: &Path, name: &ImageName, files: u32) {
    let mut writer = Writer::create(disk(directory), name, OPTIONS).unwrap();
    for number in 0..files {
        if number % PER_DIRECTORY == 0 {
            let at = image_path(format!("d{}", number / PER_DIRECTORY));
            writer.create_directory(&at, &Metadata::directory()).unwrap();
        }
        let at = image_path(format!("d{}/file{number:07}", number / PER_DIRECTORY));
        let mut stream = writer.create_file(&at, &Metadata::default(), 4).unwrap();
        stream.append(&(number + 1).to_le_bytes()).unwrap();
        stream.finish().unwrap();
    }
    writer.commit().unwrap();
}

fn time_fork(directory: &Path, parent: &ImageName, at: &ImagePath) -> Duration {
    let name = image_name("fork.cim");
    let start = Instant::now();
    let mut writer = Writer::fork(disk(directory), parent, &name, OPTIONS).unwrap();
    let mut stream = writer.create_file(at, &Metadata::default(), 7).unwrap();
    stream.append(b"changed").unwrap();
    stream.finish().unwrap();
    let header = writer.commit().unwrap();
    let took = start.elapsed();
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let text = path.file_name().unwrap().to_str().unwrap();
        if text == name.as_str() || cimsnap::cim::files::set_of(text) == Some(header.own.guid) {
            fs::remove_file(&path).unwrap();
        }
    }
    took
}
