//! The dump as text: sections of lines, of which each shows at most so many.

use std::fmt;
use std::io;

/// Writes a dump. The first failure to write is kept, and nothing is written after it.
pub(super) struct Report<'w> {
    out: &'w mut dyn io::Write,
    limit: usize,
    /// Lines of this section.
    lines: usize,
    faults: u64,
    failure: Option<io::Error>,
}

impl<'w> Report<'w> {
    pub(super) fn new(out: &'w mut dyn io::Write, limit: Option<usize>) -> Self {
        Self { out, limit: limit.unwrap_or(usize::MAX), lines: 0, faults: 0, failure: None }
    }

    /// Begins a section.
    pub(super) fn section(&mut self, title: fmt::Arguments<'_>) {
        self.end_section();
        self.write(format_args!("\n[{title}]\n"));
    }

    /// Writes a line, unless the section has too many already.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        self.lines = self.lines.saturating_add(1);
        if self.lines <= self.limit {
            self.write(format_args!("{line}\n"));
        }
    }

    /// Returns whether another line of this section would be shown.
    pub(super) fn has_room(&self) -> bool {
        self.lines < self.limit
    }

    /// Counts lines that are not shown in any case.
    pub(super) fn skip(&mut self, lines: usize) {
        self.lines = self.lines.saturating_add(lines);
    }

    /// Writes a line about something that cannot be as it is.
    pub(super) fn fault(&mut self, fault: fmt::Arguments<'_>) {
        self.faults = self.faults.saturating_add(1);
        self.line(format_args!("! {fault}"));
    }

    /// Ends the dump; returns how many faults it has.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.end_section();
        let faults = self.faults;
        self.write(format_args!("\nfaults: {faults}\n"));
        self.failure.map_or(Ok(faults), Err)
    }

    fn end_section(&mut self) {
        let hidden = self.lines.saturating_sub(self.limit);
        if hidden > 0 {
            self.write(format_args!("... {hidden} more lines, which --all shows\n"));
        }
        self.lines = 0;
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        if self.failure.is_none() {
            self.failure = self.out.write_fmt(text).err();
        }
    }
}
