//! One module for each family of commands.

pub(crate) mod cim;
