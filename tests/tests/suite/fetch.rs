//! Downloads from a loopback server that breaks off, with ranges and with a wrong hash.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use unstamp_tests::asked_from;
use unstamp_trainer::data::fetch::{Download, fetch};

/// SHA-256 of 100,000 bytes `i mod 251`, made with Python's hashlib.
const HASH: &str = "cd2df694e424bc7968cc37f47751019e5ca0cd1bdf2e479ea537c3a1c32ee1aa";

fn content() -> Vec<u8> {
    (0..100_000).map(|i| (i % 251) as u8).collect()
}

/// Serves the content; every whole request breaks off in the middle. Counts resumed requests.
fn server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/file", listener.local_addr().expect("an address"));
    let resumed = Arc::new(AtomicUsize::new(0));
    let count = resumed.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let from = asked_from(&stream);
            let all = content();
            let (status, part) = if from == 0 {
                // Announces the whole length, sends half, and closes the connection.
                ("200 OK".to_string(), &all[..50_000])
            } else {
                count.fetch_add(1, Ordering::SeqCst);
                let range =
                    format!("206 Partial Content\r\nContent-Range: bytes {from}-99999/100000");
                (range, &all[from..])
            };
            let promised = all.len() - from;
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(part));
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
