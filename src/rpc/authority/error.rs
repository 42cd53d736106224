//! Why the connection of a client ends.

use std::io;

use thiserror::Error;

use super::hpack::HpackError;

/// Why what a client sends cannot be passed on. It ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A header block breaks the rules of HPACK.
    #[error("the headers of stream {stream} cannot be read")]
    Hpack {
        /// The stream.
        stream: u32,
        /// Which rule.
        source: HpackError,
    },
    /// A frame has more bytes than the server granted.
    #[error("a frame with headers of stream {stream} has {len} bytes")]
    FrameSize {
        /// The stream.
        stream: u32,
        /// How many.
        len: usize,
    },
    /// There is less in a frame than it must have, or than it is padded by.
    #[error("a frame with headers of stream {stream} is shorter than what it must have")]
    Padding {
        /// The stream.
        stream: u32,
    },
    /// Something stands between the frames of a header block.
    #[error("the headers of stream {stream} are interrupted")]
    Interrupted {
        /// The stream.
        stream: u32,
    },
    /// The headers are larger than any that containerd sends.
    #[error("the headers of stream {stream} are too large, or in too many frames")]
    TooLarge {
        /// The stream.
        stream: u32,
    },
}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
