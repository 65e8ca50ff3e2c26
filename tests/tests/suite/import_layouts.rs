//! Checkpoints as training programs leave them (`fixtures/checkpoints.py`), and files of other kinds.

use std::path::{Path, PathBuf};
use unstamp_shared::model::weights::{Array, Arrays};
use unstamp_tests::{fixture, run};
use unstamp_trainer::import::{Checkpoint, Fault, ImportError, checkpoint_of, weights_of};

fn file(name: &str) -> PathBuf {
    fixture("checkpoints").join(name)
}

fn read(name: &str) -> Checkpoint {
    checkpoint_of(&file(name)).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// The two tensors of every file.
fn expected() -> Arrays {
    let weight = (0..12u8).map(|i| f32::from(i) / 8.0).collect();
    let array = |shape: &[usize], values: Vec<f32>| Array { shape: shape.to_vec(), values };
    [
        ("conv1.weight".to_string(), array(&[2, 2, 3], weight)),
        ("bn1.bias".to_string(), array(&[2], vec![0.5, -1.5])),
    ]
    .into_iter()
    .collect()
}

#[test]
fn every_layout_gives_the_same_weights() {
    for name in [
        "counter",
        "method",
        "compiled",
        "parallel",
        "random_state",
        "input_aware",
        "lightning",
        "entries",
        "normalised",
        "student",
        "numpy_state",
        "named",
        "legacy",
    ] {
        let checkpoint = read(&format!("{name}.pt"));
        assert_eq!(checkpoint.arrays, expected(), "{name}");
        assert_eq!(checkpoint.normalisation.is_some(), name == "normalised", "{name}");
        assert_eq!(checkpoint.skipped.is_empty(), name != "entries", "{name}");
    }
}

/// The bytes of a safetensors file with arrays of a data type: name, shape and bytes of each.
fn safetensors(dtype: &str, arrays: Vec<(String, Vec<usize>, Vec<u8>)>) -> Vec<u8> {
    let mut head = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, shape, bytes) in arrays {
        let offsets = [data.len(), data.len() + bytes.len()];
        let entry = serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": offsets});
        head.insert(name, entry);
        data.extend(bytes);
    }
    let head = serde_json::Value::from(head).to_string().into_bytes();
    [&(head.len() as u64).to_le_bytes()[..], &head, &data].concat()
}

/// The two tensors, their names with a prefix and each number written by `bytes`.
fn written(prefix: &str, dtype: &str, bytes: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
    let arrays = expected().into_iter().map(|(name, array)| {
        let values = array.values.into_iter().flat_map(&bytes).collect();
        (format!("{prefix}{name}"), array.shape, values)
    });
    safetensors(dtype, arrays.collect())
}

/// All data types hold the numbers of these files exactly.
#[test]
fn foreign_safetensors_are_read_as_a_state_dict() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("foreign.safetensors");
    for (name, bytes) in [
        ("plain", written("", "F32", |v| v.to_le_bytes().to_vec())),
        ("parallel", written("module.", "F32", |v| v.to_le_bytes().to_vec())),
        ("compiled", written("_orig_mod.model.", "F32", |v| v.to_le_bytes().to_vec())),
        ("double", written("", "F64", |v| f64::from(v).to_le_bytes().to_vec())),
        // A bfloat16 is the upper half of a float.
        ("brain", written("", "BF16", |v| v.to_le_bytes()[2..].to_vec())),
    ] {
        std::fs::write(&path, bytes).expect("written");
        let checkpoint = checkpoint_of(&path).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(checkpoint.arrays, expected(), "{name}");
    }
    let one = |name: &str| (name.to_string(), vec![1], vec![0; 4]);
    for (says, arrays) in [("fc.bias", vec![one("fc.bias"), one("module.fc.bias")]), ("", vec![])] {
        std::fs::write(&path, safetensors("F32", arrays)).expect("written");
        refused(&path, &["foreign.safetensors", says]);
    }
}

#[test]
fn a_layer_that_normalises_the_input_is_the_normalisation() {
    let constants = [[0.25, 0.5, 0.75], [0.5, 0.25, 0.125]];
    assert_eq!(read("normalised.pt").normalisation, Some(constants));
}

/// Without its normalisation the network would answer otherwise.
#[test]
fn a_network_that_normalises_is_not_used_before_it_is_imported() {
    let error = weights_of(&file("normalised.pt")).expect_err("refused");
    let ImportError::Unusable { source, .. } = error else { panic!("{error}") };
    assert!(matches!(source, Fault::Normalises), "{source}");
}

#[test]
fn entries_that_are_no_weights_are_named() {
    assert_eq!(read("entries.pt").skipped, ["mask", "frequencies", "_extra_state"]);
}

/// A file's name and first bytes, and the kind and the remedy that its error must name.
const REFUSED: [(&str, &[u8], &str, &str); 9] = [
    ("pointer.pth", b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS", "git lfs pull"),
    ("page.pth", b"<!DOCTYPE html><html><head>", "web page", "download"),
    ("keras.h5", b"\x89HDF\r\n\x1a\n\0\0", "HDF5", "safetensors"),
    ("model.onnx", b"\x08\x08\x12\x07pytorch", "ONNX", "PyTorch checkpoint"),
    ("array.npy", b"\x93NUMPY\x01\0", "NumPy", "safetensors"),
    ("model.pth.gz", b"\x1f\x8b\x08\0", "gzip", "unpack"),
    ("data.pkl", b"\x80\x02ctorch._utils\n_rebuild", "inside of an unpacked", "give the file"),
    ("other.pkl", b"\x80\x02}.        ", "not of a PyTorch checkpoint", "torch.save"),
    ("weights.7z", b"7z\xbc\xaf\x27\x1c", "7z", "unpack"),
];

fn refused(path: &Path, says: &[&str]) {
    let out = path.with_extension("out.safetensors");
    let out = out.to_str().expect("text");
    let (code, _, error) = run(&["import", path.to_str().expect("text"), "--out", out]);
    assert_eq!(code, 1, "{}: {error}", path.display());
    assert_eq!(error.trim().lines().count(), 1, "{error}");
    for says in says {
        assert!(error.contains(says), "{}: {error}", path.display());
    }
    assert!(!Path::new(out).exists(), "{}", path.display());
}

#[test]
fn files_of_other_kinds_are_named_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes, kind, remedy) in REFUSED {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        refused(&path, &[kind, remedy]);
    }
    let unpacked = folder.path().join("archive");
    std::fs::create_dir(&unpacked).expect("made");
    refused(&unpacked, &["folder", "give the file"]);
    std::fs::write(unpacked.join("data.pkl"), b"\x80\x02}.").expect("written");
    refused(&unpacked, &["inside of an unpacked", "give the file"]);
}

#[test]
fn files_of_pytorch_that_are_no_state_dict_are_named_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, says) in [
        ("whole_model.pt", ["torch.nn.modules.linear.Linear", "model.state_dict()"]),
        ("legacy_whole_model.pt", ["torch.nn.modules.linear.Linear", "model.state_dict()"]),
        ("dumped.pkl", ["pickle.dump", "torch.save"]),
        ("several.pt", ["teacher, student", "under state_dict"]),
        ("script.pt", ["TorchScript", "state_dict()"]),
    ] {
        let copy = folder.path().join(name);
        std::fs::copy(file(name), &copy).expect("copied");
        refused(&copy, &says);
    }
}
