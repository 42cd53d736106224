//! The `cimsnap` program.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    served().unwrap_or_else(cli::main)
}

/// Runs as the server of a mount if that is what the program was started for.
#[cfg(target_os = "linux")]
fn served() -> Option<ExitCode> {
    use cimsnap::mount::fuse;

    let mut args = std::env::args_os().skip(1);
    (args.next()? == fuse::SUBCOMMAND).then(|| fuse::serve_main(args))
}

#[cfg(not(target_os = "linux"))]
fn served() -> Option<ExitCode> {
    None
}
