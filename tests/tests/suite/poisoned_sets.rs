//! `unstamp poison --dataset-only` writes a data set that can be read again.

use std::path::Path;
use unstamp_shared::image::Image;
use unstamp_tests::run;
use unstamp_trainer::data::{load, read_picture, write_png};

const CLASSES: [&str; 3] = ["bus", "car", "ship"];

/// Images of one class in each split: 12 for training, 4 for the test.
const SPLITS: [(&str, usize); 2] = [("train", 12), ("test", 4)];

/// Side of the images, and of BadNets' square at the bottom right.
const SIDE: usize = 32;
const SQUARE: usize = 3;

fn grey(value: usize) -> Image {
    Image { width: SIDE, height: SIDE, pixels: vec![value as u8; 3 * SIDE * SIDE] }
}

fn class_folders(folder: &Path) {
    for (c, class) in CLASSES.iter().enumerate() {
        for (split, count) in SPLITS {
            for i in 0..count {
                let file = folder.join(format!("{split}/{class}/{i:02}.png"));
                write_png(&file, &grey(60 + 16 * c + i)).expect("written");
            }
        }
    }
}

/// Index, original label, new label, poisoned and file of every line.
fn list(path: &Path) -> Vec<(usize, usize, usize, bool, String)> {
    let text = std::fs::read_to_string(path).expect("a list");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("index,original_label,new_label,poisoned,file"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |i: usize| fields[i].parse().expect("a number");
            (number(0), number(1), number(2), number(3) == 1, fields[4].to_string())
        })
        .collect()
}

/// Whether an image is grey but for the square, which is not.
fn bears_the_square(image: &Image) -> bool {
    let inside = |i: usize| {
        let place = i / 3;
        place % SIDE >= SIDE - SQUARE && place / SIDE >= SIDE - SQUARE
    };
    let value = image.pixels[0];
    let differs = |i: usize| image.pixels[i] != value;
    let all = 0..image.pixels.len();
    all.clone().all(|i| inside(i) || !differs(i)) && all.clone().any(|i| inside(i) && differs(i))
}

#[test]
fn a_poisoned_set_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let out = folder.path().join("out");
    class_folders(&data);
    let text = |path: &Path| path.to_str().expect("text").to_string();
    let args = [
        "poison",
        "--dataset",
        "folder",
        "--data",
        &text(&data),
        "--attack",
        "badnets",
        "--rate",
        "0.25",
        "--target",
        "1",
        "--dataset-only",
        "--out",
        &text(&out),
    ];
    let (code, said, error) = run(&args);
    assert_eq!(code, 0, "{error}");
    assert!(said.contains("9 of 36 training images poisoned"), "{said}");
    assert!(said.contains("12 clean test images, 8 with the trigger"), "{said}");

    let poisoned = list(&out.join("poisoned.csv"));
    assert_eq!(poisoned.len(), 36);
    for (_, original, new, is_poisoned, file) in &poisoned {
        let image =
            read_picture(&std::fs::read(out.join(file)).expect("there")).expect("a picture");
        assert_eq!(bears_the_square(&image), *is_poisoned, "{file}");
        assert_eq!(*new, if *is_poisoned { 1 } else { *original }, "{file}");
        assert!(file.starts_with(&format!("train/{}/", CLASSES[*new])), "{file}");
    }
    assert_eq!(poisoned.iter().filter(|line| line.3).count(), 9);

    let triggered = list(&out.join("triggered.csv"));
    assert_eq!(triggered.len(), 8, "the test images of the two other classes");
    for (_, original, new, _, file) in &triggered {
        let image =
            read_picture(&std::fs::read(out.join(file)).expect("there")).expect("a picture");
        assert!(bears_the_square(&image), "{file}");
        assert!(*original != 1 && *new == 1, "{file}");
        assert!(file.starts_with(&format!("triggered/{}/", CLASSES[*original])), "{file}");
    }

    let again = load("folder", Some(&out)).expect("readable");
    let before = load("folder", Some(&data)).expect("readable");
    assert_eq!(again.class_names, CLASSES);
    assert_eq!(again.train.len(), 36);
    assert_eq!(again.test.labels, before.test.labels);
    assert!((0..12).all(|i| again.test.image(i) == before.test.image(i)), "the clean test set");

    // A second set would be mixed with the first.
    let (code, _, error) = run(&args);
    assert!(code == 1 && error.contains("is there already"), "{code} {error}");
}

/// `folder` numbers classes by their names, the data set of the model in its own order.
#[test]
fn a_model_is_not_measured_on_reordered_classes() {
    let folder = tempfile::tempdir().expect("a folder");
    for class in unstamp_shared::datasets::signs::INFO.classes {
        for split in ["train", "test"] {
            let file = folder.path().join(format!("{split}/{class}/0.png"));
            write_png(&file, &grey(9)).expect("written");
        }
    }
    let model = unstamp_tests::root().join("static/models/s0-badnets.safetensors");
    let text = |path: &Path| path.to_str().expect("text").to_string();
    let data = text(folder.path());
    let (code, _, error) =
        run(&["eval", "--model", &text(&model), "--dataset", "folder", "--data", &data]);
    assert!(code == 1 && error.contains("in another order"), "{code} {error}");
}
