//! What asks the process to end.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use tokio::sync::mpsc::UnboundedReceiver;

use super::service;
use crate::daemon::run::Order;

/// Waits for what asks the process to end, or to read its configuration again.
pub(crate) enum Signals {
    Console(Console),
    /// What the service manager says.
    Service(UnboundedReceiver<Order>),
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        match service::orders() {
            Some(orders) => Ok(Self::Service(orders)),
            None => Console::new().map(Self::Console),
        }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Order {
        match self {
            Self::Console(console) => console.next().await,
            Self::Service(orders) => orders.recv().await.unwrap_or(Order::End),
        }
    }
}

/// Keys and events of the console.
pub(crate) struct Console {
    c: CtrlC,
    r#break: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Console {
    fn new() -> io::Result<Self> {
        Ok(Self { c: ctrl_c()?, r#break: ctrl_break()?, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.c.recv() => Order::End,
            _ = self.r#break.recv() => Order::End,
            _ = self.close.recv() => Order::End,
            _ = self.shutdown.recv() => Order::End,
        }
    }
}
