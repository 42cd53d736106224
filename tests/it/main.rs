//! The integration tests: one binary, a module for each theme.

mod crash;
mod model;
mod support;
mod write;
