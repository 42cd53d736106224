//! Turns what the benches measured into the tables and plots of `docs/benchmarks.md`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A measured thing beside what it is measured against.
struct Row {
    what: &'static str,
    ours: &'static str,
    peer: Option<&'static str>,
    peer_name: &'static str,
    goal: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        what: "write a file of 1 GiB",
        ours: "large-file/image",
        peer: Some("large-file/cp"),
        peer_name: "`cp`",
        goal: "at least 0.7 of the rate",
    },
    Row {
        what: "write 100,000 files of 1 KiB",
        ours: "small-files/image",
        peer: Some("small-files/tar -x"),
        peer_name: "`tar -x` to ext4",
        goal: "at least 5 times the rate",
    },
    Row {
        what: "open an image of 1,000,000 files, look one up",
        ours: "ready-image/open and look up in 1,000,000 files",
        peer: Some("ready-image/open and look up in 10,000 files"),
        peer_name: "the same on 10,000 files",
        goal: "at most 1 ms",
    },
    Row {
        what: "fork it, change one file, commit",
        ours: "ready-image/fork and change one of 1,000,000 files",
        peer: Some("ready-image/fork and change one of 10,000 files"),
        peer_name: "the same on 10,000 files",
        goal: "at most 10 ms, and 1.5 times as long",
    },
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table =
        String::from("| | ours | beside | rate, ours to theirs | goal |\n|---|---|---|---|---|\n");
    let mut bars = Vec::new();
    for row in ROWS {
        let ours = median(root, row.ours);
        let peer = row.peer.map(|peer| median(root, peer));
        let beside =
            peer.map_or_else(|| "-".to_owned(), |peer| format!("{}: {}", row.peer_name, duration(peer)));
        let ratio = peer.map_or_else(|| "-".to_owned(), |peer| format!("{:.2}", peer / ours));
        writeln!(table, "| {} | {} | {beside} | {ratio} | {} |", row.what, duration(ours), row.goal).unwrap();
        if let Some(peer) = peer {
            bars.push((row.what, row.peer_name, peer / ours));
        }
    }
    let (pulls, pull_bars) = pulls(root);
    let sections = [
        ("image", table),
        ("mount", mount_table(root)),
        ("layer", layer_table(root)),
        ("convert", convert_table(root)),
        ("windows", windows_table(root)),
        ("daemon", daemon_table(root)),
        ("pull", pulls),
        ("step", step_table(root)),
        ("containers", containers_table(root)),
    ];
    for (section, table) in sections {
        replace_section(&root.join("docs/benchmarks.md"), section, &table);
        println!("{table}");
    }
    for (name, bars) in [("image", bars), ("layer", layer_bars(root)), ("pull", pull_bars)] {
        fs::write(root.join(format!("docs/benchmarks-{name}.svg")), plot(&bars)).unwrap();
    }
}

/// What converting a layer is measured beside.
const LAYER_ROWS: &[(&str, &str)] = &[
    ("convert a layer to an image", "convert"),
    ("inflate it, and no more", "inflate"),
    ("SHA-256 of both streams, BLAKE3, write, on one thread", "hash and write"),
    ("the same, SHA-256 on a thread of its own", "hash and write, two threads"),
    ("`gzip -dc`, and no more", "gzip -dc"),
    ("`gzip -dc`, `tar2sqfs` with lz4", "tar2sqfs, lz4"),
    ("`tar -xz` to ext4", "tar -xz"),
];

/// Makes the table of what was measured on layers.
fn layer_table(root: &Path) -> String {
    let results = results(root, "layer");
    let number = |name: &str| results[name].as_f64().unwrap();
    let (ours, tar) = (number("convert"), number("tar bytes"));
    let mut table = String::from(
        "| | time | of the processor | rate, bytes of tar | ours, to this |\n|---|---|---|---|---|\n",
    );
    for (name, key) in LAYER_ROWS {
        let (time, work) = (number(key), number(&format!("{key}: processor")));
        let (rate, ratio) = (tar / time / 1e6, ours / time);
        let (time, work) = (duration(time), duration(work));
        writeln!(table, "| {name} | {time} | {work} | {rate:.0} MB/s | {ratio:.2} |").unwrap();
    }
    table
}

