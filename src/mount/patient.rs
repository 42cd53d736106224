//! Mounts whose server, or whose disk, may hang.
//!
//! A call into a mount lasts until its server answers, which may be never. So each one runs on a thread of its own. The caller waits
//! for it until a deadline, and then goes on without it: the thread stays until the call returns. Until then all other calls
//! for the same directory fail at once, so that there is never more than one thread for each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::{Liveness, MountEntry, MountError, MountOptions, Mounter, Unmount};

/// How long calls may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Asking a server whether it is there.
    pub liveness: Duration,
    /// Mounting an image.
    pub mount: Duration,
    /// Unmounting an image.
    pub unmount: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { liveness: seconds(5), mount: seconds(30), unmount: seconds(10) }
    }
}

/// Mounts and unmounts as another mounter does, and gives up calls that take too long.
#[derive(Clone, Debug)]
pub struct PatientMounter {
    mounter: Arc<dyn Mounter>,
    patience: Patience,
    calls: Arc<Calls>,
}

impl PatientMounter {
    /// Wraps a mounter.
    pub fn new(mounter: Arc<dyn Mounter>, patience: Patience) -> Self {
        Self { mounter, patience, calls: Arc::default() }
    }

    fn run<T: Send + 'static>(
        &self,
        at: &Path,
        action: &'static str,
        patience: Duration,
        work: impl FnOnce(&dyn Mounter) -> T + Send + 'static,
    ) -> Result<T, MountError> {
        let mounter = self.mounter.clone();
        self.calls.begin(at, action, patience, move || work(&*mounter))?.wait()
    }
}

impl Mounter for PatientMounter {
    fn mount(&self, image: &Path, at: &Path, options: &MountOptions) -> Result<(), MountError> {
        let (image, path, options) = (image.to_owned(), at.to_owned(), options.clone());
        self.run(at, "mounting it", self.patience.mount, move |mounter| {
            mounter.mount(&image, &path, &options)
        })?
    }

    fn mount_briefly(
        &self,
        image: &Path,
        at: &Path,
        options: &MountOptions,
    ) -> Result<Box<dyn Send>, MountError> {
        let (image, path, options) = (image.to_owned(), at.to_owned(), options.clone());
        let mount = self.run(at, "mounting it", self.patience.mount, move |mounter| {
            mounter.mount_briefly(&image, &path, &options)
        })??;
        let (calls, patience) = (self.calls.clone(), self.patience.unmount);
        Ok(Box::new(Brief { mount: Some(mount), at: at.to_owned(), calls, patience }))
    }

    fn unmount(&self, at: &Path, how: Unmount) -> Result<(), MountError> {
        let path = at.to_owned();
        self.run(at, "unmounting it", self.patience.unmount, move |mounter| mounter.unmount(&path, how))?
    }

    fn mounted(&self, at: &Path) -> Result<Option<MountEntry>, MountError> {
        self.mounter.mounted(at)
    }

    fn list(&self) -> Result<Vec<MountEntry>, MountError> {
        self.mounter.list()
    }

    /// Asks all servers at once.
    fn liveness(&self, mounts: &[MountEntry]) -> Vec<Liveness> {
        let ask = |mount: &MountEntry| {
            let (mounter, asked) = (self.mounter.clone(), mount.clone());
            let work = move || mounter.liveness(&[asked]).pop().unwrap_or(Liveness::Dead);
            self.calls.begin(&mount.at, "asking its server", self.patience.liveness, work)
        };
        let calls: Vec<_> = mounts.iter().map(ask).collect();
        calls.into_iter().map(|call| call.and_then(Call::wait).unwrap_or(Liveness::Hung)).collect()
    }
}

/// A mount that is gone when this is dropped, or later if that takes too long.
struct Brief {
    mount: Option<Box<dyn Send>>,
    at: PathBuf,
    calls: Arc<Calls>,
    patience: Duration,
}

impl Drop for Brief {
    fn drop(&mut self) {
        let mount = self.mount.take();
        let call = self.calls.begin(&self.at, "unmounting it", self.patience, move || drop(mount));
        // The log has it.
        let _ = call.and_then(Call::wait);
    }
}

