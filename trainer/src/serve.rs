//! A server for the built site, on loopback only.

use anyhow::{Context, Result, anyhow, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::percent_decode_str;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::thread::Builder;
use std::time::UNIX_EPOCH;
use tiny_http::{Header, Method, Request, Response, Server};

/// The sources that a browser may load from: the same policy as in `web/index.html`. As a header it also
/// holds in the page's workers, which the policy in the document does not reach.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; connect-src 'self'; img-src 'self' blob:; style-src 'self'; base-uri 'none'; \
    form-action 'none'";

/// Serves `folder` until the process ends; prints the address once it listens.
///
/// # Errors
///
/// The folder has no `index.html`, or the server cannot listen on the port.
pub fn serve(folder: &Path, port: u16) -> Result<()> {
    ensure!(
        folder.join("index.html").exists(),
        "{} holds no index.html; build the site with make site",
        folder.display()
    );
    let folder = folder.canonicalize().context("the folder cannot be read")?;
    let server = Server::http(("127.0.0.1", port))
        .map_err(|e| anyhow!("cannot listen on port {port}: {e}"))?;
    let address = server.server_addr().to_ip().context("no address")?;
    println!("http://{address}/");
    std::thread::scope(|scope| {
        for request in server.incoming_requests() {
            let folder = &folder;
            // A thread for each request, so that a visitor who reads nothing keeps no other one waiting. A
            // visitor who went away is no reason to stop. Without a thread, the visitor gets code 500.
            let _ = Builder::new().spawn_scoped(scope, move || answer(folder, request));
        }
    });
    Err(anyhow!("the server takes no more visitors; start it again"))
}

/// The file or folder that the path of an address names.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    File(PathBuf),
    /// A folder whose address lacks the `/` at its end, without which links in its page lead elsewhere.
    Folder,
    Nothing,
}

/// The file or folder that the path of `url` names in `folder`, which is canonical. A path that leaves
/// `folder`, also by a symbolic link, names nothing.
fn find(folder: &Path, url: &str) -> Found {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let Ok(decoded) = percent_decode_str(path.trim_start_matches('/')).decode_utf8() else {
        return Found::Nothing;
    };
    let relative = Path::new(decoded.as_ref());
    let is_plain = relative.components().all(|c| matches!(c, Component::Normal(_)));
    if !is_plain {
        return Found::Nothing;
    }
    let place = folder.join(relative).canonicalize();
    let Some(place) = place.ok().filter(|place| place.starts_with(folder)) else {
        return Found::Nothing;
    };
    if place.is_file() {
        return Found::File(place);
    }
    let index = place.join("index.html");
    match index.canonicalize().is_ok_and(|index| index.starts_with(folder) && index.is_file()) {
        true if path.is_empty() || path.ends_with('/') => Found::File(index),
        true => Found::Folder,
        false => Found::Nothing,
    }
}

/// Changes when the file does: its size and the time of its last change.
fn tag(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("W/\"{:x}-{:x}\"", metadata.len(), changed.as_nanos()))
}

/// Whether compression makes files of this kind much smaller.
fn is_compressible(kind: &str) -> bool {
    kind.starts_with("text/")
        || ["json", "javascript", "wasm", "xml"].iter().any(|k| kind.ends_with(k))
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("plain ASCII")
}

/// The value of a header of a request.
fn asked<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    let found = request.headers().iter().find(|header| header.field.equiv(name));
    found.map(|header| header.value.as_str())
}

fn answer(folder: &Path, request: Request) -> std::io::Result<()> {
    let plain = |text: &str, code: u16| Response::from_string(text).with_status_code(code);
    if !matches!(request.method(), Method::Get | Method::Head) {
        let allow = header("Allow", "GET, HEAD");
        return request.respond(plain("only GET and HEAD", 405).with_header(allow));
    }
    let url = request.url().to_string();
    match find(folder, &url) {
        Found::File(file) => send(&file, request),
        Found::Folder => {
            let (path, query) = url.split_at(url.find('?').unwrap_or(url.len()));
            // One slash at the front, because a browser reads //name as the name of a server. tiny_http
            // accepts only addresses in ASCII.
            let place = format!("/{}/{query}", path.trim_matches('/'));
            let place = header("Location", &place);
            request.respond(plain("see the folder", 307).with_header(place))
        }
        Found::Nothing => request.respond(plain("not found", 404)),
    }
}

/// Sends a file with its type. `Cache-Control: no-cache` makes the browser ask each time; it gets the file only
/// if the file has changed.
fn send(file: &Path, request: Request) -> std::io::Result<()> {
    let tag = tag(file)?;
    let kind = mime_guess::from_path(file).first_or_octet_stream();
    let mut headers = vec![
        header("Content-Type", kind.as_ref()),
        header("Cache-Control", "no-cache"),
        header("ETag", &tag),
        header("Vary", "Accept-Encoding"),
        header("X-Content-Type-Options", "nosniff"),
        header("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ];
    if asked(&request, "If-None-Match") == Some(tag.as_str()) {
        let empty = Response::empty(304);
        return request.respond(headers.into_iter().fold(empty, Response::with_header));
    }
    let mut bytes = std::fs::read(file)?;
    let packs = asked(&request, "Accept-Encoding").is_some_and(|kinds| kinds.contains("gzip"));
    if packs && is_compressible(kind.essence_str()) {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&bytes)?;
        bytes = packed.finish()?;
        headers.push(header("Content-Encoding", "gzip"));
    }
    let whole = Response::from_data(bytes);
    // Otherwise tiny_http sends larger files in pieces without their length.
    let whole = whole.with_chunked_threshold(usize::MAX);
    request.respond(headers.into_iter().fold(whole, Response::with_header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        let site = root.join("site");
        std::fs::create_dir_all(site.join("models")).expect("made");
        std::fs::write(root.join("secret"), "secret").expect("written");
        std::fs::write(site.join("my model.txt"), "a").expect("written");
        std::fs::write(site.join("index.html"), "a").expect("written");
        std::fs::write(site.join("models/index.html"), "a").expect("written");
        let is = |url: &str, name: &str| {
            assert_eq!(find(&site, url), Found::File(site.join(name)), "{url}");
        };
        is("/", "index.html");
        is("/?a=/../secret#b", "index.html");
        is("/my%20model.txt", "my model.txt");
        is("/models/", "models/index.html");
        assert_eq!(find(&site, "/models"), Found::Folder);
        for url in [
            "/../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/models/../../secret",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/%00",
            "/%ff",
            "/missing",
        ] {
            assert_eq!(find(&site, url), Found::Nothing, "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        let site = root.join("site");
        std::fs::create_dir(&site).expect("made");
        std::fs::write(root.join("secret"), "secret").expect("written");
        std::os::unix::fs::symlink(root.join("secret"), site.join("link")).expect("linked");
        assert_eq!(find(&site, "/link"), Found::Nothing);
    }
}
