//! The slowest that a server may send: 1 KiB/s, averaged over the time that it may be silent.
//!
//! Counted are the bytes of a connection, below TLS and HTTP, and the time spent waiting for them. So headers, tokens, layers and
//! what frames them have the same limit, and a conversion that is slower than the network is not the server's fault. The
//! time until the first byte of an answer does not count: [`super::Settings::silence`] limits that.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Fewest bytes for each second.
const RATE: u64 = 1 << 10;

/// How much has to come in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    window: Duration,
}

impl Pace {
    /// Averages over a time.
    pub(super) fn over(window: Duration) -> Self {
        Self { window }
    }

    /// Returns the fewest bytes of a window.
    pub(super) fn least(self) -> u64 {
        let millis = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        millis.saturating_mul(RATE).div_ceil(1000)
    }
}

/// Says how slow a server may be that is slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it sends less than {} KiB/s", RATE >> 10)
    }
}

impl StdError for TooSlow {}

/// Counts what comes in answer to one request.
#[derive(Debug)]
struct Meter {
    pace: Pace,
    /// Whether the first byte of the answer has come.
    has_begun: bool,
    waited: Duration,
    bytes: u64,
}

impl Meter {
    fn new(pace: Pace) -> Self {
        Self { pace, has_begun: false, waited: Duration::ZERO, bytes: 0 }
    }

    /// Begins with a request.
    fn reset(&mut self) {
        *self = Self::new(self.pace);
    }

    /// Adds bytes that were waited for.
    fn add(&mut self, waited: Duration, bytes: u64) -> Result<(), TooSlow> {
        if !self.has_begun {
            self.has_begun = bytes > 0;
            return Ok(());
        }
        self.waited = self.waited.saturating_add(waited);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited < self.pace.window {
            return Ok(());
        }
        let is_enough = self.bytes >= self.pace.least();
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        if is_enough { Ok(()) } else { Err(TooSlow) }
    }
}

/// Puts a meter on each connection.
#[derive(Debug)]
pub(super) struct Metered(pub(super) Pace);

impl<In: Transport> Connector<In> for Metered {
    type Out = MeteredTransport<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| MeteredTransport { inner, meter: Meter::new(self.0) }))
    }
}

/// A connection with a meter.
#[derive(Debug)]
pub(super) struct MeteredTransport<T> {
    inner: T,
    meter: Meter,
}

impl<T: Transport> Transport for MeteredTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.meter.reset();
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let (before, start) = (self.inner.buffers().input().len(), Instant::now());
        let came = self.inner.await_input(timeout)?;
        let len = self.inner.buffers().input().len().saturating_sub(before);
        let metered = self.meter.add(start.elapsed(), u64::try_from(len).unwrap_or(u64::MAX));
        metered.map_err(|slow| Error::Io(io::Error::new(io::ErrorKind::TimedOut, slow)))?;
        Ok(came)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Adds as many bytes each second, and returns after how many seconds that was too slow.
    fn seconds_until_too_slow(meter: &mut Meter, bytes: u64) -> Option<u64> {
        (1..=120).find(|_| meter.add(SECOND, bytes).is_err())
    }

    #[test]
    fn a_server_has_to_send_a_kibibyte_each_second() {
        let meter = || Meter::new(Pace::over(30 * SECOND));
        assert_eq!(Pace::over(30 * SECOND).least(), 30 << 10);
        assert_eq!(seconds_until_too_slow(&mut meter(), 1), Some(31));
        assert_eq!(seconds_until_too_slow(&mut meter(), 1023), Some(31));
        assert_eq!(seconds_until_too_slow(&mut meter(), 1024), None);
        assert_eq!(seconds_until_too_slow(&mut meter(), 1 << 20), None);
    }

    #[test]
    fn the_wait_for_the_first_byte_does_not_count() {
        let mut meter = Meter::new(Pace::over(30 * SECOND));
        for _ in 0..5 {
            meter.reset();
            assert_eq!(meter.add(29 * SECOND, 0), Ok(()));
            assert_eq!(meter.add(29 * SECOND, 1), Ok(()));
            assert_eq!(meter.add(29 * SECOND, 1), Ok(()));
        }
        assert_eq!(meter.add(SECOND, 1), Err(TooSlow));
    }

    #[test]
    fn a_fast_start_does_not_pay_for_a_slow_rest() {
        let mut meter = Meter::new(Pace::over(30 * SECOND));
        assert_eq!(meter.add(SECOND, 1 << 30), Ok(()));
        assert_eq!(meter.add(29 * SECOND, 1 << 30), Ok(()));
        assert_eq!(meter.add(SECOND, 1 << 30), Ok(()));
        assert_eq!(seconds_until_too_slow(&mut meter, 1), Some(30));
    }
}
