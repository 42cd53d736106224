//! The event log of Windows.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_SUCCESS, HANDLE};
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    RegisterEventSourceW, ReportEventW,
};
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_DWORD, REG_EXPAND_SZ, RegDeleteTreeW, RegSetKeyValueW,
};
use windows_sys::w;

use super::wide::ended;

/// What a string of an event may have at most, its end included.
const MOST: usize = 31_839;

/// Has messages that are whatever text comes with them, for ids from 1 to 1000.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// How bad an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It is as it should be.
    Information,
    /// Somebody should look at it.
    Warning,
    /// Something does not work.
    Error,
}

impl EventKind {
    fn raw(self) -> u16 {
        match self {
            Self::Information => EVENTLOG_INFORMATION_TYPE,
            Self::Warning => EVENTLOG_WARNING_TYPE,
            Self::Error => EVENTLOG_ERROR_TYPE,
        }
    }
}

/// A source of events.
#[derive(Debug)]
pub struct EventLog(HANDLE);

// SAFETY: the handle names a source of events, to which any thread may report.
unsafe impl Send for EventLog {}
// SAFETY: as above.
unsafe impl Sync for EventLog {}

impl EventLog {
    /// Opens a source by its name.
    pub fn open(source: &str) -> io::Result<Self> {
        let name = ended(source.encode_utf16());
        // SAFETY: the name ends with a zero; no server means this machine.
        let handle = unsafe { RegisterEventSourceW(ptr::null(), name.as_ptr()) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }

    /// Reports an event. Of a text that is too long, the beginning is told.
    pub fn report(&self, kind: EventKind, id: u32, text: &str) -> io::Result<()> {
        let text = ended(text.encode_utf16().filter(|&unit| unit != 0).take(MOST - 1));
        let texts = [text.as_ptr()];
        let (nobody, no_data) = (ptr::null_mut(), ptr::null());
        // SAFETY: the source is open, and there is one text, which ends with a zero.
        let reported =
            unsafe { ReportEventW(self.0, kind.raw(), 0, id, nobody, 1, 0, texts.as_ptr(), no_data) };
        if reported != 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and used by nobody any more.
        unsafe { DeregisterEventSource(self.0) };
    }
}

/// Makes a source known, so that viewers find the text of its events.
pub fn add_event_source(source: &str) -> io::Result<()> {
    let key = key_of(source);
    let messages: Vec<u8> = ended(MESSAGES.encode_utf16()).into_iter().flat_map(u16::to_le_bytes).collect();
    set(&key, w!("EventMessageFile"), REG_EXPAND_SZ, &messages)?;
    let kinds = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    set(&key, w!("TypesSupported"), REG_DWORD, &u32::from(kinds).to_le_bytes())
}

/// Takes a source away. It need not be there.
pub fn remove_event_source(source: &str) -> io::Result<()> {
    let key = key_of(source);
    // SAFETY: the name ends with a zero.
    match unsafe { RegDeleteTreeW(HKEY_LOCAL_MACHINE, key.as_ptr()) } {
        ERROR_SUCCESS | ERROR_FILE_NOT_FOUND => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
}

fn key_of(source: &str) -> Vec<u16> {
    ended(format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{source}").encode_utf16())
}

fn set(key: &[u16], name: *const u16, kind: u32, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    // SAFETY: key and name end with a zero, and as many bytes can be read as are counted.
    let code =
        unsafe { RegSetKeyValueW(HKEY_LOCAL_MACHINE, key.as_ptr(), name, kind, bytes.as_ptr().cast(), len) };
    if code == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(code.cast_signed())) }
}
