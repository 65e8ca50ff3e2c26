//! Downloads of data sets from their official addresses. A broken download continues, and the hash of
//! the file is checked.

use super::{DataError, LOADERS, loader};
use crate::files;
use crate::progress;
use anyhow::{Context, Result, ensure};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use unstamp_shared::seed::sha256;

/// A file to download.
#[derive(Clone, Debug)]
pub struct Download {
    /// Its address.
    pub url: String,
    /// Name under which it is kept.
    pub file: &'static str,
    /// Pinned hash in hexadecimal; `None` if no trusted one is known.
    pub sha256: Option<&'static str>,
}

/// The official files of a data set.
///
/// # Errors
/// If the data set is unknown or has no download.
pub fn official(id: &str) -> Result<Vec<Download>, DataError> {
    let downloads = loader(id)?.downloads();
    if downloads.is_empty() {
        let known = LOADERS.iter().filter(|loader| !loader.downloads().is_empty());
        let known: Vec<&str> = known.map(|loader| loader.info().id).collect();
        return Err(DataError::NoDownload { id: id.to_string(), known: known.join(", ") });
    }
    Ok(downloads)
}

/// Downloads into `folder` and returns the path of the file. Continues a download that was broken off.
///
/// # Errors
/// If five attempts fail, or the file does not have the pinned hash.
pub fn fetch(download: &Download, folder: &Path) -> Result<PathBuf> {
    let done = folder.join(download.file);
    let part = folder.join(format!("{}.part", download.file));
    if done.exists() {
        check(&done, download)?;
        return Ok(done);
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    for attempt in 1.. {
        match transfer(download, &part) {
            Ok(()) => break,
            Err(e) if attempt >= 5 => {
                return Err(e.context(format!("cannot download {}", download.url)));
            }
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(200 * attempt)),
        }
    }
    if let Err(wrong) = check(&part, download) {
        std::fs::remove_file(&part).ok();
        return Err(wrong);
    }
    std::fs::rename(&part, &done)?;
    Ok(done)
}

fn transfer(download: &Download, part: &Path) -> Result<()> {
    let have = part.metadata().map_or(0, |m| m.len());
    let request = ureq::get(&download.url).header("Range", format!("bytes={have}-"));
    let mut response = match request.call() {
        Err(ureq::Error::StatusCode(416)) => return Ok(()), // everything is there already
        other => other?,
    };
    let resumed = response.status() == 206;
    let length = response.body().content_length();
    let mut file = OpenOptions::new()
        .create(true)
        .append(resumed)
        .write(true)
        .truncate(!resumed)
        .open(part)?;
    let start = if resumed { have } else { 0 };
    let bar = progress::bytes(download.file, length.map(|l| l + start));
    bar.set_position(start);
    let mut reader = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut got = 0;
    loop {
        let n = reader.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        file.write_all(&buffer[..n])?;
        got += n as u64;
        bar.inc(n as u64);
    }
    bar.finish_and_clear();
    ensure!(length.is_none_or(|l| l == got), "the connection broke after {got} bytes");
    Ok(())
}

fn check(file: &Path, download: &Download) -> Result<()> {
    let found = sha256(&files::read(file)?);
    match download.sha256 {
        Some(expected) => ensure!(
            found == expected,
            "{} has SHA-256 {found}, expected {expected}; delete it and fetch again",
            file.display()
        ),
        None => log::warn!("{}: no trusted hash is known; got SHA-256 {found}", file.display()),
    }
    Ok(())
}
