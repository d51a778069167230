//! Tests of downloads from servers that misbehave.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::fetch::{Download, FetchError, fetch};

/// How a server answers one connection.
#[derive(Clone, Copy)]
enum Answer {
    /// It sends what is requested, ranges too.
    Correct,
    /// It sends the whole file for any range.
    NoRanges,
    /// It closes the connection after this number of bytes.
    Broken(usize),
    Missing,
    /// It sends another file of the same length.
    Altered,
    /// It sends one byte too many.
    Longer,
    /// It sends another part than the requested one.
    WrongPart,
    NotSatisfiable,
}

/// A server of one file. Its connections get the given answers in order, and all later ones the last answer.
struct Server {
    url: String,
    /// The first byte of every requested range; 0 for a request without a range.
    requests: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    fn start(content: &[u8], answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (content, answers, log) = (content.to_vec(), answers.to_vec(), requests.clone());
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let answer = answers[number.min(answers.len() - 1)];
                // The client may close the connection at any time.
                let _ = serve(stream.unwrap(), &content, answer, &log);
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<usize> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, content: &[u8], answer: Answer, log: &Mutex<Vec<usize>>) -> std::io::Result<()> {
    let mut first = 0;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            first = range.trim_end_matches('-').parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push(first);
    let length = content.len();
    let head = |status: &str, length: usize, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{more}Connection: close\r\n\r\n")
    };
    let range = |first: usize| format!("Content-Range: bytes {first}-{}/{length}\r\n", length - 1);
    let ranged = |first: usize| match first {
        0 => head("200 OK", length, ""),
        _ => head("206 Partial Content", length - first, &range(first)),
    };
    let altered: Vec<u8> = content.iter().map(|byte| byte ^ 1).collect();
    let (head, body) = match answer {
        Answer::Correct => (ranged(first), &content[first..]),
        Answer::NoRanges => (head("200 OK", length, ""), content),
        Answer::Broken(count) => (ranged(first), &content[first..length.min(first + count)]),
        Answer::Missing => (head("404 Not Found", 0, ""), &[][..]),
        Answer::Altered => (ranged(first), &altered[first..]),
        Answer::Longer => (head("200 OK", length + 1, ""), content),
        Answer::WrongPart => (head("206 Partial Content", 1, &range(length - 1)), &content[length - 1..]),
        Answer::NotSatisfiable => (head("416 Range Not Satisfiable", 0, ""), &[][..]),
    };
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    if matches!(answer, Answer::Longer) {
        stream.write_all(b"x")?;
    }
    Ok(())
}

/// A file's content and the folder that it is fetched to.
struct Fixture {
    folder: tempfile::TempDir,
    content: Vec<u8>,
    sha256: String,
}

impl Fixture {
    fn new() -> Self {
        let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { folder: tempfile::tempdir().unwrap(), content, sha256 }
    }

    fn server(&self, answers: &[Answer]) -> Server {
        Server::start(&self.content, answers)
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("set").join("file")
    }

    fn partial(&self) -> PathBuf {
        self.folder.path().join("set").join("file.partial")
    }

    fn write_partial(&self, bytes: &[u8]) {
        fs::create_dir_all(self.target().parent().unwrap()).unwrap();
        fs::write(self.partial(), bytes).unwrap();
    }

    /// Fetches from these servers and returns the last number of bytes that was reported as progress.
    fn fetch(&self, servers: &[&Server]) -> Result<u64, FetchError> {
        let urls = servers.iter().map(|server| server.url.clone()).collect();
        let download = Download { urls, bytes: self.content.len() as u64, sha256: &self.sha256 };
        let mut last = 0;
        fetch(&download, &self.target(), &mut |bytes| last = bytes).map(|()| last)
    }

    /// Asserts that the file is complete and alone in its folder.
    fn assert_fetched(&self) {
        assert!(fs::read(self.target()).unwrap() == self.content);
        assert_eq!(fs::read_dir(self.target().parent().unwrap()).unwrap().count(), 1);
    }

    /// Asserts that fetching fails and leaves no file, and returns the message.
    fn fails(&self, servers: &[&Server]) -> String {
        let error = self.fetch(servers).unwrap_err().to_string();
        assert!(!self.target().exists());
        error
    }
}

#[test]
fn a_file_is_fetched_once() {
    let fixture = Fixture::new();
    let server = fixture.server(&[Answer::Correct]);
    assert_eq!(fixture.fetch(&[&server]).unwrap(), 1_200_000);
    fixture.assert_fetched();
    assert_eq!(fixture.fetch(&[&server]).unwrap(), 1_200_000);
    assert_eq!(server.requests(), [0], "the second time, nothing is requested");
    // A file with a wrong checksum is replaced.
    fs::write(fixture.target(), "other").unwrap();
    fixture.fetch(&[&server]).unwrap();
    fixture.assert_fetched();
}

