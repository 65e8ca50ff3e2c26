//! A server for the built site, on loopback only.

use anyhow::{Context, Result, anyhow, ensure};
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use tiny_http::{Header, Request, Response, Server};

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
    let server = Server::http(("127.0.0.1", port))
        .map_err(|e| anyhow!("cannot listen on port {port}: {e}"))?;
    let address = server.server_addr().to_ip().context("no address")?;
    println!("http://{address}/");
    for request in server.incoming_requests() {
        // A visitor who went away is no reason to stop.
        let _ = answer(folder, request);
    }
    Ok(())
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript",
        Some("css") => "text/css",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

/// The file a URL path names, or nothing outside `folder`.
fn resolve(folder: &Path, url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let relative = Path::new(path);
    let plain = relative.components().all(|c| matches!(c, Component::Normal(_)));
    let file = folder.join(relative);
    let file = if file.is_dir() { file.join("index.html") } else { file };
    (plain && file.is_file()).then_some(file)
}

fn answer(folder: &Path, request: Request) -> std::io::Result<()> {
    let header = |name: &str, value: &str| Header::from_bytes(name, value).expect("plain ASCII");
    let Some(file) = resolve(folder, request.url()) else {
        return request.respond(Response::from_string("not found").with_status_code(404));
    };
    let response = Response::from_file(File::open(&file)?)
        .with_header(header("Content-Type", kind(&file)))
        .with_header(header("Cache-Control", "no-cache"))
        .with_header(header("X-Content-Type-Options", "nosniff"));
    request.respond(response)
}
