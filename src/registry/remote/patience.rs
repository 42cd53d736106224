//! How often something is tried again, and how long is waited before.

use std::thread;
use std::time::Duration;

/// The first pause. Each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(200);

/// The longest pause, and the longest that a registry may ask for.
const LONGEST: Duration = Duration::from_secs(10);
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// Counts what was tried in vain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    retries: u32,
    tried: u32,
}

impl Patience {
    pub(super) fn new(retries: u32) -> Self {
        Self { retries, tried: 0 }
    }

    /// Waits before the next try, as long as the other side asks for if it does; returns whether there is one.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> bool {
        let pause = self.pause(asked);
        self.tried = self.tried.saturating_add(1);
        pause.map(thread::sleep).is_some()
    }

    /// Notes that something has come of it.
    pub(super) fn reset(&mut self) {
        self.tried = 0;
    }

    fn pause(&self, asked: Option<Duration>) -> Option<Duration> {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.tried)).min(LONGEST);
        (self.tried < self.retries)
            .then(|| asked.map_or(doubled, |asked| asked.min(LONGEST_ASKED).max(doubled)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_end() {
        let pauses = |asked: Option<u64>| {
            let tries = (0..9).map(|tried| Patience { retries: 8, tried });
            let pauses = tries.map(|patience| patience.pause(asked.map(Duration::from_secs)));
            pauses.map(|pause| pause.map(|pause| pause.as_millis())).collect::<Vec<_>>()
        };
        let plain = [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].map(Some);
        assert_eq!(pauses(None), [&plain[..], &[None]].concat());
        assert_eq!(pauses(Some(0)), [&plain[..], &[None]].concat());
        assert_eq!(pauses(Some(2))[..6], [2000, 2000, 2000, 2000, 3200, 6400].map(Some));
        assert_eq!(pauses(Some(3600))[0], Some(60_000));
        assert_eq!(Patience::new(0).pause(None), None);
    }
}
