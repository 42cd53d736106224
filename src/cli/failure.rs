//! What went wrong, why, and what to do about it.

use std::io;

use cimsnap::cim::{CimError, ErrorKind};
use cimsnap::escape::on_one_line;
use cimsnap::layer::commit::CommitError;
use cimsnap::layer::import::{EntryError, ImportError};
use cimsnap::layer::stream::StreamErrorKind;
use cimsnap::mount::MountError;
use cimsnap::registry::{ArchiveError, BlobKind, RegistryError, RemoteError, Who};
use cimsnap::rpc::admin::AdminError;
use cimsnap::{daemon::DaemonError, snapshot::SnapshotError, store::StoreError};
use thiserror::Error;

#[cfg(target_os = "linux")]
use super::commands::bench::BenchError;
use super::exit::Exit;
use super::ui::{complain, complain_lines};

/// What only the command line finds wrong.
#[derive(Debug, Error)]
#[cfg_attr(windows, expect(dead_code, reason = "no directory is read or filled there"))]
pub(crate) enum Failure {
    #[error("{image} has no {path}")]
    NotInImage { image: String, path: String },
    #[error("there is no file {0}, and no image of that name was pulled")]
    NotPulled(String),
    #[error("{path} is a directory")]
    IsDirectory { path: String },
    #[error("{path} is not a directory")]
    NotADirectory { path: String },
    #[error("{path} has no stream {stream}")]
    NoStream { path: String, stream: String },
    #[error("{new} is not in {directory}, where its parent lies")]
    OtherDirectory { new: String, directory: String },
    #[error("image {0} exists already")]
    Exists(String),
    #[error("{0} is not an empty directory")]
    NotEmpty(String),
    #[error("{0} leaves the root")]
    LeavesRoot(String),
    #[error("{path} became shorter while it was read")]
    Shrank { path: String },
    #[error("{path} is {kind}, which Windows does not have")]
    NotOnWindows { path: String, kind: &'static str },
}

/// Prints an error with its causes, and what to do about it.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    let exit = exit(error);
    if exit != Exit::BrokenPipe {
        complain("error", &format!("{error:#}"));
        if let Some(hint) = hint(error) {
            complain("hint", hint);
        }
    }
    exit
}

/// Prints the help that was asked for, or what is wrong with the arguments.
pub(crate) fn misused(error: &clap::Error, command: clap::Command) -> Exit {
    if !error.use_stderr() {
        // Where the help cannot be printed, nothing else can either.
        drop(error.print());
        return Exit::Success;
    }
    // The message quotes arguments, whose line feeds look like its own. Escaped arguments are wrong in the same way.
    let arguments = std::env::args_os().map(|argument| on_one_line(argument.to_string_lossy()));
    let escaped = command.try_get_matches_from(arguments).err();
    complain_lines(&escaped.as_ref().unwrap_or(error).render().to_string());
    Exit::Usage
}

/// Finds a cause, also one that went through a reader.
fn find<E: std::error::Error + 'static>(error: &anyhow::Error) -> Option<&E> {
    error.chain().find_map(|cause| cause.downcast_ref().or_else(|| inner(cause)?.downcast_ref()))
}

fn inner<'c>(
    cause: &'c (dyn std::error::Error + 'static),
) -> Option<&'c (dyn std::error::Error + Send + Sync + 'static)> {
    cause.downcast_ref::<io::Error>()?.get_ref()
}

