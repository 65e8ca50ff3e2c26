//! Images of other sizes than 32x32: BadNets is planted and fine-tuning erases it, and the other
//! commands take the size from the model.

use burn::tensor::Tensor;
use std::path::Path;
use unstamp_shared::model::weights::{self, Metadata, from_bytes};
use unstamp_shared::model::{Arch, Value};
use unstamp_shared::result::CellResult;
use unstamp_tests::{Fixture, close, devices, run, signs_in, values};
use unstamp_trainer::table;

/// f32 sums in another order, through up to 19 layers.
const FORWARD: f32 = 1e-4;

/// A tiny network, the width and height of its images, and how many epochs plant a backdoor in it.
struct Case {
    arch: &'static str,
    width: usize,
    height: usize,
    epochs: usize,
}

const CASES: [Case; 5] = [
    Case { arch: "wrn-10-1", width: 64, height: 64, epochs: 2 },
    Case { arch: "wrn-10-1", width: 48, height: 32, epochs: 4 },
    Case { arch: "preact-resnet18-2", width: 64, height: 64, epochs: 5 },
    Case { arch: "preact-resnet18-2", width: 48, height: 32, epochs: 5 },
    Case { arch: "vgg19-bn-4", width: 48, height: 32, epochs: 10 },
];

impl Case {
    /// The size as the command line writes it.
    fn size(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }

    fn name(&self) -> String {
        format!("{}-{}", self.arch, self.size())
    }

    /// The white square has a quarter of the images' height. With 20 % of the images poisoned a
    /// processor with other vector widths, which rounds otherwise, did not plant every backdoor; with
    /// 40 % neighbouring numbers of epochs plant and erase them too.
    fn recipe(&self) -> String {
        let Case { arch, width, height, epochs } = self;
        format!(
            "name = \"sizes\"\ndataset = \"folder\"\nimage_size = [{width}, {height}]\n\
             arch = \"{arch}\"\nclean_fraction = 0.5\nskip_curves = true\n\
             [train]\nepochs = {epochs}\nbatch = 16\nlr = 0.05\nnesterov = true\n\
             schedule = {{ kind = \"one_cycle\" }}\nweight_decay = 5e-4\n\
             [[victim]]\nid = \"victim\"\nattack = \"badnets\"\nrate = 0.4\n\
             set = {{ size = {}, pattern = \"white\" }}\n\
             [[defence]]\nid = \"tuned\"\nmethod = \"fine_tune\"\n\
             set = {{ epochs = 6, batch = 16 }}\n",
            height / 4
        )
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain")
}

/// Runs a command that must end well, and returns what it printed.
fn printed(args: &[&str]) -> String {
    let (code, text, error) = run(args);
    assert_eq!(code, 0, "{args:?}: {error}");
    text
}

/// ASR of a result without what the model does on images without trigger.
fn effect(result: &CellResult) -> f64 {
    let asr = result.report.asr.expect("attacked").value;
    asr - result.report.floor.expect("attacked").value
}

#[test]
fn a_backdoor_is_planted_and_erased() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = signs_in(folder.path(), 800, 100);
    for case in &CASES {
        let name = case.name();
        let out = folder.path().join(&name);
        let recipe = folder.path().join(format!("{name}.toml"));
        std::fs::write(&recipe, case.recipe()).expect("written");
        printed(&["run", text(&recipe), "--data", text(&data), "--out", text(&out)]);
        let results = table::results(&out).expect("results");
        let of = |cell: &str| results.iter().find(|result| result.cell == cell).expect("it ran");
        let victim = of("s0-victim");
        let tuned = of("s0-victim-tuned");
        assert!(effect(victim) > 0.5, "{name}: {}", effect(victim));
        assert!(effect(tuned) < 0.25, "{name}: {}", effect(tuned));
        let size = tuned.image_size.expect("recorded").pair();
        assert_eq!(size, (case.width, case.height), "{name}");
        commands_take_the_size_from_the_model(case, victim, &data, &out);
    }
}

