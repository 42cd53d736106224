//! What asks the process to end.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use crate::daemon::run::Order;

/// Waits for keys and events of the console.
pub(crate) struct Signals {
    c: CtrlC,
    r#break: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { c: ctrl_c()?, r#break: ctrl_break()?, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.c.recv() => Order::End,
            _ = self.r#break.recv() => Order::End,
            _ = self.close.recv() => Order::End,
            _ = self.shutdown.recv() => Order::End,
        }
    }
}
