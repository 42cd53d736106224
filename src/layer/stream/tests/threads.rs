use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::super::buffer::BUFFERS;
use super::*;

/// A tar without end that is alive as long as its token, and counts its reads.
struct Endless {
    _alive: Arc<()>,
    reads: Arc<AtomicUsize>,
}

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        buf.fill(0);
        Ok(buf.len())
    }
}

fn endless() -> (Endless, Weak<()>, Arc<AtomicUsize>) {
    let alive = Arc::new(());
    let reads = Arc::new(AtomicUsize::new(0));
    let weak = Arc::downgrade(&alive);
    (Endless { _alive: alive, reads: Arc::clone(&reads) }, weak, reads)
}

#[test]
fn dropping_a_stream_ends_its_thread() {
    for chunks in [0, 1, 100] {
        let (reader, alive, _) = endless();
        let mut stream = LayerStream::open(reader, with(Threading::Thread)).unwrap();
        for _ in 0..chunks {
            assert!(!stream.chunk().unwrap().is_empty());
            stream.advance(usize::MAX);
        }
        assert!(alive.upgrade().is_some());
        drop(stream);
        // The thread owns the reader, and a drop waits for the thread.
        assert!(alive.upgrade().is_none(), "the thread outlived its stream after {chunks} chunks");
    }
}

#[test]
fn the_thread_runs_ahead_no_further_than_its_buffers() {
    let (reader, _, reads) = endless();
    let mut stream = LayerStream::open(reader, with(Threading::Thread)).unwrap();
    for taken in 1..200 {
        assert!(!stream.chunk().unwrap().is_empty());
        stream.advance(usize::MAX);
        let ahead = reads.load(Ordering::SeqCst) - taken;
        assert!(ahead <= BUFFERS, "{ahead} buffers ahead after {taken}");
    }
}

#[test]
fn a_panic_of_the_reader_on_the_thread_is_an_error() {
    struct Panics(usize);
    impl Read for Panics {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).expect("the reader has had enough");
            buf.fill(0);
            Ok(buf.len())
        }
    }
    let mut stream = LayerStream::open(Panics(5), with(Threading::Thread)).unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    let error = StreamError::from_io(&error).unwrap();
    assert_eq!(error.kind(), StreamErrorKind::Thread);
    assert!(error.to_string().ends_with("panicked: the reader has had enough"), "{error}");
    assert_eq!(stream.finish().unwrap_err().kind(), StreamErrorKind::Thread);
}

#[test]
fn a_blob_of_one_buffer_needs_no_thread() {
    for (len, threaded) in [(BUFFER_LEN - 513, false), (BUFFER_LEN, true)] {
        let stream = LayerStream::open(Cursor::new(tar(len)), StreamOptions::default()).unwrap();
        assert_eq!(stream.finish().unwrap().timing.threaded, threaded, "{len}");
    }
}

#[test]
fn a_stream_can_move_to_another_thread() {
    let tar = tar(3 * BUFFER_LEN);
    let stream = LayerStream::open(Cursor::new(gzip(&tar)), with(Threading::Thread)).unwrap();
    let summary = std::thread::spawn(move || stream.finish()).join().unwrap().unwrap();
    assert_eq!(summary.uncompressed, identity(&tar));
}