/// The calls that have not returned, by directory.
#[derive(Debug, Default)]
struct Calls {
    pending: Mutex<HashMap<PathBuf, Pending>>,
    returned: Condvar,
}

#[derive(Debug)]
struct Pending {
    /// Whether the caller went on without it.
    is_abandoned: bool,
}

/// A call that is waited for.
struct Call<T> {
    calls: Arc<Calls>,
    at: PathBuf,
    action: &'static str,
    deadline: Instant,
    result: Receiver<T>,
}

impl Calls {
    /// Begins a call, once the one before for the same directory has returned.
    fn begin<T: Send + 'static>(
        self: &Arc<Self>,
        at: &Path,
        action: &'static str,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Call<T>, MountError> {
        self.enter(at, patience)?;
        let (sender, result) = sync_channel(1);
        let leaving = Leaving { calls: self.clone(), at: at.to_owned() };
        let thread = thread::Builder::new().name("mount".to_owned()).spawn(move || {
            let result = work();
            drop(leaving);
            // A caller that went on without it does not receive it.
            let _ = sender.send(result);
        });
        // A closure that was not started has dropped `leaving`.
        thread.map_err(|source| MountError::Thread { at: at.to_owned(), source })?;
        let deadline = Instant::now() + patience;
        Ok(Call { calls: self.clone(), at: at.to_owned(), action, deadline, result })
    }

    fn enter(&self, at: &Path, patience: Duration) -> Result<(), MountError> {
        let is_awaited = |pending: &mut HashMap<PathBuf, Pending>| {
            pending.get(at).is_some_and(|pending| !pending.is_abandoned)
        };
        let waited = self.returned.wait_timeout_while(self.pending(), patience, is_awaited);
        let (mut pending, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if pending.contains_key(at) {
            return Err(MountError::Hung { at: at.to_owned() });
        }
        pending.insert(at.to_owned(), Pending { is_abandoned: false });
        Ok(())
    }

    fn leave(&self, at: &Path) {
        let left = self.pending().remove(at);
        if left.is_some_and(|pending| pending.is_abandoned) {
            info!(at = %at.display(), "the mount answers again");
        }
        self.returned.notify_all();
    }

    /// Notes that a call is no longer waited for. Returns whether it has not returned yet.
    fn abandon(&self, at: &Path) -> bool {
        let mut pending = self.pending();
        let found = pending.get_mut(at).map(|pending| pending.is_abandoned = true).is_some();
        self.returned.notify_all();
        found
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<PathBuf, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that a call has returned, also if it panicked or was never started.
struct Leaving {
    calls: Arc<Calls>,
    at: PathBuf,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.calls.leave(&self.at);
    }
}

impl<T> Call<T> {
    /// Waits for the result until the deadline.
    fn wait(self) -> Result<T, MountError> {
        let Self { calls, at, action, deadline, result } = self;
        match result.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(MountError::Broken { at }),
        }
        if calls.abandon(&at) {
            error!(at = %at.display(), "the mount hangs: {action} takes too long; its image cannot be used until it answers");
            return Err(MountError::Hung { at });
        }
        // It returned at the last moment.
        result.recv().map_err(|_| MountError::Broken { at })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(60);

    /// Hangs in every call for paths that begin with `hung`, until it is told to go on.
    #[derive(Debug)]
    struct Hanging {
        goes_on: Barrier,
        calls: AtomicUsize,
    }

    impl Hanging {
        /// Makes one that so many calls hang in until it is told.
        fn new(calls: usize) -> Arc<Self> {
            Arc::new(Self { goes_on: Barrier::new(calls + 1), calls: AtomicUsize::new(0) })
        }

        fn call(&self, at: &Path) {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if at.to_str().unwrap().starts_with("hung") {
                self.goes_on.wait();
            }
        }
    }

    impl Mounter for Hanging {
        fn mount(&self, _: &Path, at: &Path, _: &MountOptions) -> Result<(), MountError> {
            self.call(at);
            Ok(())
        }

        fn mount_briefly(&self, _: &Path, at: &Path, _: &MountOptions) -> Result<Box<dyn Send>, MountError> {
            self.call(at);
            Ok(Box::new(()))
        }

        fn unmount(&self, at: &Path, _: Unmount) -> Result<(), MountError> {
            self.call(at);
            Ok(())
        }

        fn mounted(&self, _: &Path) -> Result<Option<MountEntry>, MountError> {
            Ok(None)
        }

        fn list(&self) -> Result<Vec<MountEntry>, MountError> {
            Ok(Vec::new())
        }

        fn liveness(&self, mounts: &[MountEntry]) -> Vec<Liveness> {
            mounts.iter().for_each(|mount| self.call(&mount.at));
            mounts.iter().map(|_| Liveness::Serving).collect()
        }
    }

    fn patient(mounter: &Arc<Hanging>, patience: Duration) -> PatientMounter {
        PatientMounter::new(
            mounter.clone(),
            Patience { liveness: patience, mount: patience, unmount: patience },
        )
    }

    fn entry(at: &str) -> MountEntry {
        MountEntry { at: at.into(), image: "image".into(), device: "0:1".into() }
    }

    /// Does all that can be done with a directory, and returns how often it hangs.
    fn hangs(mounter: &PatientMounter, at: &str) -> usize {
        let (image, path, options) = (Path::new("image"), Path::new(at), MountOptions::default());
        let is_hung = |result: Result<(), MountError>| matches!(result, Err(MountError::Hung { .. }));
        let all = [
            is_hung(mounter.mount(image, path, &options)),
            is_hung(mounter.mount_briefly(image, path, &options).map(drop)),
            is_hung(mounter.unmount(path, Unmount::Detach)),
            mounter.liveness(&[entry(at)]) == [Liveness::Hung],
        ];
        all.into_iter().filter(|hangs| *hangs).count()
    }

    #[test]
    fn a_hung_mount_holds_up_no_other_and_has_one_thread() {
        let hanging = Hanging::new(1);
        let mounter = patient(&hanging, SOON);
        for _ in 0..10 {
            assert_eq!(hangs(&mounter, "hung"), 4);
        }
        assert_eq!(hanging.calls.load(Ordering::SeqCst), 1);
        let mounter = PatientMounter { patience: Patience::default(), ..mounter };
        assert_eq!(hangs(&mounter, "other"), 0);
        assert_eq!(
            mounter.liveness(&[entry("a"), entry("hung"), entry("b")]),
            [Liveness::Serving, Liveness::Hung, Liveness::Serving]
        );
        hanging.goes_on.wait();
        let gone = mounter.calls.returned.wait_while(mounter.calls.pending(), |pending| !pending.is_empty());
        drop(gone.unwrap());
        // Usable again, in whatever order the calls come.
        let asked = thread::spawn(move || mounter.liveness(&[entry("hung")]));
        hanging.goes_on.wait();
        assert_eq!(asked.join().unwrap(), [Liveness::Serving]);
    }

    #[test]
    fn calls_for_one_directory_wait_for_each_other() {
        let hanging = Hanging::new(1);
        let mounter = patient(&hanging, LATE);
        thread::scope(|scope| {
            let asking: Vec<_> = (0..3).map(|_| scope.spawn(|| mounter.liveness(&[entry("hung")]))).collect();
            for _ in 0..3 {
                hanging.goes_on.wait();
            }
            asking.into_iter().for_each(|asked| assert_eq!(asked.join().unwrap(), [Liveness::Serving]));
        });
    }

    #[test]
    fn several_hung_mounts_are_asked_at_once() {
        let hanging = Hanging::new(8);
        let mounter = patient(&hanging, SOON);
        let mounts: Vec<_> = (0..8).map(|number| entry(&format!("hung{number}"))).collect();
        assert!(mounter.liveness(&mounts).iter().all(|liveness| *liveness == Liveness::Hung));
        assert_eq!(hanging.calls.load(Ordering::SeqCst), 8);
        hanging.goes_on.wait();
    }
}
