//! The `cimsnap` program.

fn main() {}