/// The rates of converting a layer to those of everything else.
fn layer_bars(root: &Path) -> Vec<Bar> {
    let results = results(root, "layer");
    let ours = results["convert"].as_f64().unwrap();
    let peers = LAYER_ROWS.iter().filter(|(_, key)| !key.starts_with("convert"));
    peers.map(|(name, key)| ("convert a layer", *name, results[*key].as_f64().unwrap() / ours)).collect()
}

/// Makes the table of what was measured on a whole image.
fn convert_table(root: &Path) -> String {
    let results = results(root, "convert");
    let number = |name: &str| results[name].as_f64().unwrap();
    let (seconds, tar) = (number("seconds"), number("tar bytes"));
    let disk_to = |bytes| format!("{:.3}", number("disk bytes") / number(bytes));
    let rows = [
        ("tar, blobs", format!("{:.0} MB, {:.0} MB", tar / 1e6, number("blob bytes") / 1e6), ""),
        ("time", format!("{}, {:.0} MB/s", duration(seconds), tar / seconds / 1e6), ""),
        ("of the processor", duration(number("processor")), ""),
        ("share of both cores", format!("{:.0} %", number("busy") * 100.0), "at least 90 %"),
        ("peak of memory", format!("{:.0} MiB", number("peak") / f64::from(1 << 20)), "at most 96 MiB"),
        ("disk, to distinct bytes of each layer's files", disk_to("unique bytes in a layer"), "at most 1.03"),
        ("the same, distinct in the whole image", disk_to("unique bytes"), ""),
    ];
    let mut table = String::from("| | | goal |\n|---|---|---|\n");
    for (what, figure, goal) in rows {
        writeln!(table, "| {what} | {figure} | {goal} |").unwrap();
    }
    table
}

/// Makes the table of the program for Windows beside that for Linux.
fn windows_table(root: &Path) -> String {
    let results = results(root, "windows");
    let mut table =
        String::from("| | for Linux | for Windows, with Wine | to Linux | goal |\n|---|---|---|---|---|\n");
    for (what, of, figure, goal) in [
        ("convert the image", "convert", "wall", "at most 1.5"),
        ("of the processor, without Wine's server", "convert", "processor", ""),
        ("start, and do nothing", "start", "wall", ""),
    ] {
        let [linux, windows] =
            ["linux", "windows"].map(|system| results[of][system][figure].as_f64().unwrap());
        let (ratio, linux, windows) = (windows / linux, duration(linux), duration(windows));
        writeln!(table, "| {what} | {linux} | {windows} | {ratio:.2} | {goal} |").unwrap();
    }
    table
}

/// What containerd waits for, by what the bench calls it.
const VERBS: &[(&str, &str, &str)] = &[
    ("prepare a container on 7 layers", "prepare, 7 layers, not mounted", "at most 15 ms"),
    ("the same, beside a container of that image", "prepare, 7 layers, mounted", "at most 15 ms"),
    ("prepare a container on 100,000 files", "prepare, 100,000 files, not mounted", "at most 15 ms"),
    ("the same, beside a container of that image", "prepare, 100,000 files, mounted", "at most 15 ms"),
    ("commit a layer of 100,000 files", "commit, 100,000 files", "at most 30 ms"),
    ("commit a layer of one file over them", "commit, one file over 100,000", "at most 30 ms"),
    ("prepare, apply and commit that", "all three, one file over 100,000", "at most 5 ms"),
    ("write a new file of 4 KiB and sync it", "write a new file of 4 KiB and sync it", ""),
    ("list 1,000 snapshots", "list 1,000 snapshots", "at most 20 ms"),
];

/// Makes the table of what containerd waits for.
fn daemon_table(root: &Path) -> String {
    let results = results(root, "daemon");
    let number = |name: &str| results[name].as_f64().unwrap();
    let mut table = String::from("| | | goal |\n|---|---|---|\n");
    for (what, key, goal) in VERBS {
        writeln!(table, "| {what} | {} | {goal} |", duration(number(key))).unwrap();
    }
    let memory = number("memory, new: MiB");
    writeln!(table, "| memory of a daemon that does nothing | {memory:.0} MiB | at most 25 MiB |").unwrap();
    let memory = number("memory, after all this: MiB");
    writeln!(table, "| memory after all this | {memory:.0} MiB | |").unwrap();
    table
}

