//! A lock on a cell. Processes that share a results folder hold it while they write the cell's files.

use super::CellPaths;
use anyhow::{Context, Result, bail};
use same_file::Handle;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The lock of a cell: a lock of the operating system on the file `NAME.lock`. The system frees it when
/// the process ends, however it ends, so no lock is ever left over. A process that ends as it should
/// also removes the file, and the folders that it made and left nothing in.
pub(super) struct CellLock {
    path: PathBuf,
    /// Holds the lock while it is open.
    file: Option<File>,
    /// Folders that did not exist before, the innermost first.
    made: Vec<PathBuf>,
}

impl CellLock {
    /// Takes the lock; `None` if another process holds it.
    ///
    /// # Errors
    /// The file cannot be created, or its file system has no locks.
    pub fn if_free(paths: &CellPaths) -> Result<Option<Self>> {
        Self::take(paths, |file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }

    /// Takes the lock as soon as it is free. If that is not at once, says that `name` is waited for.
    ///
    /// # Errors
    /// Those of [`CellLock::if_free`].
    pub fn when_free(paths: &CellPaths, name: &str) -> Result<Self> {
        if let Some(lock) = Self::if_free(paths)? {
            return Ok(lock);
        }
        log::info!("{name}: another process works on it; this one waits");
        let lock = Self::take(paths, |file| file.lock().map(|()| true))?;
        lock.with_context(|| fault(&paths.lock))
    }

    /// Opens the file and locks it with `lock`. The holder before may have removed the file in between;
    /// then the lock is worth nothing, and the new file is tried.
    fn take(paths: &CellPaths, lock: impl Fn(&File) -> io::Result<bool>) -> Result<Option<Self>> {
        let path = &paths.lock;
        let folders = path.ancestors().skip(1).take_while(|folder| !folder.exists());
        let made: Vec<PathBuf> = folders.map(Path::to_path_buf).collect();
        for _ in 0..MOST_TRIES {
            let file = open(path).with_context(|| format!("cannot create {}", path.display()))?;
            if !lock(&file).with_context(|| fault(path))? {
                return Ok(None);
            }
            if is_at(&file, path).with_context(|| format!("cannot read {}", path.display()))? {
                let path = path.clone();
                return Ok(Some(Self { path, file: Some(file), made }));
            }
        }
        bail!("{}", fault(path))
    }
}

impl Drop for CellLock {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
        drop(self.file.take());
        for folder in &self.made {
            // It stays if it is not empty.
            std::fs::remove_dir(folder).ok();
        }
    }
}

/// How often a file is opened again because another process removed it, or its folder, in between.
const MOST_TRIES: usize = 100;

fn open(path: &Path) -> io::Result<File> {
    let open = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        File::options().create(true).truncate(false).write(true).open(path)
    };
    for _ in 1..MOST_TRIES {
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
    }
    open()
}

/// Whether the open file is the one that lies at `path` now.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match Handle::from_path(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => Ok(Handle::from_file(file.try_clone()?)? == found?),
    }
}

fn fault(path: &Path) -> String {
    format!(
        "cannot lock {}; if its file system has no locks, give every process a folder of its own",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("results");
        let paths = CellPaths::new(&inner.join("of/a/recipe"), "s0-cell");
        for _ in 0..2 {
            let held = CellLock::if_free(&paths).expect("it can be locked").expect("it is free");
            assert!(CellLock::if_free(&paths).expect("it can be tried").is_none());
            drop(held);
            assert!(!inner.exists(), "it was made for the lock, and nothing was written");
        }
        std::fs::create_dir(&inner).expect("a folder");
        drop(CellLock::if_free(&paths).expect("it can be locked"));
        assert!(inner.exists() && !inner.join("of").exists(), "only one was there before");
    }

    /// A process that waited for a file which its holder removed takes the new file.
    #[test]
    fn a_removed_file_is_no_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s0-cell.lock");
        let file = open(&path).expect("created");
        assert!(is_at(&file, &path).expect("comparable"));
        std::fs::remove_file(&path).expect("removed");
        open(&path).expect("created again");
        assert!(!is_at(&file, &path).expect("comparable"));
    }

    #[test]
    fn waiting_ends_when_the_holder_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = CellPaths::new(folder.path(), "s0-cell");
        let held = CellLock::if_free(&paths).expect("it can be locked").expect("it is free");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| CellLock::when_free(&paths, "s0-cell").is_ok());
            drop(held);
            assert!(waiting.join().expect("no panic"));
        });
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("written");
        let error = CellLock::if_free(&CellPaths::new(&file, "s0-cell")).err().expect("no folder");
        assert!(error.to_string().starts_with("cannot create"), "{error}");
    }
}
