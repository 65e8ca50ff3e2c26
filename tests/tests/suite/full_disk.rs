//! A run on a full disk and in a read-only folder: a sentence, no broken file, and the run can go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use unstamp_tests::run;
use unstamp_trainer::table;

const RECIPE: &str = r#"
name = "full"
dataset = "signs"
arch = "wrn-10-1"
clean_fraction = 0.5
train_images = 160
test_images = 40
train = { epochs = 1, batch = 32, lr = 0.05, schedule = { kind = "cosine" } }
[[victim]]
id = "badnets"
attack = "badnets"
[[defence]]
id = "tuned"
method = "fine_tune"
set = { epochs = 1 }
"#;

/// A small file system in memory; it is unmounted at the end.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this user must not mount one.
    fn mounted(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("a folder");
        let options = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder)
            .output()
            .ok()?;
        mount.status.success().then(|| Self(folder.to_path_buf()))
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status()
            .expect("mount is there");
        assert!(status.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn weights(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let weights = paths.filter(|p| p.extension().is_some_and(|ending| ending == "safetensors"));
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    weights.map(|p| (name(&p), std::fs::read(&p).expect("readable"))).collect()
}

#[test]
fn a_full_disk_breaks_no_file_and_the_run_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = folder.path().join("full.toml");
    std::fs::write(&recipe, RECIPE).expect("written");
    let recipe = recipe.to_str().expect("text");
    let whole = folder.path().join("whole");
    assert_eq!(run(&["run", recipe, "--out", whole.to_str().expect("text")]).0, 0);

    // The weights of one model are 310 kB: the victim has room, its erasure has none.
    let small = folder.path().join("small");
    let Some(disk) = Disk::mounted(&small, "400k") else {
        eprintln!("skipped: a file system in memory needs the rights of root");
        return;
    };
    let out = small.to_str().expect("text");
    let (code, _, error) = run(&["run", recipe, "--out", out]);
    assert_eq!(code, 1);
    assert!(error.contains("No space left") && error.contains("s0-badnets-tuned"), "{error}");
    assert_eq!(table::results(&small).expect("sound results").len(), 1);
    let names: Vec<_> = weights(&small).into_keys().collect();
    assert_eq!(names, ["s0-badnets.safetensors"]);
    let parts = std::fs::read_dir(&small).expect("a folder").flatten();
    let parts = parts.filter(|e| e.file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0);

    disk.remount("ro");
    let (code, _, error) = run(&["run", recipe, "--out", out]);
    assert_eq!(code, 1);
    assert!(error.contains("Read-only file system"), "{error}");

    disk.remount("rw,size=10m");
    let (code, _, error) = run(&["run", recipe, "--out", out]);
    assert_eq!(code, 0, "{error}");
    assert!(weights(&small) == weights(&whole));
    // What is finished can be shown without writing.
    disk.remount("ro");
    assert_eq!(run(&["run", recipe, "--out", out]).0, 0);
}
