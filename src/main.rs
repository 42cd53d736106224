//! The `cimsnap` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    helper().unwrap_or(ExitCode::SUCCESS)
}

/// Runs as the server of a mount if that is what the program was started for.
#[cfg(target_os = "linux")]
fn helper() -> Option<ExitCode> {
    use cimsnap::mount::fuse;

    let mut args = std::env::args_os().skip(1);
    (args.next()? == fuse::SUBCOMMAND).then(|| fuse::serve_main(args))
}

#[cfg(not(target_os = "linux"))]
fn helper() -> Option<ExitCode> {
    None
}
