//! The figures of attention maps, and pseudo samples.

use unstamp_tests::{root, run};

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
    let victim = said("s0-badnets.safetensors", &[]);
    let clean = said("s0-clean.safetensors", &["--attack", "badnets"]);
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
