//! What the program ends with.

use std::process::ExitCode;

/// The table of exit codes, as the help shows it.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; the image is sound, the images are the same
  1    failed
  2    the arguments make no sense
  3    the answer is no: the image or the store is not sound, the images differ,
       something does not work
  4    an image, or a path in one, does not exist
  5    an image is damaged, or a layer is not what its image says
  141  nobody reads the output any more";

/// What the program ends with. [`HELP`] says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    Failure,
    Usage,
    No,
    NotFound,
    Corrupt,
    BrokenPipe,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::No => 3,
            Exit::NotFound => 4,
            Exit::Corrupt => 5,
            // What a shell reports of a program that SIGPIPE has killed.
            Exit::BrokenPipe => 141,
        })
    }
}