fn exit(error: &anyhow::Error) -> Exit {
    if let Some(exit) = find::<RegistryError>(error).and_then(of_registry_exit) {
        return exit;
    }
    let broken = |io: &io::Error| io.kind() == io::ErrorKind::BrokenPipe;
    if error.chain().filter_map(|cause| cause.downcast_ref()).any(broken) {
        return Exit::BrokenPipe;
    }
    if let Some(Failure::NotInImage { .. } | Failure::NoStream { .. } | Failure::NotPulled(_)) = find(error) {
        return Exit::NotFound;
    }
    if find::<AdminError>(error).is_some_and(AdminError::is_not_found) {
        return Exit::NotFound;
    }
    #[cfg(target_os = "linux")]
    if let Some(BenchError::NoImage) = find(error) {
        return Exit::NotFound;
    }
    if let Some(ImportError::Stream(stream)) = find(error) {
        return match stream.kind() {
            StreamErrorKind::DigestMismatch
            | StreamErrorKind::SizeMismatch
            | StreamErrorKind::DiffIdMismatch => Exit::Corrupt,
            _ => Exit::Failure,
        };
    }
    match find_cim(error).map(CimError::kind) {
        Some(ErrorKind::ImageNotFound | ErrorKind::PathNotFound) => Exit::NotFound,
        Some(ErrorKind::Corrupt) => Exit::Corrupt,
        _ => Exit::Failure,
    }
}

/// Finds an error of the image library, also where another one speaks for it.
fn find_cim(error: &anyhow::Error) -> Option<&CimError> {
    if let Some(ImportError::Write(cim)) = find(error) {
        return Some(cim);
    }
    if let Some(EntryError::Write(cim)) = find(error) {
        return Some(cim);
    }
    if let Some(CommitError::Image(cim)) = find(error) {
        return Some(cim);
    }
    find(error)
}

fn of_registry_exit(error: &RegistryError) -> Option<Exit> {
    use RegistryError as E;
    match error {
        E::Remote(error) if error.has_wrong_bytes() => Some(Exit::Corrupt),
        E::Remote(error) => Some(match error.of_registry() {
            RemoteError::NotFound { .. } => Exit::NotFound,
            // A connection that breaks is none with who reads the output.
            _ => Exit::Failure,
        }),
        E::Archive(ArchiveError::NoMember { .. }) => Some(Exit::NotFound),
        E::NotALayout(_) | E::NoTag { .. } | E::NoPlatform { .. } | E::Missing { .. } => Some(Exit::NotFound),
        E::Size { .. } | E::Digest { .. } | E::Malformed { .. } | E::BadDigest { .. } | E::Layers { .. } => {
            Some(Exit::Corrupt)
        }
        _ => None,
    }
}

fn hint(error: &anyhow::Error) -> Option<&'static str> {
    if let Some(failure) = find::<Failure>(error) {
        return of_failure(failure);
    }
    #[cfg(target_os = "linux")]
    if let Some(error) = find::<BenchError>(error) {
        return error.hint();
    }
    if let Some(hint) = find::<MountError>(error).and_then(of_mount) {
        return Some(hint);
    }
    if let Some(hint) = of_store(error) {
        return Some(hint);
    }
    if let Some(hint) = find::<RegistryError>(error).and_then(of_registry) {
        return Some(hint);
    }
    if let Some(CommitError::NoHive(_)) = find(error) {
        return Some(
            "a layer above has to be laid over its parent; --create-hives is for layers that have no registry",
        );
    }
    if let Some(ImportError::LinkCycle { .. }) = find(error) {
        return Some(NO_TARGET);
    }
    match find_cim(error) {
        Some(error) if error.is_of_hard_link() => of_hard_link(error.kind()),
        Some(error) => of_kind(error.kind()),
        None => of_io(find::<io::Error>(error)?.kind()),
    }
}

fn of_io(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull => Some("free some space, remove what was begun, and try again"),
        io::ErrorKind::PermissionDenied => Some("check who owns it, or try as root"),
        _ => None,
    }
}

fn of_failure(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::NotInImage { .. } => Some("`cimsnap cim tree IMAGE` shows what it has"),
        Failure::NotPulled(_) => Some("`cimsnap image ls` lists what was pulled"),
        Failure::IsDirectory { .. } => Some("`cimsnap cim ls` lists it, `cimsnap cim extract` copies it out"),
        Failure::NoStream { .. } => Some("`cimsnap cim stat` lists the streams of a file"),
        Failure::OtherDirectory { .. } => {
            Some("a fork shares the region files of its parent, so both lie in one directory")
        }
        Failure::Exists(_) => Some("an image is replaced by none: choose another name"),
        Failure::NotEmpty(_) => Some("name a directory that does not exist yet"),
        Failure::NotOnWindows { .. } => Some("`--os linux` keeps it"),
        _ => None,
    }
}

