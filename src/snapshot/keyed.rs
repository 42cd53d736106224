//! Locks by key: who works on the same thing waits, who works on another does not.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Any number of locks, each there only while somebody has it.
#[derive(Debug)]
pub(crate) struct Keyed<K> {
    held: Mutex<HashSet<K>>,
    released: Condvar,
}

impl<K> Default for Keyed<K> {
    fn default() -> Self {
        Self { held: Mutex::default(), released: Condvar::new() }
    }
}

impl<K: Clone + Eq + Hash> Keyed<K> {
    /// Waits until nobody has the key, and takes it.
    pub(crate) fn lock(&self, key: K) -> KeyedGuard<'_, K> {
        let mut held = self.held();
        while held.contains(&key) {
            held = self.released.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.insert(key.clone());
        KeyedGuard { keyed: self, key }
    }

    fn held(&self) -> MutexGuard<'_, HashSet<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct KeyedGuard<'k, K: Clone + Eq + Hash> {
    keyed: &'k Keyed<K>,
    key: K,
}

impl<K: Clone + Eq + Hash> Drop for KeyedGuard<'_, K> {
    fn drop(&mut self) {
        self.keyed.held().remove(&self.key);
        self.keyed.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_key_has_one_holder_and_keys_do_not_disturb_each_other() {
        let keyed = Keyed::default();
        let inside = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let other = keyed.lock(2);
        thread::scope(|scope| {
            for number in 0..8 {
                let (keyed, inside) = (&keyed, &inside[number % 2]);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let _guard = keyed.lock(number % 2);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        drop(other);
        assert!(keyed.held().is_empty());
    }
}