#[test]
fn a_download_continues_where_the_connection_broke() {
    let fixture = Fixture::new();
    let server = fixture.server(&[Answer::Broken(500_000), Answer::Broken(200_000), Answer::Correct]);
    fixture.fetch(&[&server]).unwrap();
    fixture.assert_fetched();
    assert_eq!(server.requests(), [0, 500_000, 700_000]);
}

#[test]
fn a_partial_file_of_an_earlier_run_is_continued() {
    let fixture = Fixture::new();
    fixture.write_partial(&fixture.content[..123_456]);
    let server = fixture.server(&[Answer::Correct]);
    fixture.fetch(&[&server]).unwrap();
    fixture.assert_fetched();
    assert_eq!(server.requests(), [123_456]);
}

#[test]
fn a_server_without_ranges_sends_the_whole_file_again() {
    let fixture = Fixture::new();
    fixture.write_partial(&fixture.content[..123_456]);
    let server = fixture.server(&[Answer::NoRanges]);
    fixture.fetch(&[&server]).unwrap();
    fixture.assert_fetched();
}

#[test]
fn a_partial_file_with_other_content_is_discarded() {
    let fixture = Fixture::new();
    fixture.write_partial(b"something else");
    let (first, second) = (fixture.server(&[Answer::Correct]), fixture.server(&[Answer::Correct]));
    fixture.fetch(&[&first, &second]).unwrap();
    fixture.assert_fetched();
    assert_eq!((first.requests(), second.requests()), (vec![14], vec![0]));

    let fixture = Fixture::new();
    fixture.write_partial(&fixture.content[..99]);
    let server = fixture.server(&[Answer::NotSatisfiable, Answer::Correct]);
    fixture.fetch(&[&server]).unwrap();
    fixture.assert_fetched();
    assert_eq!(server.requests(), [99, 0]);
}

#[test]
fn the_next_mirror_is_tried_if_one_fails() {
    for answer in [Answer::Missing, Answer::Altered, Answer::Longer, Answer::Broken(0)] {
        let fixture = Fixture::new();
        let (bad, good) = (fixture.server(&[answer]), fixture.server(&[Answer::Correct]));
        fixture.fetch(&[&bad, &good]).unwrap();
        fixture.assert_fetched();
        assert_eq!(good.requests(), [0]);
    }
    let fixture = Fixture::new();
    fixture.write_partial(&fixture.content[..1000]);
    let (bad, good) = (fixture.server(&[Answer::WrongPart]), fixture.server(&[Answer::Correct]));
    fixture.fetch(&[&bad, &good]).unwrap();
    fixture.assert_fetched();
    assert_eq!(good.requests(), [1000]);
    // No server listens at this address.
    let fixture = Fixture::new();
    let dead = Server { url: "http://127.0.0.1:1/file".into(), requests: Arc::default() };
    fixture.fetch(&[&dead, &good]).unwrap();
    fixture.assert_fetched();
}

#[test]
fn the_error_gives_the_reason_of_every_mirror() {
    let fixture = Fixture::new();
    let (missing, altered) = (fixture.server(&[Answer::Missing]), fixture.server(&[Answer::Altered]));
    let error = fixture.fails(&[&missing, &altered]);
    assert!(error.contains(&format!("{}: it answers 404 Not Found", missing.url)), "{error}");
    assert!(error.contains(&altered.url) && error.contains(&fixture.sha256) && !error.contains("are kept"), "{error}");
    assert!(!fixture.partial().exists(), "a file with a wrong checksum is not kept");

    let broken = fixture.server(&[Answer::Broken(1000), Answer::Broken(0)]);
    let error = fixture.fails(&[&broken]);
    assert!(error.contains("the connection broke") && error.contains("1000 bytes are kept"), "{error}");
    assert_eq!(fs::read(fixture.partial()).unwrap().len(), 1000);
    let good = fixture.server(&[Answer::Correct]);
    fixture.fetch(&[&good]).unwrap();
    assert_eq!(good.requests(), [1000]);
    fixture.assert_fetched();
}

#[test]
fn only_one_process_fetches_a_file_at_a_time() {
    let fixture = Fixture::new();
    fixture.write_partial(b"");
    let held = fs::File::open(fixture.partial()).unwrap();
    held.lock().unwrap();
    let server = fixture.server(&[Answer::Correct]);
    assert!(fixture.fails(&[&server]).contains("another process is fetching it"));
    drop(held);
    fixture.fetch(&[&server]).unwrap();
    fixture.assert_fetched();
}
