//! Attention on a trigger's pixels, and the figures.

use unstamp_shared::attacks::Area;
use unstamp_shared::attention::share_on;
use unstamp_tests::{root, run};

const CORNER: Area = Area { x: 28, y: 28, width: 4, height: 4 };

#[test]
fn a_share_is_of_the_area_covered() {
    // An even map has as much on the trigger as the trigger has of the image, at every size.
    for side in [32, 16, 8] {
        let share = share_on(&vec![1.0; side * side], (side, side), &CORNER, (32, 32));
        assert!((share - 1.0 / 64.0).abs() < 1e-12, "{side}: {share}");
    }
    // All attention in the corner's only cell of an 8x8 map; a 2x2 trigger covers a quarter of it.
    let mut map = vec![0.0; 64];
    map[63] = 5.0;
    assert_eq!(share_on(&map, (8, 8), &CORNER, (32, 32)), 1.0);
    let small = Area { x: 30, y: 30, width: 2, height: 2 };
    assert_eq!(share_on(&map, (8, 8), &small, (32, 32)), 0.25);
    assert_eq!(share_on(&[0.0; 64], (8, 8), &CORNER, (32, 32)), 0.0);
}

/// A victim predicts its pseudo samples as the target class more often than a model without backdoor
/// predicts its own (NBA figure 4).
#[test]
fn pseudo_samples_of_a_victim_are_predicted_as_the_target() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = |name: &str| root().join("static/models").join(name).display().to_string();
    let out = folder.path().join("pseudo.png").display().to_string();
    let said = |name: &str, more: &[&str]| {
        let show = ["--show", "pseudo", "--out", &out];
        let model = model(name);
        let (code, text, error) =
            run(&[&["attention", "--model", &model][..], &show, more].concat());
        assert_eq!(code, 0, "{error}");
        text
    };
    let hits = |text: &str| -> usize {
        let line = text.lines().nth(1).expect("a second line");
        line.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    let (victim, clean) = (
        said("s0-badnets.safetensors", &[]),
        said("s0-clean.safetensors", &["--attack", "badnets"]),
    );
    assert!(hits(&victim) > 2 * hits(&clean), "{victim}{clean}");
    assert!(victim.contains("with the trigger"), "{victim}");
    let file = std::fs::File::open(&out).expect("written");
    let reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG");
    assert_eq!(reader.info().height, 8 + 3 * (16 + 96 + 16));
    let plain = model("s0-clean.safetensors");
    let (code, _, error) =
        run(&["attention", "--model", &plain, "--show", "pseudo", "--out", &out]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("needs a trigger"), "{error}");
}

/// A figure has a row a model (all channels: four rows), and the size that follows.
#[test]
fn figures_have_their_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = |name: &str| root().join("static/models").join(name).display().to_string();
    let victim = model("s0-badnets.safetensors");
    let erased = model("s0-badnets-nad.safetensors");
    for (show, images, rows) in [("groups", 4, 2), ("operators", 6, 2), ("channels", 16, 8)] {
        let out = folder.path().join(format!("{show}.png")).display().to_string();
        let (code, _, error) = run(&[
            "attention",
            "--model",
            &victim,
            "--and",
            &erased,
            "--image",
            "3",
            "--show",
            show,
            "--out",
            &out,
        ]);
        assert_eq!(code, 0, "{error}");
        let file = std::fs::File::open(&out).expect("written");
        let reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG");
        let gap = 8;
        let side = 96;
        let text = 16;
        let height = gap + rows * (text + side + 2 * gap);
        let width = gap + images * (side + gap);
        assert_eq!((reader.info().width, reader.info().height), (width, height), "{show}");
    }
    let (code, _, error) = run(&["attention", "--model", &victim, "--and", &erased]);
    assert_eq!(code, 2, "{error}");
}
