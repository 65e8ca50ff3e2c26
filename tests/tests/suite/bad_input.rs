//! Wrong use gives one sentence and exit code 2, and writes nothing. Right use of a trigger file stamps it
//! without loss.

use std::path::Path;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::image::Image;
use unstamp_shared::seed::Seed;
use unstamp_tests::{run, signs_in};
use unstamp_trainer::data::{read_picture, write_png};

fn png(path: &Path, colour: png::ColorType, side: u32, pixels: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(colour);
    encoder.write_header().and_then(|mut w| w.write_image_data(pixels)).expect("sound");
    std::fs::write(path, bytes).expect("writable");
    path.to_str().expect("plain").to_string()
}

#[test]
fn wrong_use_is_named_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let large = png(&file("large.png"), png::ColorType::Rgba, 64, &[255; 64 * 64 * 4]);
    let array = file("mask.npy");
    std::fs::write(&array, b"\x93NUMPY\x01\0").expect("writable");
    let array = array.to_str().expect("plain").to_string();
    let whole = png(&file("whole.png"), png::ColorType::Rgb, 32, &[255; 32 * 32 * 3]);
    let none = png(&file("none.png"), png::ColorType::Rgba, 32, &[0; 32 * 32 * 4]);
    let out = file("out");
    // So few images that each of these commands reads them at once.
    let data = signs_in(folder.path(), 50, 10);
    let data = data.to_str().expect("plain");
    let out_text = out.to_str().expect("plain");
    let victim = ["poison", "--dataset", "folder", "--data", data, "--out", out_text];
    let cases: &[(&[&str], &str)] = &[
        (&["--attack", "badnet"], "there is no attack 'badnet'"),
        (&["--attack", "badnets", "--rate", "0"], "above 0 and at most 1"),
        (&["--attack", "badnets", "--rate", "1.5"], "above 0 and at most 1"),
        (&["--attack", "sig", "--rate", "0.5"], "asks for 25 images, but only"),
        (&["--attack", "badnets", "--target", "10"], "target 10 is not a class"),
        (&["--attack", "badnets", "--set", "size=33"], "does not fit the 32x32 image"),
        (&["--attack", "badnets", "--trigger", &whole], "badnets takes no picture"),
        (&["--attack", "custom", "--trigger", &large], "64x64 pixels, but the images have 32x32"),
        (&["--attack", "custom", "--trigger", &array], "NumPy array"),
        (&["--attack", "custom", "--trigger", &whole], "hides the whole image"),
        (&["--attack", "custom", "--trigger", &none], "wholly transparent"),
        (&["--attack", "custom", "--trigger", "/no/such.png"], "/no/such.png cannot be read"),
        (&["--attack", "trojan", "--artefact", &whole], "this is not an artefact"),
        (&["--attack", "clean_label"], "needs a perturbed copy"),
    ];
    for (args, says) in cases {
        let (code, _, err) = run(&[&victim[..], args].concat());
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(says) && err.trim().lines().count() == 1, "{args:?}: {err}");
        assert!(!out.exists(), "{args:?} wrote something");
    }
}

#[test]
fn a_painted_file_is_stamped_losslessly() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let mut painted = vec![0; 32 * 32 * 4];
    painted[4 * (32 * 5 + 7)..][..4].copy_from_slice(&[255, 0, 10, 255]);
    painted[4 * (32 * 30 + 1)..][..4].copy_from_slice(&[200, 100, 0, 128]);
    let trigger = png(&file("trigger.png"), png::ColorType::Rgba, 32, &painted);
    let grey = Image { width: 32, height: 32, pixels: vec![100; 3072] };
    write_png(&file("grey.png"), &grey).expect("writable");
    let image = file("grey.png");
    let out = file("out.png");
    let args =
        ["stamp", image.to_str().expect("plain"), "--attack", "custom", "--trigger", &trigger];
    let (code, _, err) = run(&[&args[..], &["--out", out.to_str().expect("plain")]].concat());
    assert_eq!(code, 0, "{err}");
    let stamped = read_picture(&std::fs::read(&out).expect("written")).expect("a picture");
    // 128/255 of (200, 100, 0) over 100 is (150.2, 100, 49.8).
    for (x, y, want) in [(7, 5, [255, 0, 10]), (1, 30, [150, 100, 50]), (0, 0, [100; 3])] {
        assert_eq!(stamped.get(x, y), want, "column {x}, row {y}");
    }
}

/// A valid recipe, into which the tests put faults.
const GOOD: &str = r#"
name = "tiny"
dataset = "signs"
clean_fraction = 0.5
train = { epochs = 2, lr = 0.05, schedule = { kind = "cosine" } }
[[victim]]
id = "victim"
attack = "badnets"
[[defence]]
id = "fine_tune"
method = "fine_tune"
set = { epochs = 2 }
"#;

