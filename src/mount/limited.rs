//! A few mounts at a time.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{Liveness, MountEntry, MountError, MountOptions, Mounter, Unmount};

/// Mounts and unmounts as another mounter does, but only so many images at the same time. Who comes too early waits.
#[derive(Debug)]
pub struct LimitedMounter {
    mounter: Arc<dyn Mounter>,
    free: Mutex<usize>,
    freed: Condvar,
}

/// One of those who may do something now.
struct Turn<'a>(&'a LimitedMounter);

impl LimitedMounter {
    /// Lets so many at a time through to a mounter.
    pub fn new(mounter: Arc<dyn Mounter>, most: NonZeroUsize) -> Self {
        Self { mounter, free: Mutex::new(most.get()), freed: Condvar::new() }
    }

    fn turn(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

impl Mounter for LimitedMounter {
    fn mount(&self, image: &Path, at: &Path, options: &MountOptions) -> Result<(), MountError> {
        let _turn = self.turn();
        self.mounter.mount(image, at, options)
    }

    fn mount_briefly(
        &self,
        image: &Path,
        at: &Path,
        options: &MountOptions,
    ) -> Result<Box<dyn Send>, MountError> {
        let _turn = self.turn();
        self.mounter.mount_briefly(image, at, options)
    }

    fn unmount(&self, at: &Path, how: Unmount) -> Result<(), MountError> {
        let _turn = self.turn();
        self.mounter.unmount(at, how)
    }

    fn mounted(&self, at: &Path) -> Result<Option<MountEntry>, MountError> {
        self.mounter.mounted(at)
    }

    fn list(&self) -> Result<Vec<MountEntry>, MountError> {
        self.mounter.list()
    }

    fn liveness(&self, mounts: &[MountEntry]) -> Vec<Liveness> {
        self.mounter.liveness(mounts)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    /// Mounts nothing, and counts how many are at it at the same time.
    #[derive(Debug, Default)]
    struct Pair {
        /// Where each waits for another one.
        both: Option<Barrier>,
        under_way: AtomicUsize,
        most: AtomicUsize,
    }

    impl Pair {
        fn meet(&self) {
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            match &self.both {
                Some(both) => drop(both.wait()),
                None => (0..10).for_each(|_| thread::yield_now()),
            }
            self.under_way.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Mounter for Pair {
        fn mount(&self, _: &Path, _: &Path, _: &MountOptions) -> Result<(), MountError> {
            self.meet();
            Ok(())
        }

        fn mount_briefly(&self, _: &Path, _: &Path, _: &MountOptions) -> Result<Box<dyn Send>, MountError> {
            self.meet();
            Ok(Box::new(()))
        }

        fn unmount(&self, _: &Path, _: Unmount) -> Result<(), MountError> {
            self.meet();
            Ok(())
        }

        fn mounted(&self, _: &Path) -> Result<Option<MountEntry>, MountError> {
            Ok(None)
        }

        fn list(&self) -> Result<Vec<MountEntry>, MountError> {
            Ok(Vec::new())
        }
    }

    /// Has as many threads each do everything as often, two at a time.
    fn meet(pair: Pair, threads: usize, times: usize) -> usize {
        let pair = Arc::new(pair);
        let mounter = LimitedMounter::new(pair.clone(), NonZeroUsize::new(2).unwrap());
        let path = Path::new("x");
        let meet = || {
            for _ in 0..times {
                mounter.mount(path, path, &MountOptions::default()).unwrap();
                mounter.mount_briefly(path, path, &MountOptions::default()).unwrap();
                mounter.unmount(path, Unmount::Detach).unwrap();
                assert!(mounter.list().unwrap().is_empty());
            }
        };
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(meet))));
        pair.most.load(Ordering::SeqCst)
    }

    #[test]
    fn as_many_as_may_are_at_work() {
        assert_eq!(meet(Pair { both: Some(Barrier::new(2)), ..Pair::default() }, 2, 10), 2);
    }

    #[test]
    fn no_more_than_may_are_at_work() {
        assert!(meet(Pair::default(), 8, 100) <= 2);
    }
}
