//! Programs that keep secrets: `docker-credential-NAME get` reads the name of a registry and prints what it knows.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

/// Most bytes of an answer.
const MAX_ANSWER: u64 = 1 << 20;

/// How often it is looked whether a program that has said all has ended.
const PULSE: Duration = Duration::from_millis(10);

/// What programs say of a registry that they know nothing of. They fail then, as they do of other causes.
const UNKNOWN: &str = "credentials not found";

/// Why a program does not tell what it keeps.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HelperError {
    /// The name is not that of a program.
    #[error("{0:?} names no credential helper")]
    Name(String),
    /// The program cannot be run.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The program takes too long.
    #[error("{program} has not answered within {} seconds", .limit.as_secs())]
    Slow {
        /// The program.
        program: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The program fails.
    #[error("{program} fails, {status}, and says {says:?}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it says.
        says: String,
    },
    /// The program prints something else.
    #[error("what {program} prints cannot be understood")]
    Malformed {
        /// The program.
        program: String,
        /// Why.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    username: String,
    secret: String,
}

/// Asks a program for user and secret; `None` where it knows nothing of the registry.
pub(super) fn get(
    name: &str,
    registry: &str,
    limit: Duration,
) -> Result<Option<(String, String)>, HelperError> {
    if name.contains(['/', '\\', '\0']) {
        return Err(HelperError::Name(name.to_owned()));
    }
    let program = format!("docker-credential-{name}");
    let (status, bytes) = run(&program, registry, limit)?;
    if !status.success() {
        let says = String::from_utf8_lossy(&bytes).trim().chars().take(256).collect::<String>();
        return match says.contains(UNKNOWN) {
            true => Ok(None),
            false => Err(HelperError::Failed { program, status, says }),
        };
    }
    let told: Result<Told, _> = serde_json::from_slice(&bytes);
    let told = told.map_err(|source| HelperError::Malformed { program, source })?;
    Ok(Some((told.username, told.secret)))
}

fn run(program: &str, input: &str, limit: Duration) -> Result<(ExitStatus, Vec<u8>), HelperError> {
    let failed = |source| HelperError::Run { program: program.to_owned(), source };
    let deadline = Instant::now() + limit;
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (sender, answer) = channel();
    let input = input.to_owned();
    // Whom this program has started may keep its output open for ever: the thread is left to itself then.
    thread::spawn(move || sender.send(talk(stdin, stdout, &input)));
    let answer = answer.recv_timeout(limit).ok();
    let status = answer.is_some().then(|| wait(&mut child, deadline).map_err(failed)).transpose()?.flatten();
    let (Some(answer), Some(status)) = (answer, status) else {
        // It may have ended just now.
        drop(child.kill());
        child.wait().map_err(failed)?;
        return Err(HelperError::Slow { program: program.to_owned(), limit });
    };
    Ok((status, answer.map_err(failed)?))
}

fn talk(stdin: Option<ChildStdin>, stdout: Option<ChildStdout>, input: &str) -> io::Result<Vec<u8>> {
    // Whoever does not want to read it need not.
    drop(stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
    let mut bytes = Vec::new();
    stdout.map_or(Ok(0), |stdout| stdout.take(MAX_ANSWER).read_to_end(&mut bytes))?;
    Ok(bytes)
}

fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(PULSE);
    }
}
