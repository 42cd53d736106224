//! Which servers a blob was read from, and which of them are not to be asked for it again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::blob::Blob;
use super::remote::RemoteError;
use crate::layer::digest::Digest;

/// A server of a blob: mirrors are numbered from 0, then follow the registry and addresses that a manifest names.
pub(super) type ServerId = usize;

/// What is known of the servers of one blob, while it is read once or more often.
#[derive(Clone, Debug, Default)]
pub struct Servers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Those that sent bytes since the last judgement.
    sent: BTreeMap<ServerId, Sender>,
    rejected: BTreeMap<ServerId, (String, Fault)>,
    /// How often a server broke off.
    failures: BTreeMap<ServerId, u32>,
}

#[derive(Debug)]
struct Sender {
    host: String,
    /// Whether what it sends counts where mirrors send something else.
    is_registry: bool,
}

/// What was wrong with the bytes of a server.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Digest(Digest),
    Size,
    /// Others sent the rest.
    Part,
}

impl Servers {
    /// Rejects the servers that sent bytes since the last call, since these had another digest, or another size than they
    /// should. Returns whether there were any.
    ///
    /// Where several servers sent parts, those of the mirrors are suspect: the registry is asked again, for all of it.
    pub fn reject(&self, found: Option<Digest>) -> bool {
        let mut state = self.state();
        let sent = std::mem::take(&mut state.sent);
        let is_alone = sent.len() == 1;
        let fault = match found {
            _ if !is_alone => Fault::Part,
            Some(digest) => Fault::Digest(digest),
            None => Fault::Size,
        };
        let any = !sent.is_empty();
        let rejected = sent.into_iter().filter(|(_, sender)| is_alone || !sender.is_registry);
        state.rejected.extend(rejected.map(|(id, sender)| (id, (sender.host, fault))));
        any
    }

    /// Notes that a server sends bytes.
    pub(super) fn sends(&self, id: ServerId, host: &str, is_registry: bool) {
        self.state().sent.entry(id).or_insert_with(|| Sender { host: host.to_owned(), is_registry });
    }

    /// Notes that a server broke off.
    pub(super) fn broke_off(&self, id: ServerId) {
        let mut state = self.state();
        let failures = state.failures.entry(id).or_default();
        *failures = failures.saturating_add(1);
    }

    /// Returns servers in the order in which they are asked: first those that broke off least often.
    pub(super) fn in_order(&self, servers: std::ops::Range<ServerId>) -> Vec<ServerId> {
        let state = self.state();
        let mut order: Vec<ServerId> = servers.collect();
        order.sort_by_key(|id| state.failures.get(id).copied().unwrap_or_default());
        order
    }

    /// Returns why servers were rejected, in their order.
    pub(super) fn rejections(&self, blob: &Blob) -> Vec<RemoteError> {
        let rejected: Vec<ServerId> = self.state().rejected.keys().copied().collect();
        rejected.into_iter().filter_map(|id| self.check(id, blob).err()).collect()
    }

    /// Fails if a server was rejected.
    pub(super) fn check(&self, id: ServerId, blob: &Blob) -> Result<(), RemoteError> {
        let state = self.state();
        let Some((host, fault)) = state.rejected.get(&id) else { return Ok(()) };
        let (host, what, wanted) = (host.clone(), format!("a {}", blob.kind), blob.digest);
        Err(match *fault {
            Fault::Digest(found) => RemoteError::Digest { host, what, wanted, found },
            Fault::Size => RemoteError::Size { host, what, size: blob.size },
            Fault::Part => RemoteError::Part { host, what, wanted },
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::blob::BlobKind;

    fn rejected(servers: &Servers) -> Vec<ServerId> {
        let blob = Blob { kind: BlobKind::Layer, digest: Digest::of(b"right"), size: 5 };
        (0..4).filter(|id| servers.check(*id, &blob).is_err()).collect()
    }

    #[test]
    fn each_server_is_judged_by_what_it_sent_alone() {
        let servers = Servers::default();
        assert!(!servers.reject(None), "nobody sent anything");
        servers.sends(0, "mirror", false);
        servers.sends(0, "mirror", false);
        assert!(servers.reject(Some(Digest::of(b"wrong"))));
        assert_eq!(rejected(&servers), [0]);
        // What the second mirror and the registry sent does not fit together.
        servers.sends(1, "other", false);
        servers.sends(2, "registry", true);
        assert!(servers.reject(None));
        assert_eq!(rejected(&servers), [0, 1]);
        servers.sends(2, "registry", true);
        assert!(servers.reject(None));
        assert_eq!(rejected(&servers), [0, 1, 2]);
    }

    #[test]
    fn servers_that_broke_off_are_asked_last() {
        let servers = Servers::default();
        [0, 0, 1].into_iter().for_each(|id| servers.broke_off(id));
        assert_eq!(servers.in_order(0..4), [2, 3, 1, 0]);
    }
}
