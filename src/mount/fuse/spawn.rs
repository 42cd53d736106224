//! Starting the process that serves a mount, and its arguments.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::serve::{ServeOptions, serve};
use crate::cim::error_chain;
use crate::mount::{MountError, MountOptions};

/// The first argument that makes a program a server of mounts.
pub const SUBCOMMAND: &str = "fuse-serve";

const DETACH: &str = "--detach";

/// What a server says when its mount is live. Everything else is the text of an error.
const READY: &[u8] = b"ready";

/// Mounts an image in a process of its own. Returns when the mount is live; it outlives the caller.
pub fn spawn(program: &Path, image: &Path, at: &Path, options: &MountOptions) -> Result<(), MountError> {
    let unusable = |source| MountError::Mountpoint { at: at.to_owned(), source };
    if !at.metadata().map_err(unusable)?.is_dir() {
        return Err(unusable(io::ErrorKind::NotADirectory.into()));
    }
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let serve = ServeOptions {
        image: absolute(image),
        at: at.canonicalize().map_err(unusable)?,
        options: MountOptions { log: options.log.as_deref().map(absolute), ..options.clone() },
    };
    let starting = |source| MountError::Start { program: program.to_owned(), source };
    let mut child = Command::new(program)
        .args([SUBCOMMAND, DETACH])
        .args(to_args(&serve))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(starting)?;
    let mut answer = Vec::new();
    let read = child.stdout.take().map_or(Ok(0), |mut output| output.read_to_end(&mut answer));
    // The child only starts the server. That it ended says nothing that the answer does not.
    child.wait().map_err(starting)?;
    read.map_err(starting)?;
    match answer.as_slice() {
        READY => Ok(()),
        b"" => Err(MountError::ServerLost(at.to_owned())),
        text => Err(MountError::Server(String::from_utf8_lossy(text).into_owned())),
    }
}

/// Serves a mount if that is what this program was started for.
pub fn served() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    (args.next()? == SUBCOMMAND).then(|| serve_main(args))
}

/// Serves a mount as the arguments behind [`SUBCOMMAND`] say: the whole life of the process that [`spawn`] starts.
pub fn serve_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter().peekable();
    let result = match args.next_if(|arg| arg == DETACH) {
        Some(_) => pass_on(args),
        None => from_args(args).and_then(|options| {
            complain_to_log(&options);
            serve(&options, report_ready)
        }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Who waits reads it; if nobody does, there is nobody to tell.
            drop(say(error_chain(&error).as_bytes()));
            ExitCode::FAILURE
        }
    }
}

/// Starts the server, which thereby belongs to nobody who would have to wait for its end.
fn pass_on(args: impl Iterator<Item = OsString>) -> Result<(), MountError> {
    let this = std::env::current_exe();
    let program = this.unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let mut server = Command::new(&program);
    server.arg(SUBCOMMAND).args(args).stdin(Stdio::null()).stderr(Stdio::null());
    server.spawn().map(drop).map_err(|source| MountError::Start { program, source })
}

/// Sends what the program says when it breaks to the log. That the log cannot be opened comes out later.
fn complain_to_log(serve: &ServeOptions) {
    let log = serve.options.log.as_ref();
    let opened = log.and_then(|log| std::fs::OpenOptions::new().append(true).create(true).open(log).ok());
    let _ = opened.map(rustix::stdio::dup2_stderr);
}

/// Tells who waits that the mount is live, and lets go of the pipe.
fn report_ready() -> io::Result<()> {
    say(READY)?;
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdout(null)?)
}

fn say(text: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text)?;
    output.flush()
}

fn to_args(serve: &ServeOptions) -> Vec<OsString> {
    let MountOptions { view, suid, dev, threads, log } = &serve.options;
    let mut args = vec![OsString::from("--view"), view.as_str().into()];
    let flags = [("--suid", *suid), ("--dev", *dev)];
    args.extend(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| OsString::from(flag)));
    if let Some(threads) = threads {
        args.extend([OsString::from("--threads"), threads.to_string().into()]);
    }
    if let Some(log) = log {
        args.extend([OsString::from("--log"), log.into()]);
    }
    args.extend(["--".into(), OsString::from(&serve.image), OsString::from(&serve.at)]);
    args
}

fn from_args(mut args: impl Iterator<Item = OsString>) -> Result<ServeOptions, MountError> {
    let mut options = MountOptions::default();
    loop {
        let flag = next(&mut args)?;
        match flag.to_str() {
            Some("--view") => options.view = parse(&next(&mut args)?)?,
            Some("--threads") => options.threads = Some(parse::<NonZeroUsize>(&next(&mut args)?)?),
            Some("--suid") => options.suid = true,
            Some("--dev") => options.dev = true,
            Some("--log") => options.log = Some(next(&mut args)?.into()),
            Some("--") => break,
            _ => return Err(bad(&flag)),
        }
    }
    let (image, at) = (next(&mut args)?.into(), next(&mut args)?.into());
    match args.next() {
        Some(extra) => Err(bad(&extra)),
        None => Ok(ServeOptions { image, at, options }),
    }
}

fn next(args: &mut impl Iterator<Item = OsString>) -> Result<OsString, MountError> {
    args.next().ok_or_else(|| MountError::Argument("past the last".to_owned()))
}

fn parse<T: std::str::FromStr>(arg: &OsStr) -> Result<T, MountError> {
    arg.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| bad(arg))
}

fn bad(arg: &OsStr) -> MountError {
    MountError::Argument(arg.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::ViewKind;

    #[test]
    fn arguments_read_back() {
        let options = MountOptions {
            view: ViewKind::Windows,
            suid: true,
            dev: true,
            threads: NonZeroUsize::new(3),
            log: Some("/log".into()),
        };
        for options in [options, MountOptions::default()] {
            let serve = ServeOptions { image: "--suid".into(), at: "/mnt".into(), options };
            assert_eq!(from_args(to_args(&serve).into_iter()).unwrap(), serve);
        }
    }

    #[test]
    fn other_arguments_are_named() {
        for args in
            [&["--view", "beos"][..], &["--threads", "0"], &["-x"], &[], &["--", "a"], &["--", "a", "b", "c"]]
        {
            let args = args.iter().map(OsString::from);
            assert!(matches!(from_args(args), Err(MountError::Argument(_))));
        }
    }
}
