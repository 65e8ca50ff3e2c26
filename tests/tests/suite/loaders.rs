//! Loaders against tiny data sets in every official layout, plain and in archives.

use std::io::Write;
use std::path::{Path, PathBuf};
use unstamp_shared::datasets::ImageSize;
use unstamp_shared::image::Image;
use unstamp_tests::fixture;
use unstamp_trainer::data::{LoadOptions, load, load_with, write_png};

const CIFAR10: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Packs a folder as .tar, .tar.gz and .tar.zst beside it.
fn packed(folder: &Path) -> Vec<PathBuf> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all("top", folder).expect("packed");
    let tar = tar.into_inner().expect("packed");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&tar).expect("packed");
    let gz = gz.finish().expect("packed");
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zst = ruzstd::encoding::compress_to_vec(tar.as_slice(), level);
    let file = |ending: &str, bytes: &[u8]| {
        let path = folder.with_extension(ending);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    vec![file("tar", &tar), file("tar.gz", &gz), file("tar.zst", &zst)]
}

fn picture(value: u8) -> Image {
    Image { width: 32, height: 32, pixels: (0..3072).map(|i| value ^ (i % 251) as u8).collect() }
}

/// The official binary rows: label, then red, green and blue planes.
fn binary(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let train = (1..=5).map(|number| format!("data_batch_{number}"));
    for (b, name) in train.chain(["test_batch".to_string()]).enumerate() {
        let mut bytes = Vec::new();
        for i in 0..3u8 {
            bytes.push((3 * b as u8 + i) % 10);
            let image = picture(10 * b as u8 + i);
            (0..3).for_each(|c| bytes.extend((0..1024).map(|p| image.pixels[3 * p + c])));
        }
        std::fs::write(folder.join(format!("{name}.bin")), bytes).expect("written");
    }
}

#[test]
fn cifar10_binary() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("cifar-10-batches-bin");
    binary(&plain);
    for path in [vec![plain.clone()], packed(&plain)].concat() {
        let data =
            load("cifar10", Some(&path)).unwrap_or_else(|e| panic!("{}: {e:#}", path.display()));
        let labels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4];
        assert_eq!(data.train.labels, labels, "{}", path.display());
        assert_eq!(data.test.labels, [5, 6, 7]);
        assert_eq!(data.train.image(4), picture(11));
        assert_eq!(data.test.image(2), picture(52));
    }
    // The folder that `unstamp data fetch` fills holds the packed archive.
    let fetched = folder.path().join("fetched");
    std::fs::create_dir(&fetched).expect("a folder");
    std::fs::rename(plain.with_extension("tar.gz"), fetched.join("cifar.tar.gz")).expect("moved");
    assert_eq!(load("cifar10", Some(&fetched)).expect("read").test.labels, [5, 6, 7]);
    let larger = LoadOptions { image_size: ImageSize::new(64, 48).ok() };
    let data = load_with("cifar10", Some(&fetched), larger).expect("read");
    assert_eq!((data.train.width, data.test.height), (64, 48));
    assert_eq!(data.train.len(), 15);
}

/// Batches pickled by Python (`fixtures/make.py`): byte j of a batch is `j * (batch + 3) mod 251`.
#[test]
fn cifar10_python() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("cifar-10-batches-py");
    std::fs::create_dir_all(&plain).expect("a folder");
    for file in std::fs::read_dir(fixture("cifar10_python")).expect("made") {
        let path = file.expect("a file").path();
        std::fs::copy(&path, plain.join(path.file_name().expect("a name"))).expect("copied");
    }
    for path in [vec![plain.clone()], packed(&plain)].concat() {
        let data =
            load("cifar10", Some(&path)).unwrap_or_else(|e| panic!("{}: {e:#}", path.display()));
        assert_eq!(data.train.labels, [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]);
        assert_eq!(data.test.labels, [5, 4]);
        let byte = |batch: usize, row: usize, plane: usize, p: usize| {
            ((row * 3072 + plane * 1024 + p) * (batch + 3) % 251) as u8
        };
        for (batch, row) in [(0, 0), (1, 1), (4, 0)] {
            let image = data.train.image(2 * batch + row);
            for p in [0, 1, 31, 32, 1023] {
                let want = [0, 1, 2].map(|c| byte(batch, row, c, p));
                assert_eq!(image.get(p % 32, p / 32), want, "batch {batch}, row {row}, pixel {p}");
            }
        }
    }
}

