//! What is done about hives that a lowest layer of Windows lacks.

use cimsnap::layer::commit::MissingHives;

/// The choice, as an argument.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Hives {
    /// Give a lowest layer of Windows empty registry hives where it has none, as containers that run on the host need
    #[arg(long)]
    create_hives: bool,
}

impl Hives {
    pub(crate) fn missing(self) -> MissingHives {
        if self.create_hives { MissingHives::Create } else { MissingHives::Refuse }
    }
}
