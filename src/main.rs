//! The `cimsnap` program.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cimsnap::mount::served().unwrap_or_else(cli::main)
}
