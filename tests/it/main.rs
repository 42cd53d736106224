//! The integration tests: one binary, a module for each public noun.

mod hive_oracles;
