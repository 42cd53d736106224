//! Where output goes. Nothing else in the program prints, so that hidden characters of untrusted text reach no terminal:
//! see [`cimsnap::escape`].

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::time::Duration;

use cimsnap::escape::{EscapingWriter, on_one_line};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// Standard output, for much of it.
pub(crate) type Out = EscapingWriter<BufWriter<StdoutLock<'static>>>;

fn standard_output() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 * 1024, io::stdout().lock())
}

/// Opens standard output for bytes that are no text for people: the data of a file, a configuration.
pub(crate) fn data_out() -> Out {
    EscapingWriter::data(standard_output())
}

/// Prints a message on standard error. Further lines of it are indented, so that none of them passes for a message.
pub(crate) fn complain(kind: &str, message: &str) {
    let lines: Vec<String> = message.lines().map(on_one_line).collect();
    eprintln!("{kind}: {}", lines.join("\n    "));
}

/// Prints lines of text on standard error.
pub(crate) fn complain_lines(text: &str) {
    // There is nowhere else to report that standard error cannot be written.
    drop(EscapingWriter::new(io::stderr().lock()).write_all(text.as_bytes()));
}

/// How the program talks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
}

impl Ui {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Returns whether machines read the output.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Opens standard output for JSON, or for text that people read. It has to be flushed in the end, or errors go
    /// unnoticed.
    pub(crate) fn out(self) -> Out {
        if self.json { data_out() } else { EscapingWriter::new(standard_output()) }
    }

    /// Prints the answer of a command: an object of JSON, or text.
    pub(crate) fn answer(
        self,
        value: &impl Serialize,
        text: impl FnOnce(&mut Out) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut out = self.out();
        if self.json {
            line(&mut out, value)?
        } else {
            text(&mut out)?
        }
        out.flush()
    }

    /// Prints a file that programs read: an object of JSON, or the text as it is.
    pub(crate) fn document(self, value: &impl Serialize, text: &str) -> io::Result<()> {
        let mut out = data_out();
        if self.json {
            line(&mut out, value)?
        } else {
            out.write_all(text.as_bytes())?
        }
        out.flush()
    }

    /// Prints what a command has done, unless nobody wants to know.
    pub(crate) fn summary(self, value: &impl Serialize, text: &str) -> io::Result<()> {
        if self.quiet && !self.json {
            return Ok(());
        }
        self.answer(value, |out| writeln!(out, "{text}"))
    }

    /// Tells of something odd that is no reason to fail.
    pub(crate) fn warn(self, text: &str) {
        if !self.quiet {
            complain("warning", text);
        }
    }

    /// Shows on a terminal how far long work is. The total is 0 where nobody knows it.
    pub(crate) fn progress(self, what: &'static str, total: u64) -> Progress {
        let bar = bar(total);
        bar.set_draw_target(self.draw_target());
        self.start(bar, what)
    }

    /// Shows on a terminal how many of several steps are done.
    #[cfg(target_os = "linux")]
    pub(crate) fn steps(self, total: u64) -> Progress {
        let style = ProgressStyle::with_template("[{bar:32}] {pos} of {len} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total), self.draw_target());
        self.start(bar.with_style(style.progress_chars("=> ")), "")
    }

    /// Shows the same of several things at once.
    pub(crate) fn bars(self) -> Bars {
        Bars { ui: self, multi: MultiProgress::with_draw_target(self.draw_target()) }
    }

    /// Returns whether there is no terminal to show progress on, or nobody wants to see it.
    pub(crate) fn is_hidden(self) -> bool {
        self.quiet || self.json || !io::stderr().is_terminal()
    }

    fn draw_target(self) -> ProgressDrawTarget {
        if self.is_hidden() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
    }

    fn start(self, bar: ProgressBar, what: &str) -> Progress {
        bar.set_message(on_one_line(what));
        if !self.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Progress(bar)
    }
}

/// Shows how much of a known length there is.
const MEASURED: &str = "{msg} [{bar:32}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

fn bar(total: u64) -> ProgressBar {
    match total {
        0 => styled(ProgressBar::no_length(), "{msg} {bytes} in {elapsed}, {bytes_per_sec}"),
        _ => styled(ProgressBar::new(total), MEASURED),
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // The templates are constants, and valid.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("=> "))
}

/// How far several things are, one below the other.
#[derive(Debug)]
pub(crate) struct Bars {
    ui: Ui,
    multi: MultiProgress,
}

impl Bars {
    /// Adds one.
    pub(crate) fn add(&self, what: String, total: u64) -> Progress {
        self.ui.start(self.multi.add(bar(total)), &what)
    }

    /// Adds one that has not begun.
    pub(crate) fn waiting(&self, what: String) -> Progress {
        let bar = self.multi.add(styled(ProgressBar::no_length(), "{msg} waits"));
        bar.set_message(on_one_line(what));
        bar.tick();
        Progress(bar)
    }

    /// Prints what was done, above what is still going on.
    pub(crate) fn summary(&self, value: &impl Serialize, text: &str) -> io::Result<()> {
        self.multi.suspend(|| self.ui.summary(value, text))
    }
}

/// Prints one object of JSON on a line.
pub(crate) fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// How far long work is. Taken off the terminal when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Begins what was waiting.
    pub(crate) fn begin(&self, total: u64) {
        self.0.set_length(total);
        self.0.set_position(0);
        self.0.reset_elapsed();
        drop(styled(self.0.clone(), MEASURED));
        self.0.enable_steady_tick(Duration::from_millis(200));
    }

    /// Shows that there is nothing left to do but what others have to do first.
    pub(crate) fn end(&self) {
        self.0.disable_steady_tick();
        drop(styled(self.0.clone(), "{msg} converted, {total_bytes} in {elapsed}"));
        self.0.tick();
    }

    /// Says what the step is that comes now.
    #[cfg(target_os = "linux")]
    pub(crate) fn step(&self, what: String) {
        self.0.set_message(on_one_line(what));
        self.0.inc(1);
    }

    pub(crate) fn reach(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