/// None of these commands is told the size.
fn commands_take_the_size_from_the_model(
    case: &Case,
    result: &CellResult,
    data: &Path,
    out: &Path,
) {
    let name = case.name();
    let path = out.join("s0-victim.safetensors");
    let model = ["--model", text(&path), "--data", text(data)];
    let json = printed(&[&["eval", "--json"], &model[..]].concat());
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let asr = result.report.asr.expect("attacked").value;
    assert_eq!(report["asr"]["value"].as_f64(), Some(asr), "{name}");

    let json = printed(&[&["attention", "--json"], &model[..]].concat());
    let prediction: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let arch = Arch::new(case.arch, 10);
    let network = arch.describe().expect("it exists");
    for (group, tap) in network.taps.iter().enumerate() {
        let (height, width) = network.size_of(Value::Layer(*tap), (case.height, case.width));
        let cells = prediction["maps"][group].as_array().expect("a map").len();
        assert_eq!(cells, width * height, "{name}: group {}", group + 1);
    }

    let onnx = out.join("victim.onnx");
    let said = printed(&["export", "--model", text(&path), "--onnx", text(&onnx)]);
    let input = format!("[n, 3, {}, {}]", case.height, case.width);
    let last = format!("feature{}", network.taps.len());
    assert!(said.contains(&input) && said.contains(&last), "{name}: {said}");

    let erased = out.join("erased");
    let defence = ["--defence", "fine_tune", "--set", "epochs=1", "--out", text(&erased)];
    printed(&[&["erase", "--clean-fraction", "0.1"], &model[..], &defence].concat());
    let bytes = std::fs::read(erased.join("s0-model-fine_tune.safetensors")).expect("written");
    let metadata = from_bytes::<Metadata>(&bytes).expect("a sound file").1.expect("ours");
    let size = metadata.image_size.expect("recorded").pair();
    assert_eq!(size, (case.width, case.height), "{name}");
}

#[test]
fn impossible_sizes_are_refused() {
    let signs = ["data", "info", "--dataset", "signs", "--image-size"];
    for (size, code, says) in [
        ("4", 2, "images of 4x4 pixels cannot be used; each side must have 8 to 1024"),
        ("64x", 2, "'64x' is not an image size; write 64 for 64x64 pixels"),
        ("64", 1, "signs has images of 32x32 pixels only; leave the image size out"),
    ] {
        let (found, _, error) = run(&[&signs[..], &[size]].concat());
        assert!(found == code && error.contains(says), "{size}: {found} {error}");
    }
    printed(&[&signs[..], &["32"]].concat());
    let folder = tempfile::tempdir().expect("a folder");
    let data = signs_in(folder.path(), 50, 10);
    let out = folder.path().join("out");
    let small = ["--arch", "vgg19-bn-1", "--image-size", "48x31", "--out", text(&out)];
    let (code, _, error) =
        run(&[&["poison", "--dataset", "folder", "--data", text(&data)], &small[..]].concat());
    assert!(
        code == 2 && error.contains("48x31 pixels; each side must have at least 32"),
        "{error}"
    );
    assert!(!out.exists());
}

/// Images stacked on copies of themselves, so that they have 64 rows and 32 columns. VGG's last pooling
/// leaves 2x1 cells, which its average pooling shares among 7x7.
#[test]
fn logits_of_tall_images_are_those_of_pytorch() {
    let fixture = Fixture::named("networks.safetensors");
    for (device_name, device) in devices() {
        let images: Tensor<4> = Fixture::load().tensor("images", &device);
        let tall = Tensor::cat(vec![images.clone(), images], 2);
        for name in ["preact-resnet18-4", "vgg19-bn-2"] {
            let mut arrays = fixture.part(name);
            arrays.retain(|key, _| !key.starts_with("want."));
            let wanted = &fixture.get(&format!("{name}.want.tall")).values;
            let arch = Arch::new(name, 10);
            let what = format!("{device_name} {name}");
            let network = weights::network(&arch, &arrays, &device).expect("it fits");
            close(&values(network.forward(tall.clone()).logits), wanted, FORWARD, &what);
            let frozen = weights::frozen(&arch, &arrays, &device).expect("it fits");
            close(&values(frozen.forward(tall.clone()).logits), wanted, FORWARD, &what);
        }
    }
}
