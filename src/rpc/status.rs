//! Errors as gRPC has them.

use tonic::Status;
use tracing::{debug, error};

pub(super) use crate::cim::error_chain as chain;
use crate::differ::{DifferCode, DifferError};
use crate::snapshot::{Code, SnapshotError};

/// Says why a request about a snapshot failed, with all causes: the text reaches the user.
pub(super) fn of_snapshot(error: &SnapshotError) -> Status {
    let text = chain(error);
    if error.code() == Code::Internal {
        error!("{text}");
    } else {
        debug!("{text}");
    }
    match error.code() {
        Code::NotFound => Status::not_found(text),
        Code::AlreadyExists => Status::already_exists(text),
        Code::InvalidArgument => Status::invalid_argument(text),
        Code::FailedPrecondition => Status::failed_precondition(text),
        Code::ResourceExhausted => Status::resource_exhausted(text),
        Code::Unimplemented => Status::unimplemented(text),
        Code::Unavailable => Status::unavailable(text),
        Code::Internal => Status::internal(text),
    }
}

/// Says why a layer was not applied, or not made.
pub(super) fn of_differ(error: &DifferError) -> Status {
    let text = chain(error);
    match error.code() {
        DifferCode::Snapshot(_) => error!("{text}"),
        _ => debug!("{text}"),
    }
    match error.code() {
        DifferCode::NotOurs => Status::unimplemented(text),
        DifferCode::Invalid => Status::invalid_argument(text),
        DifferCode::BadLayer => Status::failed_precondition(text),
        DifferCode::Unavailable => Status::unavailable(text),
        DifferCode::Cancelled => Status::cancelled(text),
        DifferCode::Snapshot(code) => match code {
            Code::NotFound => Status::not_found(text),
            Code::ResourceExhausted => Status::resource_exhausted(text),
            Code::FailedPrecondition => Status::failed_precondition(text),
            Code::Unimplemented => Status::unimplemented(text),
            Code::Unavailable => Status::unavailable(text),
            _ => Status::internal(text),
        },
    }
}