#[test]
fn class_folders() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("images");
    for (i, class) in CIFAR10.iter().enumerate() {
        for (split, count) in [("train", 2), ("test", 1)] {
            for n in 0..count {
                let path = plain.join(split).join(class).join(format!("{n:04}.png"));
                write_png(&path, &picture((3 * i + n) as u8)).expect("written");
            }
        }
    }
    for id in ["cifar10", "folder"] {
        for path in [vec![plain.clone()], packed(&plain)].concat() {
            let data =
                load(id, Some(&path)).unwrap_or_else(|e| panic!("{}: {e:#}", path.display()));
            assert_eq!((data.train.len(), data.test.len(), data.class_names.len()), (20, 10, 10));
            assert_eq!(data.class_names, CIFAR10);
            assert_eq!(data.train.image(7), picture(10));
        }
    }
}

/// The official layout; a sign is cut to its region of interest before it is resized.
#[test]
fn gtsrb() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("GTSRB");
    let head = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n";
    // 40x44, green outside the region, red inside.
    let ppm = || {
        let mut bytes = b"P6\n40 44\n255\n".to_vec();
        for p in 0..40 * 44 {
            let x = p % 40;
            let y = p / 40;
            let inside = (4..=35).contains(&x) && (6..=37).contains(&y);
            bytes.extend(if inside { [200, 0, 0] } else { [0, 200, 0] });
        }
        bytes
    };
    let write = |path: PathBuf, bytes: &[u8]| {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
    };
    for class in [0, 42] {
        let images = plain.join(format!("Final_Training/Images/{class:05}"));
        let row = format!("{head}00000_00000.ppm;40;44;4;6;35;37;{class}\n");
        write(images.join(format!("GT-{class:05}.csv")), row.as_bytes());
        write(images.join("00000_00000.ppm"), &ppm());
    }
    let row = format!("{head}00000.ppm;40;44;4;6;35;37;16\n");
    write(plain.join("Final_Test/GT-final_test.csv"), row.as_bytes());
    write(plain.join("Final_Test/Images/00000.ppm"), &ppm());
    let without = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2\n00000.ppm;40;44;4;6;35;37\n";
    write(plain.join("Final_Test/Images/GT-final_test.test.csv"), without.as_bytes());
    for path in [vec![plain.clone()], packed(&plain)].concat() {
        let data =
            load("gtsrb", Some(&path)).unwrap_or_else(|e| panic!("{}: {e:#}", path.display()));
        assert_eq!(
            (data.train.labels.as_slice(), data.test.labels.as_slice()),
            (&[0, 42][..], &[16][..])
        );
        let red = Image { width: 32, height: 32, pixels: [200, 0, 0].repeat(1024) };
        assert_eq!(data.train.image(1), red, "only the region of interest is left");
        assert_eq!(data.test.image(0), red);
    }
}

#[test]
fn broken_data_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("bin");
    binary(&plain);
    let archives = packed(&plain);
    let says = |id: &str, path: &Path, what: &str| {
        let error = format!("{:#}", load(id, Some(path)).expect_err("refused"));
        assert!(error.contains(what) && !error.contains('\n'), "{}: {error}", path.display());
    };
    for path in &archives {
        let bytes = std::fs::read(path).expect("made");
        std::fs::write(path, &bytes[..bytes.len() / 2]).expect("cut");
        says("cifar10", path, "broken or truncated");
    }
    let batch = plain.join("data_batch_1.bin");
    let mut bytes = std::fs::read(&batch).expect("made");
    bytes[3073] = 200;
    std::fs::write(&batch, &bytes).expect("written");
    says("cifar10", &plain, "label 200 is out of range");
    bytes.pop();
    std::fs::write(&batch, &bytes).expect("written");
    says("cifar10", &plain, "its size is no multiple of 3073");
    says("cifar10", Path::new("/no/such/place"), "cannot open");
    says("gtsrb", &plain, "holds no training list");
    says("folder", &plain, "has 0 classes");
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "hello").expect("written");
    says("cifar10", &file, "neither a folder nor");
    let odd = folder.path().join("odd/train/no class/0.png");
    write_png(&odd, &picture(1)).expect("written");
    says("cifar10", &folder.path().join("odd"), "'no class', which is no class");
}