/// What pulls are made with: a name, and what the bench calls it.
const PULLS: &[(&str, &str)] = &[
    ("cimsnap, layers side by side", "cimsnap-par"),
    ("cimsnap, one layer at a time", "cimsnap-seq"),
    ("overlayfs, layers side by side", "overlayfs-par"),
    ("overlayfs, one layer at a time", "overlayfs-seq"),
    ("erofs, layers side by side", "erofs-par"),
    ("erofs with igzip, layers side by side", "erofs-igzip-par"),
];

/// A ratio to draw: what, beside what, and how much.
type Bar = (&'static str, &'static str, f64);

/// Makes the table of what was measured on pulls, and what is drawn of it.
fn pulls(root: &Path) -> (String, Vec<Bar>) {
    let results = results(root, "pull");
    let figure = |key: &str, figure: &str| results[key][figure].as_f64().unwrap();
    let wall = |key| figure(key, "wall_s");
    let mut table =
        String::from("| | time | to overlayfs side by side | of the processor | memory | disk |\n");
    table.push_str("|---|---|---|---|---|---|\n");
    let mut bars = Vec::new();
    for (name, key) in PULLS {
        let (time, work) = (duration(wall(key)), duration(figure(key, "cpu_s")));
        let ratio = wall(key) / wall("overlayfs-par");
        let (memory, disk) = (figure(key, "peak_rss_mib"), figure(key, "disk_mb"));
        writeln!(table, "| {name} | {time} | {ratio:.2} | {work} | {memory:.0} MiB | {disk:.0} MB |")
            .unwrap();
        if !key.starts_with("cimsnap") {
            bars.push(("pull an image", *name, wall(key) / wall("cimsnap-par")));
        }
    }
    (table, bars)
}

/// Makes the table of pulls to which almost everything is there.
fn step_table(root: &Path) -> String {
    let results = results(root, "pull");
    let figure = |key: &str, figure: &str| results[key][figure].as_f64().unwrap();
    let mut table =
        String::from("| | nothing to do | a layer of one file | more | goal |\n|---|---|---|---|---|\n");
    for (name, key) in PULLS {
        let (nothing, step) = (figure(key, "nothing_s"), figure(key, "one_file_s"));
        let goal = if key.starts_with("cimsnap") { "at most 5 ms" } else { "" };
        let [more, nothing, step] = [step - nothing, nothing, step].map(duration);
        writeln!(table, "| {name} | {nothing} | {step} | {more} | {goal} |").unwrap();
    }
    table
}

/// What `cimsnap bench` measures, by the name that it has in its report.
const MEASURES: &[(&str, &str)] = &[
    ("unpack", "unpack_seconds"),
    ("first container", "start_seconds"),
    ("walk through all files", "walk_seconds"),
    ("read all files", "read_seconds"),
    ("disk", "disk_bytes"),
];

/// Makes the table of what was measured with containers.
fn containers_table(root: &Path) -> String {
    let results = results(root, "containers");
    let snapshotters = ["cimsnap", "overlayfs", "erofs", "native"];
    let figure = |snapshotter: &str, measure: &str| {
        let mut all = results["measured"].as_array().unwrap().iter();
        let found = all.find(|one| one["snapshotter"] == snapshotter && one["measure"] == measure);
        found.and_then(|one| one["median"].as_f64())
    };
    let mut table = format!("| | {} |\n|---|---|---|---|---|\n", snapshotters.join(" | "));
    for (what, measure) in MEASURES {
        let cells = snapshotters.map(|snapshotter| match figure(snapshotter, measure) {
            None => "not measured".to_owned(),
            Some(bytes) if measure.ends_with("bytes") => format!("{:.0} MB", bytes / 1e6),
            Some(seconds) => duration(seconds),
        });
        writeln!(table, "| {what} | {} |", cells.join(" | ")).unwrap();
    }
    table
}

