//! `unstamp serve`, asked by plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;
use unstamp_tests::{root, unstamp};
use unstamp_trainer::serve::CONTENT_SECURITY_POLICY;

/// A running server, which ends with the test.
struct Site {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

/// An answer of the server.
struct Answer {
    status: String,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

impl Site {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            let path = folder.path().join("site").join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, bytes).expect("written");
        }
        let mut process = unstamp()
            .arg("serve")
            .arg(folder.path().join("site"))
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let said = process.stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut line).expect("it says its address");
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_string();
        Self { process, address, folder }
    }

    /// Sends one request with further head lines, each with its line end.
    fn ask(&self, request: &str, more: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let host = &self.address;
        let text = format!("{request} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("answered");
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).expect("a status").to_string();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_site_is_served_with_types_caches_and_compression() {
    let text = "many words ".repeat(2000);
    let site = Site::new(&[
        ("index.html", text.as_bytes()),
        ("my model.safetensors", b"weights"),
        ("a.webmanifest", b"{}"),
        ("engine.wasm", b"\0asm"),
        ("models/index.html", b"models"),
    ]);
    assert!(site.address.starts_with("127.0.0.1:"), "{}", site.address);
    for (path, kind) in [
        ("/", "text/html"),
        ("/my%20model.safetensors", "application/octet-stream"),
        ("/a.webmanifest", "application/manifest+json"),
        ("/engine.wasm", "application/wasm"),
        ("/models/?a=b", "text/html"),
    ] {
        let answer = site.ask(&format!("GET {path}"), "");
        assert_eq!(answer.status, "200", "{path}");
        assert_eq!(answer.header("Content-Type"), Some(kind), "{path}");
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"), "{path}");
        let policy = answer.header("Content-Security-Policy");
        assert_eq!(policy, Some(CONTENT_SECURITY_POLICY), "{path}");
    }
    let whole = site.ask("GET /", "");
    assert_eq!(whole.body, text.as_bytes());
    let packed = site.ask("GET /", "Accept-Encoding: br, gzip\r\n");
    assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).expect("gzip");
    assert!(unpacked == text && packed.body.len() < text.len() / 10);

    // The same file is not sent twice; a changed one is.
    let tag = whole.header("ETag").expect("tagged").to_string();
    let known = format!("If-None-Match: {tag}\r\n");
    let again = site.ask("GET /", &known);
    assert_eq!((again.status.as_str(), again.body.len()), ("304", 0));
    std::fs::write(site.folder.path().join("site/index.html"), "new").expect("written");
    assert_eq!(site.ask("GET /", &known).body, b"new");

    let head = site.ask("HEAD /", "");
    assert_eq!((head.status.as_str(), head.body.len()), ("200", 0));
    for (path, place) in [("/models", "/models/"), ("//models?a=b", "/models/?a=b")] {
        let folder = site.ask(&format!("GET {path}"), "");
        assert_eq!((folder.status.as_str(), folder.header("Location")), ("307", Some(place)));
    }
}

#[test]
fn nothing_else_is_served() {
    let site = Site::new(&[("index.html", b"page")]);
    std::fs::write(site.folder.path().join("secret"), "secret").expect("written");
    for path in ["/../secret", "/%2e%2e/secret", "/..%2Fsecret", "//etc/passwd", "/%00", "/none"] {
        let answer = site.ask(&format!("GET {path}"), "");
        assert_eq!(answer.status, "404", "{path}");
        assert_eq!(answer.body, b"not found", "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(site.ask(&format!("{method} /"), "").status, "405", "{method}");
    }
}

/// The document has the policy too, for servers that cannot be told to send a header.
#[test]
fn the_page_has_the_policy_that_the_server_sends() {
    let page = std::fs::read_to_string(root().join("web/index.html")).expect("the page");
    assert!(page.contains(&format!("content=\"{CONTENT_SECURITY_POLICY}\"")), "{page}");
}

/// The file is larger than what the system keeps of an answer that nobody reads.
#[test]
fn visitors_who_read_nothing_keep_no_other_one_waiting() {
    let large = vec![0; 32 << 20];
    let site = Site::new(&[("index.html", b"page"), ("large.bin", &large)]);
    let visitors: Vec<_> = (0..16)
        .map(|_| {
            let mut stream = TcpStream::connect(&site.address).expect("it listens");
            stream.write_all(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
            // The answer has begun. Without an end, a failure of this test would not be reported.
            stream.set_read_timeout(Some(Duration::from_secs(120))).expect("set");
            stream.read_exact(&mut [0]).expect("answered");
            stream
        })
        .collect();
    assert_eq!(site.ask("GET /", "").body, b"page");
    drop(visitors);
}
