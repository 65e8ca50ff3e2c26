//! Data sets, archives and pictures on disk.

use std::path::Path;
use tempfile::TempDir;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::seed::Seed;
use unstamp_tests::fixture;
use unstamp_trainer::data::{
    self, Placement, archive, read_picture, read_trigger_picture, write_png,
};

/// A folder in memory, where there is one.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a folder")
}

/// Writes a file, and its folder.
fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, bytes).expect("written");
}

/// The official data set, with these bytes as the test batch.
pub fn cifar10_binary(bytes: &[u8]) {
    let folder = folder();
    for batch in 1..=5 {
        write(&folder.path().join(format!("data_batch_{batch}.bin")), &[0; 3073]);
    }
    write(&folder.path().join("test_batch.bin"), bytes);
    let _ = data::load("cifar10", Some(folder.path()));
}

/// The Python form of the data set, with these bytes as the test batch.
pub fn cifar10_python(bytes: &[u8]) {
    let folder = folder();
    for batch in 1..=5 {
        let name = format!("data_batch_{batch}");
        let official = std::fs::read(fixture("cifar10_python").join(&name)).expect("a fixture");
        write(&folder.path().join(name), &official);
    }
    write(&folder.path().join("test_batch"), bytes);
    let _ = data::load("cifar10", Some(folder.path()));
}

/// GTSRB with two pictures, and with these bytes as the list of training pictures.
pub fn gtsrb(bytes: &[u8]) {
    let folder = folder();
    let (picture, _) = signs::draw(Seed(0), SplitName::Test, 0);
    for name in ["Train/00000/00000.png", "Test/00000.png"] {
        write_png(&folder.path().join(name), &picture).expect("written");
    }
    let head = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n";
    let test = format!("{head}00000.png;32;32;0;0;31;31;0\n");
    write(&folder.path().join("GT-final_test.csv"), test.as_bytes());
    write(&folder.path().join("Train/00000/GT-00000.csv"), bytes);
    let _ = data::load("gtsrb", Some(folder.path()));
}

/// Reads every file of an archive, which has this name.
fn unpacked(name: &str, bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join(name);
    write(&path, bytes);
    let _ = archive::files(&path, &|_| true);
}

/// A tar archive.
pub fn tar(bytes: &[u8]) {
    unpacked("data.tar", bytes);
}

/// A tar archive in gzip's format.
pub fn tar_gz(bytes: &[u8]) {
    unpacked("data.tar.gz", bytes);
}

/// A tar archive in Zstandard's format.
pub fn tar_zst(bytes: &[u8]) {
    unpacked("data.tar.zst", bytes);
}

/// A zip archive.
pub fn zip(bytes: &[u8]) {
    unpacked("data.zip", bytes);
}

/// A PNG, JPEG or PPM picture.
pub fn picture(bytes: &[u8]) {
    if let Ok(image) = read_picture(bytes) {
        assert_eq!(image.pixels.len(), 3 * image.width * image.height, "every pixel is there");
        let small = data::resized(image, (32, 32));
        assert_eq!(small.pixels.len(), 3 * 32 * 32, "it has the size that was asked for");
    }
}

/// A trigger file.
pub fn trigger_picture(bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join("trigger");
    write(&path, bytes);
    for placement in [Placement::AsPainted, Placement::WholeImage] {
        for black_is_clear in [false, true] {
            if let Ok(found) = read_trigger_picture(&path, (32, 32), placement, black_is_clear) {
                assert!(found.sprite.fits(32, 32), "it lies on the image");
            }
        }
    }
}
