//! The integration tests: one binary, a module for each theme.

mod model;
mod support;
mod write;
