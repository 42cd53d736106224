//! What a terminal shows of the layers of an image: that they wait, how far they are, that they are converted.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::cli::ui::{Bars, Progress, Ui};

/// A line for each layer that is to be read, by its number.
pub(super) struct Lines {
    bars: Bars,
    layers: usize,
    shown: Mutex<HashMap<usize, Arc<Progress>>>,
}

impl Lines {
    pub(super) fn new(ui: &Ui, layers: usize) -> Self {
        Self { bars: ui.bars(), layers, shown: Mutex::default() }
    }

    /// Shows layers that wait, in order.
    pub(super) fn wait(&self, numbers: impl Iterator<Item = usize>) {
        for number in numbers.collect::<BTreeSet<_>>() {
            self.of(number);
        }
    }

    /// Returns the line of a layer.
    pub(super) fn of(&self, number: usize) -> Arc<Progress> {
        let waiting = || Arc::new(self.other(format!("layer {number} of {}", self.layers)));
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.entry(number).or_insert_with(waiting).clone()
    }

    /// Takes the line of a layer away.
    pub(super) fn remove(&self, number: usize) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// Shows that something else waits.
    pub(super) fn other(&self, what: String) -> Progress {
        self.bars.waiting(what)
    }

    /// Prints what was done, above what is still going on.
    pub(super) fn summary(&self, value: &impl Serialize, text: &str) -> io::Result<()> {
        self.bars.summary(value, text)
    }
}