fn of_mount(error: &MountError) -> Option<&'static str> {
    match error {
        MountError::Busy(_) => Some("`--lazy` takes it away now and lets go when nobody uses it any more"),
        MountError::Hung { .. } => Some("`cimsnap doctor` says which servers do not answer"),
        MountError::AlreadyMounted(_) => Some("`cimsnap cim umount` takes the mount away"),
        MountError::NotMounted(_) => Some("`cimsnap cim mounts` lists what is mounted"),
        MountError::Server(text) if text.contains("/dev/fuse") || text.contains("(os error 1)") => {
            Some("mounting needs root and /dev/fuse (`modprobe fuse`)")
        }
        _ => None,
    }
}

/// Hints for whoever looks for the daemon, or for what it has left.
fn of_store(error: &anyhow::Error) -> Option<&'static str> {
    if find::<AdminError>(error).is_some_and(AdminError::is_not_found) {
        return Some("`cimsnap snapshot ls` lists what there is");
    }
    match find(error)? {
        DaemonError::Database { .. } => {
            Some("free some space or repair the disk, and start the daemon again")
        }
        DaemonError::NoStore { .. } => Some("`--config` names the configuration of the daemon"),
        DaemonError::Snapshots(SnapshotError::Store(StoreError::InUse(_))) => {
            Some("a daemon has it that listens elsewhere: `--config` names its configuration")
        }
        _ => None,
    }
}

fn of_registry(error: &RegistryError) -> Option<&'static str> {
    match error {
        RegistryError::Remote(error) => of_remote(error),
        RegistryError::Archive(ArchiveError::Compressed(_)) => {
            Some("decompress it first: its layers are read in any order")
        }
        RegistryError::NotALayout(_) => Some("`skopeo copy docker://IMAGE oci:DIR` makes one"),
        RegistryError::ManyImages { .. } => Some("name one behind a colon: oci:DIR:TAG"),
        RegistryError::NoPlatform { .. } => Some("`--platform` chooses another"),
        RegistryError::Missing { kind: BlobKind::Layer, .. } => {
            Some("a layer that is kept elsewhere has to be copied into the layout first")
        }
        _ => None,
    }
}

fn of_remote(error: &RemoteError) -> Option<&'static str> {
    match error.of_registry() {
        RemoteError::Unauthorized { who: Who::Anybody, .. } => Some(
            "if there is such an image, it is not for everybody: `docker login HOST` stores credentials for it",
        ),
        RemoteError::Unauthorized { who: Who::User, .. } => {
            Some("the credentials may be old, or lack the right to pull: `docker login HOST` stores others")
        }
        RemoteError::NotFound { .. } => Some("check the name and the tag"),
        RemoteError::Connection { .. } => Some(
            "check the name of the host and the network; `--plain-http` is for registries without encryption",
        ),
        error if error.is_passing() => Some("try again later: what was converted is kept"),
        RemoteError::Credentials { .. } => Some("$DOCKER_CONFIG names the directory of another config.json"),
        _ => None,
    }
}

const NO_TARGET: &str =
    "the layer was made by a tool that left out the file behind the hard link: build it again";

fn of_hard_link(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::PathNotFound => Some(
            "the target of a hard link is in the layer or in the image below: `--parent` names the image below",
        ),
        ErrorKind::AccessDenied | ErrorKind::InvalidInput => {
            Some("only files have hard links: build the layer again with another tool")
        }
        kind => of_kind(kind),
    }
}

fn of_kind(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Corrupt => Some("`cimsnap cim check --deep IMAGE` lists all that is wrong with it"),
        ErrorKind::Conflict => {
            Some("wait for the other writer, or unmount the image (`cimsnap cim mounts` lists the mounts)")
        }
        ErrorKind::AlreadyExists => Some("`cimsnap cim fork` makes an image from one that exists"),
        ErrorKind::NoSpace => Some("nothing of the image was kept; free some space and try again"),
        ErrorKind::AccessDenied => Some("check who owns the directory, or try as root"),
        _ => None,
    }
}
