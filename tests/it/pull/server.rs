//! A server of HTTP that does as it is told, and notes what it was asked for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A server on a port of its own choice.
pub(super) struct Server {
    host: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

/// What it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// What it answers.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// What the header says of the length of the body; the truth unless it is given.
    length: Option<usize>,
    end: End,
}

/// How much of the body comes.
enum End {
    All,
    /// So many bytes; then the connection breaks.
    Cut(usize),
    /// So many bytes; then nothing, until the other side has had enough.
    Stall(usize),
    /// So many bytes; then one now and then, until the other side has had enough.
    Drip(usize),
    /// A header that never ends, one byte now and then.
    DripHeader,
}

/// Between two bytes of a server that sends too slowly, and never is silent for long.
const NOW_AND_THEN: Duration = Duration::from_millis(20);

impl Server {
    pub(super) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (answer, noted) = (Arc::new(answer), asked.clone());
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, noted) = (answer.clone(), noted.clone());
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(request) = Request::read(&stream) else { return };
                    noted.lock().unwrap().push(request.clone());
                    answer(&request).write(&mut stream);
                });
            }
        });
        Self { host, asked }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Returns what it was asked for so far.
    pub(super) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns how often it was asked for something that contains a text.
    pub(super) fn count(&self, text: &str) -> usize {
        self.asked().iter().filter(|request| request.target.contains(text)).count()
    }
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            // Whoever connects may leave without a word.
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut first = lines[0].split(' ').map(str::to_owned);
        let (method, target) = (first.next().unwrap(), first.next().unwrap());
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut request = Self { method, target, headers, body: String::new() };
        let length = request.header("content-length").map_or(0, |text| text.parse().unwrap());
        reader.take(length).read_to_string(&mut request.body).unwrap();
        Some(request)
    }

    /// The same without a header.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut request = self.clone();
        request.headers.retain(|(known, _)| known != name);
        request
    }

    /// The same with another header.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut request = self.without(name);
        request.headers.push((name.to_owned(), value.to_owned()));
        request
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Reply {
    pub(super) fn new(status: u16, body: &[u8]) -> Self {
        Self { status, headers: Vec::new(), body: body.to_vec(), length: None, end: End::All }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn cut(self, at: usize) -> Self {
        Self { end: End::Cut(at), ..self }
    }

    pub(super) fn stall(self, at: usize) -> Self {
        Self { end: End::Stall(at), ..self }
    }

    pub(super) fn drip(self, at: usize) -> Self {
        Self { end: End::Drip(at), ..self }
    }

    pub(super) fn drip_header(self) -> Self {
        Self { end: End::DripHeader, ..self }
    }

    /// Claims another length of the body than it has.
    pub(super) fn claim(self, length: usize) -> Self {
        Self { length: Some(length), ..self }
    }

    fn write(&self, stream: &mut TcpStream) {
        let mut head = format!(
            "HTTP/1.1 {} Said\r\ncontent-length: {}\r\nconnection: close\r\n",
            self.status,
            self.length.unwrap_or(self.body.len())
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let End::DripHeader = self.end {
            return drip(stream, head.bytes().chain(std::iter::repeat(b'x')));
        }
        head.push_str("\r\n");
        let sent = match self.end {
            End::All | End::DripHeader => &self.body[..],
            End::Cut(at) | End::Stall(at) | End::Drip(at) => &self.body[..at.min(self.body.len())],
        };
        // The other side may have had enough.
        drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent)));
        match self.end {
            End::Stall(_) => drop(stream.read(&mut [0])),
            End::Drip(_) => drip(stream, self.body[sent.len()..].iter().copied()),
            _ => {}
        }
    }
}

/// Sends bytes slowly, for as long as the other side takes them.
fn drip(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>) {
    for byte in bytes {
        thread::sleep(NOW_AND_THEN);
        if stream.write_all(&[byte]).is_err() {
            return;
        }
    }
}
