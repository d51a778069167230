//! `nas data`: public sets are fetched from a server on this machine, and good and bad data are described.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::{json, nas, refused, succeed, test_data};

/// Serves the files of a folder, with ranges. The first `broken` connections end after half of the requested bytes.
struct Server {
    url: String,
    /// The requested names, each with the first byte of the range.
    requests: Arc<Mutex<Vec<(String, usize)>>>,
}

impl Server {
    fn start(folder: PathBuf, broken: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/files/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let _ = serve(stream.unwrap(), &folder, number < broken, &log);
            }
        });
        Self { url, requests }
    }
}

fn serve(mut stream: TcpStream, folder: &Path, broken: bool, log: &Mutex<Vec<(String, usize)>>) -> std::io::Result<()> {
    let lines: Vec<String> =
        BufReader::new(stream.try_clone()?).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let name = lines[0].split(' ').nth(1).unwrap().trim_start_matches("/files/").to_owned();
    let range =
        lines.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let first: usize = range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    log.lock().unwrap().push((name.clone(), first));
    let Ok(content) = fs::read(folder.join(&name)) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let (length, rest) = (content.len(), &content[first..]);
    let status = if first == 0 { "200 OK" } else { "206 Partial Content" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {first}-{}/{length}\r\n\
         Connection: close\r\n\r\n",
        rest.len(),
        length - 1
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(if broken { &rest[..rest.len() / 2] } else { rest })
}

/// `nas data get` into the test's own user folder, without a proxy.
fn get(home: &Path, arguments: &[&str]) -> Command {
    let mut command = nas(["data", "get"]);
    command.args(arguments).env("XDG_DATA_HOME", home).env_remove("NAS_DATA");
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command
}

#[test]
fn public_sets_are_listed() {
    let home = tempfile::tempdir().unwrap();
    let listed = succeed(&mut get(home.path(), &[]));
    for set in ["cifar-10 ", "cifar-100 ", "fashion-mnist", "mnist", "tinyshakespeare"] {
        assert!(listed.contains(set), "{listed}");
    }
    let message = refused(&mut get(home.path(), &["fashon-mnist"]));
    assert!(message.contains("did you mean 'fashion-mnist'?"), "{message}");
}

#[test]
fn a_set_is_fetched_from_the_mirror_that_has_it_and_found_by_name() {
    let Some(text) = test_data("text/tinyshakespeare.txt") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (home, files, empty) = (folder.path().join("home"), folder.path().join("files"), folder.path().join("empty"));
    [&home, &files, &empty].iter().for_each(|folder| fs::create_dir(folder).unwrap());
    fs::copy(&text, files.join("input.txt")).unwrap();
    let (without, with) = (Server::start(empty, 0), Server::start(files, 2));
    let mirrors = ["--mirror", &without.url, "--mirror", &with.url];
    let fetched = succeed(&mut get(&home, &[&["tinyshakespeare"], &mirrors[..]].concat()));
    let path = home.join("nas/data/tinyshakespeare.txt");
    assert_eq!(fetched.trim(), path.to_str().unwrap());
    assert_eq!(fs::read(&path).unwrap(), fs::read(text).unwrap());
    let requests = with.requests.lock().unwrap().clone();
    let firsts: Vec<usize> = requests.iter().map(|(_, first)| *first).collect();
    assert_eq!(firsts, [0, 557_697, 836_545], "two connections broke in the middle");

    // Once it is there, no server is needed.
    succeed(&mut get(&home, &["tinyshakespeare", "--mirror", "http://127.0.0.1:1/"]));
    assert!(succeed(&mut get(&home, &[])).contains(path.to_str().unwrap()));
    let mut check = nas(["data", "check", "tinyshakespeare", "--set", "evaluator.context=100"]);
    let found = json(check.env("XDG_DATA_HOME", &home).env_remove("NAS_DATA"));
    assert_eq!((&found["task"], &found["vocabulary"]), (&"language".into(), &65.into()));
    assert_eq!(found["examples"][0], 6692);
}

#[test]
fn a_set_of_several_files_is_fetched_and_a_damaged_file_is_refused() {
    let Some(source) = test_data("fashion-mnist") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (out, files) = (folder.path().join("out"), folder.path().join("files"));
    fs::create_dir(&files).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        fs::write(files.join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    let labels = files.join("t10k-labels-idx1-ubyte.gz");
    let right = fs::read(&labels).unwrap();
    let mut wrong = right.clone();
    wrong[100] ^= 1;
    fs::write(&labels, wrong).unwrap();
    let server = Server::start(files, 0);
    let arguments = ["fashion-mnist", "--out", out.to_str().unwrap(), "--mirror", &server.url];
    let output = get(folder.path(), &arguments).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(output.stdout.is_empty());
    for words in ["t10k-labels-idx1-ubyte.gz cannot be fetched", &server.url, "SHA-256", "--mirror"] {
        assert!(message.contains(words), "'{words}' is not in {message}");
    }
    assert_eq!(fs::read_dir(out.join("fashion-mnist")).unwrap().count(), 3, "the files before it are kept");

    fs::write(&labels, right).unwrap();
    server.requests.lock().unwrap().clear();
    succeed(&mut get(folder.path(), &arguments));
    assert_eq!(server.requests.lock().unwrap().len(), 1);
    let set = out.join("fashion-mnist");
    let found = json(&mut nas(["data", "check", set.to_str().unwrap()]));
    assert_eq!((&found["shape"], &found["examples"]), (&[1, 28, 28].into(), &[48_000, 12_000, 10_000].into()));
    assert_eq!((&found["values"][0]["min"], &found["values"][0]["max"]), (&0.0.into(), &255.0.into()));
}

fn table(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn tabular_data_are_described() {
    let folder = tempfile::tempdir().unwrap();
    let line = |row: usize| {
        let age = if row.is_multiple_of(8) { "NA".to_owned() } else { (20 + row % 30).to_string() };
        format!("r{row},{age},{},1,{}\n", ["yes", "no"][row % 2], ["red", "blue", "green"][row % 3])
    };
    let lines: String = (0..80).map(line).collect();
    let path = table(folder.path(), "people.csv", &format!("id,age,member,one,colour\n{lines}"));
    let found = json(&mut nas(["data", "check", &path]));
    assert_eq!((&found["task"], &found["outputs"]), (&"classification".into(), &3.into()));
    let values = found["values"].as_array().unwrap();
    let kinds: Vec<&str> = values.iter().map(|column| column["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["category", "number", "truth", "number"]);
    assert_eq!((&values[1]["missing"], &values[1]["min"], &values[1]["max"]), (&10.into(), &20.0.into(), &49.0.into()));
    assert_eq!((&values[0]["names"], &values[2]["mean"]), (&80.into(), &0.5.into()));
    let totals: u64 =
        found["classes"][1]["examples"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((&found["classes"][1]["name"], totals), (&"green".into(), 26));
    let warnings = found["warnings"].to_string();
    assert!(warnings.contains("'id' has 80 names") && warnings.contains("'one' has a single value"), "{warnings}");

    let set =
        ["--set", "evaluator.ignore=[id, one]", "--set", "evaluator.target=age", "--set", "evaluator.task=regression"];
    let message = refused(nas(["data", "check", &path]).args(set));
    assert!(message.contains("line 2, column 'age': the target is missing"), "{message}");
    let text = succeed(nas(["data", "check", &path]).args(&set[..2]));
    for words in ["people.csv: classification", "inputs 3, outputs 3", "48 for training", "age", "blue"] {
        assert!(text.contains(words), "'{words}' is not in {text}");
    }
    assert!(!text.contains("warning: the column"), "{text}");
}

#[test]
fn errors_in_data_name_the_place_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let says = |data: &str, words: &[&str]| {
        let message = refused(&mut nas(["data", "check", data]));
        words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in {message}"));
    };
    says(&table(folder.path(), "a.csv", "a,b\n1,x\n2,y,z\n"), &["line 3: 3 cells", "2 columns"]);
    says(&table(folder.path(), "b.csv", "a,b\n1,x\n2,y\n3O,x\n"), &["line 4, column 'a': '3O'", "'categories'"]);
    let prices: String = (0..100).map(|row| format!("{},{row}.5\n", row % 9)).collect();
    let prices = table(folder.path(), "prices.csv", &format!("a,price\n{prices}"));
    says(&prices, &["column 'price'", "100 classes in 100 rows", "task = \"regression\""]);
    says(&table(folder.path(), "c.txt", "short"), &["5 tokens", "'context'"]);
    says("no-such-data", &["there are no data 'no-such-data'", "nas data get"]);
    let message = refused(&mut nas(["data", "check", "digits", "--set", "space.width=3"]));
    assert!(message.contains("only evaluator.KEY=VALUE"), "{message}");
    let digits = json(&mut nas(["data", "check", "digits"]));
    assert_eq!((&digits["values"][0]["max"], &digits["warnings"]), (&16.0.into(), &serde_json::json!([])));
}
