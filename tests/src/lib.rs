//! Helpers of the tests.
#![expect(clippy::missing_panics_doc, reason = "a helper panics where a test fails")]

pub mod defend;

use burn::tensor::{Device, Tensor, TensorData};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::model::weights::{Array, Arrays, from_bytes};
use unstamp_shared::seed::Seed;
use unstamp_trainer::data::write_png;

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the root").to_path_buf()
}

/// The `unstamp` program built beside the tests.
pub fn unstamp() -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let program = test.ancestors().nth(2).expect("target/release/deps").join("unstamp");
    assert!(program.exists(), "{} is missing: cargo build --release first", program.display());
    Command::new(program)
}

/// Runs `unstamp` and gives code, standard output and error output.
pub fn run(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = unstamp().args(args).output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Class folders of drawn signs in `folder`: so many for training, and so many for testing.
pub fn signs_in(folder: &Path, train: usize, test: usize) -> PathBuf {
    let data = folder.join("signs");
    for (split, name, count) in
        [(SplitName::Train, "train", train), (SplitName::Test, "test", test)]
    {
        for index in 0..count {
            let (image, class) = signs::draw(Seed(0), split, index);
            write_png(&data.join(format!("{name}/{class}/{index:03}.png")), &image)
                .expect("written");
        }
    }
    data
}

/// Reads the head of an HTTP request, and returns the byte from which it asks for the file; 0 without a range.
pub fn asked_from(stream: &TcpStream) -> usize {
    let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
    let head = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
    let head: Vec<String> = head.map(|line| line.to_lowercase()).collect();
    let range = head.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-'));
    range.and_then(|start| start.parse().ok()).unwrap_or(0)
}

/// Weights whose normalisations shift by `lift` more, as `lifted` in `fixtures/lift.py` makes them.
pub fn lifted(mut arrays: Arrays, lift: f32) -> Arrays {
    let means: Vec<String> =
        arrays.keys().filter(|k| k.ends_with(".running_mean")).cloned().collect();
    for mean in means {
        let shift = mean.replace(".running_mean", ".bias");
        let shift = arrays.get_mut(&shift).expect("a normalisation has a shift");
        shift.values.iter_mut().for_each(|value| *value += lift);
    }
    arrays
}

/// PyTorch's numbers, by name.
pub struct Fixture(pub Arrays);

impl Fixture {
    /// The numbers of `make.py`.
    pub fn load() -> Self {
        Self::named("wrn.safetensors")
    }

    /// The numbers in a file of `tests/fixtures`.
    pub fn named(name: &str) -> Self {
        let bytes = std::fs::read(fixture(name)).expect("make fixtures");
        Self(from_bytes::<()>(&bytes).expect("a sound file").0)
    }

    /// Arrays whose names begin with `prefix.`, without it.
    pub fn part(&self, prefix: &str) -> Arrays {
        let strip = |k: &String| Some(k.strip_prefix(prefix)?.strip_prefix('.')?.to_string());
        self.0.iter().filter_map(|(k, v)| Some((strip(k)?, v.clone()))).collect()
    }

    /// The four images as the bytes they were made from.
    pub fn four(&self) -> Split {
        let images = &self.get("images").values;
        let mut split = Split { width: 32, height: 32, ..Split::default() };
        for (image, label) in images.chunks_exact(3072).zip(&self.get("labels").values) {
            let bytes = (0..1024)
                .flat_map(|p| (0..3).map(move |c| (image[c * 1024 + p] * 255.0).round() as u8));
            split.pixels.extend(bytes);
            split.labels.push(*label as u16);
        }
        split
    }

    /// The array of this name.
    pub fn get(&self, name: &str) -> &Array {
        self.0.get(name).unwrap_or_else(|| panic!("no fixture {name}"))
    }

    /// The array of this name as a tensor.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let array = self.get(name);
        Tensor::from_data(TensorData::new(array.values.clone(), array.shape.clone()), device)
    }
}

/// Values of a tensor, whatever its device.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    pollster::block_on(tensor.into_data_async()).expect("readable").iter::<f32>().collect()
}

/// Asserts that two lists agree within `tolerance` times the largest expected value.
pub fn close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths differ");
    let scale = expected.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let off = (f - e).abs() / scale;
        assert!(off <= tolerance, "{what}[{i}]: {f} is not {e} (off by {off:.2e} of {scale})");
    }
}

/// The CPU, and a GPU where a driver is there (a software one counts; UNSTAMP_REQUIRE_WGPU makes a
/// missing one an error). A process can start a GPU device only once, so all tests share it.
pub fn devices() -> Vec<(&'static str, Device)> {
    static DEVICES: OnceLock<Vec<(&'static str, Device)>> = OnceLock::new();
    let start = || {
        let mut devices = vec![("cpu", Device::flex())];
        match pollster::block_on(Device::wgpu_options().init_async()) {
            Ok(device) => devices.push(("wgpu", device)),
            Err(e) => {
                assert!(std::env::var("UNSTAMP_REQUIRE_WGPU").is_err(), "no wgpu adapter: {e}")
            }
        }
        devices
    };
    DEVICES.get_or_init(start).clone()
}
