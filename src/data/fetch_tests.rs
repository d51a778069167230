//! Downloads from servers that misbehave.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::fetch::{FetchError, Wanted, fetch};

/// How a server answers one connection.
#[derive(Clone, Copy)]
enum Answer {
    /// As it should, ranges too.
    Right,
    /// The whole file, whatever part is asked for.
    NoRanges,
    /// So many bytes of what it should send, then it hangs up.
    Broken(usize),
    Missing,
    /// Another file of the same length.
    Altered,
    /// One byte too many.
    Longer,
    /// Another part than the one that is asked for.
    WrongPart,
    NotSatisfiable,
}

/// A server of one file, whose connections are answered in this order, the last answer for all that follow.
struct Server {
    url: String,
    /// What parts were asked for: the first byte, 0 where none was named.
    asked: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    fn start(content: &[u8], answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (content, answers, log) = (content.to_vec(), answers.to_vec(), asked.clone());
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let answer = answers[number.min(answers.len() - 1)];
                // The client may hang up as it likes.
                let _ = serve(stream.unwrap(), &content, answer, &log);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
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
        Answer::Right => (ranged(first), &content[first..]),
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

struct Scene {
    folder: tempfile::TempDir,
    content: Vec<u8>,
    sha256: String,
}

impl Scene {
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

    fn leave(&self, bytes: &[u8]) {
        fs::create_dir_all(self.target().parent().unwrap()).unwrap();
        fs::write(self.partial(), bytes).unwrap();
    }

    /// Fetches from these servers; what progress was told last.
    fn fetch(&self, servers: &[&Server]) -> Result<u64, FetchError> {
        let urls = servers.iter().map(|server| server.url.clone()).collect();
        let wanted = Wanted { urls, bytes: self.content.len() as u64, sha256: &self.sha256 };
        let mut last = 0;
        fetch(&wanted, &self.target(), &mut |bytes| last = bytes).map(|()| last)
    }

    /// That the file is there, and nothing beside it.
    fn is_there(&self) {
        assert!(fs::read(self.target()).unwrap() == self.content);
        assert_eq!(fs::read_dir(self.target().parent().unwrap()).unwrap().count(), 1);
    }

    fn fails(&self, servers: &[&Server]) -> String {
        let error = self.fetch(servers).unwrap_err().to_string();
        assert!(!self.target().exists());
        error
    }
}

#[test]
fn a_file_is_fetched_once() {
    let scene = Scene::new();
    let server = scene.server(&[Answer::Right]);
    assert_eq!(scene.fetch(&[&server]).unwrap(), 1_200_000);
    scene.is_there();
    assert_eq!(scene.fetch(&[&server]).unwrap(), 1_200_000);
    assert_eq!(server.asked(), [0], "the second time, nothing is asked for");
    // What is there but wrong is fetched anew.
    fs::write(scene.target(), "other").unwrap();
    scene.fetch(&[&server]).unwrap();
    scene.is_there();
}

#[test]
fn a_broken_connection_goes_on_where_it_broke() {
    let scene = Scene::new();
    let server = scene.server(&[Answer::Broken(500_000), Answer::Broken(200_000), Answer::Right]);
    scene.fetch(&[&server]).unwrap();
    scene.is_there();
    assert_eq!(server.asked(), [0, 500_000, 700_000]);
}

#[test]
fn a_partial_file_of_an_earlier_run_is_gone_on_with() {
    let scene = Scene::new();
    scene.leave(&scene.content[..123_456]);
    let server = scene.server(&[Answer::Right]);
    scene.fetch(&[&server]).unwrap();
    scene.is_there();
    assert_eq!(server.asked(), [123_456]);
}

#[test]
fn a_server_without_ranges_sends_the_whole_file_again() {
    let scene = Scene::new();
    scene.leave(&scene.content[..123_456]);
    let server = scene.server(&[Answer::NoRanges]);
    scene.fetch(&[&server]).unwrap();
    scene.is_there();
}

#[test]
fn a_partial_file_of_something_else_is_given_up() {
    let scene = Scene::new();
    scene.leave(b"something else");
    let (first, second) = (scene.server(&[Answer::Right]), scene.server(&[Answer::Right]));
    scene.fetch(&[&first, &second]).unwrap();
    scene.is_there();
    assert_eq!((first.asked(), second.asked()), (vec![14], vec![0]));

    let scene = Scene::new();
    scene.leave(&scene.content[..99]);
    let server = scene.server(&[Answer::NotSatisfiable, Answer::Right]);
    scene.fetch(&[&server]).unwrap();
    scene.is_there();
    assert_eq!(server.asked(), [99, 0]);
}

#[test]
fn another_mirror_does_what_one_cannot() {
    for answer in [Answer::Missing, Answer::Altered, Answer::Longer, Answer::Broken(0)] {
        let scene = Scene::new();
        let (bad, good) = (scene.server(&[answer]), scene.server(&[Answer::Right]));
        scene.fetch(&[&bad, &good]).unwrap();
        scene.is_there();
        assert_eq!(good.asked(), [0]);
    }
    let scene = Scene::new();
    scene.leave(&scene.content[..1000]);
    let (bad, good) = (scene.server(&[Answer::WrongPart]), scene.server(&[Answer::Right]));
    scene.fetch(&[&bad, &good]).unwrap();
    scene.is_there();
    assert_eq!(good.asked(), [1000]);
    // Nobody listens.
    let scene = Scene::new();
    let dead = Server { url: "http://127.0.0.1:1/file".into(), asked: Arc::default() };
    scene.fetch(&[&dead, &good]).unwrap();
    scene.is_there();
}

#[test]
fn where_no_mirror_helps_each_says_why() {
    let scene = Scene::new();
    let (missing, altered) = (scene.server(&[Answer::Missing]), scene.server(&[Answer::Altered]));
    let error = scene.fails(&[&missing, &altered]);
    assert!(error.contains(&format!("{}: it answers 404 Not Found", missing.url)), "{error}");
    assert!(error.contains(&altered.url) && error.contains(&scene.sha256) && !error.contains("are kept"), "{error}");
    assert!(!scene.partial().exists(), "bytes that cannot be trusted are not kept");

    let broken = scene.server(&[Answer::Broken(1000), Answer::Broken(0)]);
    let error = scene.fails(&[&broken]);
    assert!(error.contains("the connection broke") && error.contains("1000 bytes are kept"), "{error}");
    assert_eq!(fs::read(scene.partial()).unwrap().len(), 1000);
    let good = scene.server(&[Answer::Right]);
    scene.fetch(&[&good]).unwrap();
    assert_eq!(good.asked(), [1000]);
    scene.is_there();
}

#[test]
fn one_process_at_a_time() {
    let scene = Scene::new();
    scene.leave(b"");
    let held = fs::File::open(scene.partial()).unwrap();
    held.lock().unwrap();
    let server = scene.server(&[Answer::Right]);
    assert!(scene.fails(&[&server]).contains("another process is fetching it"));
    drop(held);
    scene.fetch(&[&server]).unwrap();
    scene.is_there();
}
