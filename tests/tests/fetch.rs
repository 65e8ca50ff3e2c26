//! Downloads from a loopback server that breaks off, with ranges and with a wrong hash.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tiny_http::{Header, Response, Server, StatusCode};
use unstamp_trainer::data::fetch::{Download, fetch};

/// SHA-256 of 100,000 bytes `i mod 251`, made with Python's hashlib.
const HASH: &str = "cd2df694e424bc7968cc37f47751019e5ca0cd1bdf2e479ea537c3a1c32ee1aa";

fn content() -> Vec<u8> {
    (0..100_000).map(|i| (i % 251) as u8).collect()
}

/// Serves the content; every whole request breaks off in the middle. Counts resumed requests.
fn server() -> (String, Arc<AtomicUsize>) {
    let server = Server::http("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/file", server.server_addr().to_ip().expect("an address"));
    let resumed = Arc::new(AtomicUsize::new(0));
    let count = resumed.clone();
    std::thread::spawn(move || {
        for request in server.incoming_requests() {
            let range = request
                .headers()
                .iter()
                .find(|h| h.field.equiv("Range"))
                .map(|h| h.value.to_string());
            let from = range
                .and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
                .unwrap_or(0);
            let all = content();
            let rest: &[u8] = &all[from..];
            if from == 0 {
                // Promises everything, sends half, hangs up.
                let mut stream = request.into_writer();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", all.len());
                let _ = stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(&all[..50_000]));
                continue;
            }
            count.fetch_add(1, Ordering::SeqCst);
            let header = Header::from_bytes("Content-Range", format!("bytes {from}-99999/100000"))
                .expect("ASCII");
            let response =
                Response::new(StatusCode(206), vec![header], rest, Some(rest.len()), None);
            let _ = request.respond(response);
        }
    });
    (address, resumed)
}

#[test]
fn a_broken_transfer_is_taken_up_where_it_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, resumed) = server();
    let download = Download { url, file: "file", sha256: Some(HASH) };
    let path = fetch(&download, folder.path()).expect("downloaded");
    assert_eq!(std::fs::read(&path).expect("there"), content());
    assert_eq!(resumed.load(Ordering::SeqCst), 1, "the rest was asked for once");
    assert_eq!(fetch(&download, folder.path()).expect("there already"), path);
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1,
        "nothing else is left"
    );
}

#[test]
fn a_wrong_hash_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, _) = server();
    let wrong = "00000000000000000000000000000000000000000000000000000000000000ff";
    let error = fetch(&Download { url, file: "file", sha256: Some(wrong) }, folder.path());
    let error = format!("{:#}", error.expect_err("refused"));
    assert!(error.contains("expected 000000"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_missing_address_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = "http://127.0.0.1:9/file".to_string();
    let error = fetch(&Download { url, file: "file", sha256: None }, folder.path());
    let error = format!("{:#}", error.expect_err("refused"));
    assert!(error.contains("cannot download http://127.0.0.1:9/file"), "{error}");
}
