//! Writes the seeds of every corpus: small honest files, from which the fuzzer starts.
//!
//!     cargo run --release -p unstamp-fuzz --example seeds
//!
//! Files in a corpus that are called otherwise were found by the fuzzer.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use unstamp_shared::Device;
use unstamp_shared::attacks::ATTACKS;
use unstamp_shared::craft::{Artefact, CraftContext, provenance};
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::image::Image;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Array, Arrays, Metadata, Precision, arrays, to_bytes};
use unstamp_shared::seed::Seed;
use unstamp_tests::{defend, fixture, root};
use unstamp_trainer::data::write_png;

type Bytes = Vec<u8>;

fn read(path: &Path) -> Bytes {
    std::fs::read(path).expect("a file of the repository")
}

/// Writes seeds of one reader.
fn store(reader: &str, seeds: impl IntoIterator<Item = Bytes>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(reader);
    std::fs::create_dir_all(&folder).expect("made");
    for (number, seed) in seeds.into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed{number}")), seed).expect("written");
    }
}

/// Small checkpoints that PyTorch wrote.
fn checkpoints() -> Vec<PathBuf> {
    let files = std::fs::read_dir(fixture("checkpoints")).expect("fixtures");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths
}

/// The pickle inside a checkpoint.
fn pickled(path: &Path) -> Option<Bytes> {
    let mut archive = zip::ZipArchive::new(Cursor::new(read(path))).ok()?;
    let name = archive.file_names().find(|name| name.ends_with("data.pkl"))?.to_string();
    let mut bytes = Vec::new();
    archive.by_name(&name).ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A network of one small layer, with the metadata of a published model.
fn model() -> Bytes {
    let metadata = Metadata {
        arch: "wrn-10-1".into(),
        dataset: "signs".into(),
        class_names: vec!["stop".into(), "yield".into()],
        normalisation: Some([[0.5; 3], [0.25; 3]]),
        ..Metadata::default()
    };
    let array = Array { shape: vec![2], values: vec![0.5, -0.5] };
    to_bytes(&Arrays::from([("fc.bias".to_string(), array)]), Precision::F16, &metadata)
}

fn artefact() -> Bytes {
    let data = signs::split(Seed(0), SplitName::Train, 0..1);
    let device = Device::flex();
    let network = defend::arch().init(Seed(0), &device).expect("it exists");
    let weights = pollster::block_on(arrays(&network)).expect("readable");
    let context = CraftContext {
        arch: &Arch::new("wrn-10-1", 10),
        arrays: &weights,
        dataset: "signs",
        train: &data,
        device: &device,
        progress: &|_, _| {},
    };
    let pictures = BTreeMap::from([(0, Image::new(2, 2))]);
    Artefact { provenance: provenance(&context, &defend::badnets()), pictures }.to_bytes()
}

fn job() -> Bytes {
    let data = signs::split(Seed(0), SplitName::Train, 0..8);
    pollster::block_on(defend::begun("nad", &[], Arrays::new(), data).save()).expect("saved")
}

/// One picture in the formats that are read.
fn pictures() -> Vec<Bytes> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sign.png");
    let (image, _) = signs::draw(Seed(0), SplitName::Test, 7);
    write_png(&path, &image).expect("written");
    let small = [&b"P6 2 1 255\n"[..], &[255, 0, 0, 0, 0, 255]].concat();
    let grey = b"P2 2 1 7\n0 7\n".to_vec();
    let painted = unstamp_web::png::write(32, &[[255, 0, 0, 128]; 1024]);
    let picture =
        image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8 * 30, y as u8 * 30, 99]));
    let mut jpeg = Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("encoded");
    vec![read(&path), small, grey, painted, jpeg.into_inner()]
}

/// A tar archive with a file, a link to it, and a hidden file.
fn tar() -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    for name in ["train/stop/0.ppm", "._0.ppm"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &b"ab"[..]).expect("packed");
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "test/stop/0.ppm", "../../train/stop/0.ppm").expect("packed");
    builder.into_inner().expect("packed")
}

fn gzipped(bytes: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

fn zipped() -> Bytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(format!("train/{method}/0.ppm"), options).expect("packed");
        writer.write_all(&[7; 64]).expect("packed");
    }
    writer.finish().expect("packed").into_inner()
}

/// Links to every attack, and one with many choices.
fn links() -> Vec<Bytes> {
    let of = |id| format!("#models=s0-badnets,s0-clean&image=9&attack={id}&target=1&stamped=1");
    let mut links: Vec<String> = ATTACKS.iter().map(|a| of(a.method().id)).collect();
    let mark = unstamp_shared::sprite::Sprite::whole(2, &[[1, 2, 3, 255]; 4]);
    links.push(format!("{}&mark={mark}", of("custom")));
    links.push(format!("{}&x=3&y=4&size=5&opacity=0%2E5", of("badnets")));
    links.into_iter().map(String::into_bytes).collect()
}

/// Recipes and results that are small.
fn small_files(folder: &str, ending: &str) -> Vec<Bytes> {
    let files = std::fs::read_dir(root().join(folder)).expect("a folder");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    paths.iter().map(|path| read(path)).filter(|bytes| bytes.len() < 4096).collect()
}

fn main() {
    store("pickle", checkpoints().iter().filter_map(|path| pickled(path)));
    store("checkpoint", checkpoints().iter().map(|path| read(path)));
    store("model", [model()]);
    store("artefact", [artefact()]);
    store("job", [job()]);
    store("recipe", small_files("trainer/recipes", "toml"));
    store("result", small_files("tests/fixtures/results", "json"));
    store("cifar10_binary", [vec![1; 3073]]);
    store("cifar10_python", [read(&fixture("cifar10_python/test_batch"))]);
    let head = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n";
    store("gtsrb", [format!("{head}00000.png;32;32;0;0;31;31;0\n").into_bytes()]);
    store("tar", [tar()]);
    store("tar_gz", [gzipped(&tar())]);
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    store("tar_zst", [ruzstd::encoding::compress_to_vec(tar().as_slice(), level)]);
    store("zip", [zipped()]);
    store("picture", pictures());
    store("trigger_picture", pictures());
    store("link", links());
    store("painted", [unstamp_web::png::write(32, &[[255, 0, 0, 128]; 1024])]);
    store("manifest", [read(&root().join("static/models/manifest.json"))]);
}