/// Reads what a bench without criterion has measured.
fn results(root: &Path, bench: &str) -> serde_json::Value {
    let path = root.join(format!("target/bench/{bench}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Makes the table of what was measured on mounts.
fn mount_table(root: &Path) -> String {
    let rows = results(root, "mount");
    let mut table = String::from(
        "| | ext4 | mount, first time | mount, again | again, to ext4 | cold: ext4 | cold: mount | goal |\n",
    );
    table.push_str("|---|---|---|---|---|---|---|---|\n");
    for row in rows.as_array().unwrap() {
        let seconds = |name: &str| row[name].as_f64().unwrap();
        let shown = |name: &str| duration(seconds(name));
        let ratio = seconds("again") / seconds("ext4");
        let (what, goal) = (row["what"].as_str().unwrap(), row["goal"].as_str().unwrap());
        let (ext4, first, again) = (shown("ext4"), shown("first"), shown("again"));
        let (cold_ext4, cold_mount) = (shown("cold_ext4"), shown("cold_mount"));
        writeln!(
            table,
            "| {what} | {ext4} | {first} | {again} | {ratio:.2} | {cold_ext4} | {cold_mount} | {goal} |"
        )
        .unwrap();
    }
    table
}

/// Median time of a bench in seconds.
fn median(root: &Path, bench: &str) -> f64 {
    // Criterion makes directories of names, with what a path cannot hold replaced.
    let directory = bench.split('/').map(|part| part.replace(['*', '?', '"', '<', '>', ':', '|'], "_"));
    let path = root.join("target/criterion").join(directory.collect::<Vec<_>>().join("/"));
    let path = path.join("new/estimates.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let estimates: serde_json::Value = serde_json::from_str(&text).unwrap();
    estimates["median"]["point_estimate"].as_f64().unwrap() / 1e9
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.001 => format!("{:.1} ms", s * 1e3),
        s if s >= 1e-5 => format!("{:.0} µs", s * 1e6),
        s => format!("{:.1} µs", s * 1e6),
    }
}

/// Replaces what lies between the marks of a section.
fn replace_section(path: &Path, section: &str, text: &str) {
    let page = fs::read_to_string(path).unwrap();
    let (begin, end) = (format!("<!-- {section}: begin -->\n"), format!("<!-- {section}: end -->"));
    let (before, rest) = page.split_once(&begin).expect("the page has the section's first mark");
    let (_, after) = rest.split_once(&end).expect("the page has the section's last mark");
    fs::write(path, format!("{before}{begin}{text}{end}{after}")).unwrap();
}

/// Draws the ratios as bars on a logarithmic scale; the line at 1 is "as fast as".
fn plot(bars: &[(&str, &str, f64)]) -> String {
    const LEFT: f64 = 330.0;
    const UNIT: f64 = 130.0;
    let height = 40 + 48 * bars.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let one = LEFT + UNIT;
    writeln!(
        svg,
        "<line x1=\"{one}\" y1=\"10\" x2=\"{one}\" y2=\"{}\" stroke=\"#c1121f\" stroke-dasharray=\"4 3\"/>",
        height - 22
    )
    .unwrap();
    for (index, (what, peer, ratio)) in bars.iter().enumerate() {
        let y = 20 + 48 * index;
        let end = LEFT + UNIT * (1.0 + ratio.log10()).max(0.05);
        writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{what}</text>", LEFT - 10.0, y + 14)
            .unwrap();
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#666\" font-size=\"11\">against {}</text>",
            LEFT - 10.0,
            y + 29,
            peer.replace('`', "")
        )
        .unwrap();
        writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"26\" fill=\"#2a6f97\"/>",
            end - LEFT
        )
        .unwrap();
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"end\" fill=\"white\">{ratio:.2}</text>",
            end - 6.0,
            y + 18
        )
        .unwrap();
    }
    writeln!(
        svg,
        "<text x=\"{one}\" y=\"{}\" text-anchor=\"middle\" fill=\"#c1121f\" font-size=\"11\">as fast as</text>\n</svg>",
        height - 8
    )
    .unwrap();
    svg
}
