//! Reading and walking a mounted image beside the same tree on ext4.
//!
//! ```text
//!   tests/bench/disk.sh mount /tmp/bench.img /tmp/bench 12G
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench mount
//!   tests/bench/disk.sh umount /tmp/bench.img /tmp/bench
//! ```
//!
//! Needs root and /dev/fuse. `report` makes a table of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::io::Read;
    use std::os::unix::fs::FileExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::time::Instant;

    use cimsnap::cim::io::{Directory, DiskDirectory};
    use cimsnap::cim::{ImageName, ImagePath, Metadata, Writer, WriterOptions};
    use cimsnap::mount::fuse::FuseMounter;
    use cimsnap::mount::{MountOptions, Mounter, Unmount};

    const LARGE: u64 = 1 << 30;
    const FILES: u32 = 100_000;
    const PER_DIRECTORY: u32 = 1000;
    const RUNS: usize = 7;
    const COLD_RUNS: usize = 3;
    const RANDOM_READS: u32 = 100_000;

    pub(super) fn main() {
        let root = std::env::var_os("CIMSNAP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let root = root.join("mount-bench");
        drop(fs::remove_dir_all(&root));
        for name in ["cim", "ext4", "mnt"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        write(&root);
        let bench = Bench { root, mounter: FuseMounter::new(env!("CARGO_BIN_EXE_cimsnap")) };
        let rows = [
            bench.row("read 1 GiB in order", "at least 1 GB/s when warm: 1.07 s", read_in_order),
            bench.row("read 4 KiB at random", "", read_at_random),
            bench.row("`find` over 100,000 files", "at most twice as long when warm", |at| find(at, &[])),
            bench.row("`find` with `stat`", "", |at| find(at, &["-size", "+9000G"])),
        ];
        fs::remove_dir_all(&bench.root).unwrap();
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        fs::create_dir_all(&results).unwrap();
        fs::write(results.join("mount.json"), serde_json::to_vec(&rows).unwrap()).unwrap();
    }

    /// Medians in seconds.
    #[derive(Debug, serde::Serialize)]
    struct Row {
        what: &'static str,
        goal: &'static str,
        ext4: f64,
        first: f64,
        again: f64,
        cold_ext4: f64,
        cold_mount: f64,
    }

    struct Bench {
        root: PathBuf,
        mounter: FuseMounter,
    }

    impl Bench {
        /// Measures a thing in turns: on ext4, on a mount that was never asked before, and on one that was.
        fn row(&self, what: &'static str, goal: &'static str, measure: impl Fn(&Path) -> f64) -> Row {
            let ext4 = self.root.join("ext4");
            let at = self.root.join("mnt");
            measure(&ext4);
            let (mut beside, mut first, mut again) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..RUNS {
                beside.push(measure(&ext4));
                self.mounted(|| {
                    first.push(measure(&at));
                    again.push(measure(&at));
                });
            }
            let row = Row {
                what,
                goal,
                ext4: median(beside),
                first: median(first),
                again: median(again),
                cold_ext4: median((0..COLD_RUNS).map(|_| cold(|| measure(&ext4))).collect()),
                cold_mount: median((0..COLD_RUNS).map(|_| cold(|| self.mounted(|| measure(&at)))).collect()),
            };
            println!("{row:?}");
            row
        }

        fn mounted<T>(&self, run: impl FnOnce() -> T) -> T {
            let at = self.root.join("mnt");
            self.mounter.mount(&self.root.join("cim/a.cim"), &at, &MountOptions::default()).unwrap();
            let result = run();
            self.mounter.unmount(&at, Unmount::WhenIdle).unwrap();
            result
        }
    }

    fn cold<T>(run: impl FnOnce() -> T) -> T {
        assert!(Command::new("sync").status().unwrap().success());
        fs::write("/proc/sys/vm/drop_caches", "3").unwrap();
        run()
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    fn read_in_order(at: &Path) -> f64 {
        let mut file = File::open(at.join("large")).unwrap();
        let mut buffer = vec![0; 1 << 20];
        let start = Instant::now();
        let mut total = 0;
        loop {
            match file.read(&mut buffer).unwrap() {
                0 => break,
                read => total += read,
            }
        }
        assert_eq!(u64::try_from(total).unwrap(), LARGE);
        start.elapsed().as_secs_f64()
    }

    fn read_at_random(at: &Path) -> f64 {
        let file = File::open(at.join("large")).unwrap();
        let mut buffer = [0; 4096];
        let mut place = 12_345u64;
        let start = Instant::now();
        for _ in 0..RANDOM_READS {
            place = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let offset = (place >> 20) % (LARGE / 4096) * 4096;
            file.read_exact_at(&mut buffer, offset).unwrap();
        }
        start.elapsed().as_secs_f64() / f64::from(RANDOM_READS)
    }

    fn find(at: &Path, test: &[&str]) -> f64 {
        let start = Instant::now();
        let status = Command::new("find").arg(at).args(test).stdout(Stdio::null()).status().unwrap();
        assert!(status.success());
        start.elapsed().as_secs_f64()
    }

    /// Writes the same tree as an image and as files.
    fn write(root: &Path) {
        let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(root.join("cim")));
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let mut writer = Writer::create(directory, &ImageName::new("a.cim").unwrap(), options).unwrap();
        let ext4 = root.join("ext4");
        let path = |text: &str| ImagePath::parse(text).unwrap();
        let piece: Vec<u8> =
            (0..1u32 << 18).flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let mut stream = writer.create_file(&path("large"), &Metadata::default(), LARGE).unwrap();
        let mut file = File::create(ext4.join("large")).unwrap();
        for number in 0..LARGE >> 20 {
            let mut piece = piece.clone();
            piece[..8].copy_from_slice(&number.to_le_bytes());
            stream.append(&piece).unwrap();
            std::io::Write::write_all(&mut file, &piece).unwrap();
        }
        stream.finish().unwrap();
        for number in 0..FILES {
            let directory = format!("directory{:03}", number / PER_DIRECTORY);
            if number % PER_DIRECTORY == 0 {
                writer.create_directory(&path(&directory), &Metadata::directory()).unwrap();
                fs::create_dir(ext4.join(&directory)).unwrap();
            }
            let name = format!("{directory}/file-{number:06}.txt");
            let data = name.repeat(20);
            let size = u64::try_from(data.len()).unwrap();
            let mut stream = writer.create_file(&path(&name), &Metadata::default(), size).unwrap();
            stream.append(data.as_bytes()).unwrap();
            stream.finish().unwrap();
            fs::write(ext4.join(&name), data).unwrap();
        }
        writer.commit().unwrap();
    }
}