/// Asserts that a command ends with exit code 2 and one sentence that contains `says`, and writes
/// nothing.
fn refused(args: &[&str], says: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let to = ["--out", out.to_str().expect("plain")];
    let (code, _, error) = run(&[args, &to].concat());
    assert_eq!(code, 2, "{args:?}: {error}");
    assert!(error.contains(says) && error.trim().lines().count() == 1, "{args:?}: {error}");
    assert!(!out.exists(), "{args:?} wrote something");
}

#[test]
fn a_wrong_recipe_is_one_sentence_and_exit_2() {
    let cases = [
        ("clean_fraction", "clean_fracton", "clean_fracton"),
        ("epochs = 2 }", "epoch = 2 }", "no parameter 'epoch'"),
        ("\"badnets\"", "\"badnet\"", "attack = 'badnet'"),
        ("0.5", "1.5", "clean_fraction = 1.5"),
        ("\"signs\"", "\"sings\"", "dataset = 'sings'"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("recipe.toml");
    for (right, wrong, says) in cases {
        assert!(GOOD.contains(right), "{right} is not in the recipe");
        std::fs::write(&file, GOOD.replacen(right, wrong, 1)).expect("written");
        refused(&["run", file.to_str().expect("plain")], says);
    }
}

#[test]
fn a_wrong_argument_is_one_sentence_and_exit_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = signs_in(folder.path(), 50, 10);
    let with = ["--dataset", "folder", "--data", data.to_str().expect("plain")];
    let cases: [(&[&str], &str); 5] = [
        (&[&with[..], &["--attack", "badnets", "--set", "size=99"]].concat(), "does not fit"),
        (&[&with[..], &["--rate", "2"]].concat(), "rate is 2"),
        (&[&with[..], &["--target", "10"]].concat(), "target 10"),
        (&["--dataset", "mnist"], "no data set 'mnist'"),
        (&[&with[..], &["--arch", "wrn-17-1"]].concat(), "wrn-17-1"),
    ];
    for (args, says) in cases {
        refused(&[&["poison"], args].concat(), says);
    }
}

#[test]
fn a_missing_file_is_named_and_exit_1() {
    let cases: [&[&str]; 2] =
        [&["eval", "--model", "nowhere.safetensors"], &["run", "nowhere.toml"]];
    for args in cases {
        let (code, _, error) = run(args);
        let says = format!("cannot read {}", args[args.len() - 1]);
        assert!(code == 1 && error.contains(&says), "{args:?}: {error}");
    }
}

#[test]
fn a_photo_takes_a_large_trigger() {
    let folder = tempfile::tempdir().expect("a folder");
    let photo = folder.path().join("photo.png");
    let out = folder.path().join("out.png");
    write_png(&photo, &Image::new(2000, 600)).expect("written");
    let photo = photo.to_str().expect("text");
    let to = out.to_str().expect("text");
    let square = ["size=400", "x=1500", "y=100", "pattern=white"];
    let mut args = vec!["stamp", photo, "--attack", "badnets", "--out", to];
    args.extend(square.iter().flat_map(|pair| ["--set", pair]));
    let (code, _, error) = run(&args);
    assert_eq!(code, 0, "{error}");
    let stamped = read_picture(&std::fs::read(&out).expect("written")).expect("a picture");
    let white = stamped.pixels.iter().filter(|value| **value == 255).count();
    assert_eq!(white, 3 * 400 * 400);
    assert_eq!(stamped.get(1500, 100), [255; 3]);
    assert_eq!(stamped.get(1899, 499), [255; 3]);
}

#[test]
fn a_stamp_is_lossless() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (image, _) = signs::draw(Seed(0), SplitName::Test, 5);
    write_png(Path::new(&path("a.png")), &image).expect("written");
    let (code, _, error) = run(&[
        "stamp",
        &path("a.png"),
        "--attack",
        "badnets",
        "--set",
        "x=4",
        "--set",
        "y=5",
        "--out",
        &path("b.png"),
    ]);
    assert_eq!(code, 0, "{error}");
    let bytes = std::fs::read(path("b.png")).expect("written");
    let stamped = read_picture(&bytes).expect("a PNG");
    assert_eq!(
        (stamped.get(4, 5), stamped.get(5, 5), stamped.get(3, 5)),
        ([255; 3], [128; 3], image.get(3, 5))
    );
    let (code, _, error) =
        run(&["stamp", &path("a.png"), "--attack", "badnets", "--out", &path("b.jpg")]);
    assert!(code == 2 && error.contains("must end in .png"), "{error}");
}
