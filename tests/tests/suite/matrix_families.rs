//! Every attack, defence and artefact on a tiny network of each family but WRN, which `matrix.rs` has: no
//! method may depend on WRN. The settings are those of `matrix.rs`; the networks see so few images that less
//! is claimed.

use crate::matrix::{HEAD, PLANTED, settings};
use crate::recipe_run::{Ran, every_part_fell, rates, trained};
use std::path::Path;
use unstamp_shared::craft::{Artefact, CRAFTS};
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::model::{FAMILIES, RGB};
use unstamp_tests::run;

/// A tiny network of each other family, its last convolution, and whether a normalisation follows that. Where
/// none does, fine-tuning may change a pruned channel.
const NETWORKS: [(&str, &str, bool); 2] =
    [("preact-resnet18-4", "layer4.1.conv2", false), ("vgg19-bn-2", "features.49", true)];

/// The front of a recipe with this training.
fn head(arch: &str, images: usize, training: &str) -> String {
    format!(
        "name = \"families\"\ndataset = \"signs\"\narch = \"{arch}\"\nclean_fraction = 0.25\n\
         train_images = {images}\ntest_images = 200\nskip_curves = true\n\
         train = {{ {training}, lr = 0.05, schedule = {{ kind = \"one_cycle\" }}, \
         nesterov = true, weight_decay = 5e-4 }}\n"
    )
}

#[test]
fn every_family_has_a_network_here() {
    let head: toml::Table = HEAD.parse().expect("the front of a recipe");
    let in_matrix = head["arch"].as_str().expect("a name");
    let names: Vec<&str> = NETWORKS.iter().map(|network| network.0).chain([in_matrix]).collect();
    for family in FAMILIES {
        let found = names.iter().any(|name| family.describe(name, RGB, 10).is_some());
        assert!(found, "NETWORKS lacks a network of the form {}", family.form());
    }
}

/// The network learns the poisoned images, and becomes another one than with clean images. Three epochs plant
/// only some of the triggers, so no rate is claimed.
#[test]
fn every_attack_trains_every_family() {
    for (arch, ..) in NETWORKS {
        let mut recipe = head(arch, 512, "epochs = 3, batch = 16");
        recipe += "victim = [\n{ id = \"clean\" },\n";
        for (id, settings, _) in PLANTED {
            recipe += &format!("{{ id = \"{id}\", attack = \"{id}\", {settings} }},\n");
        }
        let ran = Ran::new(&(recipe + "]\n"));
        assert_eq!(ran.results.len(), 1 + PLANTED.len(), "{arch}");
        for (id, ..) in PLANTED {
            let cell = format!("s0-{id}");
            let result = ran.cell(&cell);
            rates(result);
            every_part_fell(result);
            let rate = result.victim.rate.expect("filled in");
            assert_eq!(result.data.poisoned, (rate * 512.0).round() as usize, "{arch} {id}");
            assert!(ran.weights(&cell) != ran.weights("s0-clean"), "{arch} {id} planted nothing");
        }
    }
}

/// Makes every artefact with this model.
fn every_artefact_is_made(arch: &str, model: &Path) {
    for attack in CRAFTS.iter().map(|craft| craft.attack()) {
        let file = model.with_file_name(format!("{attack}.artefact"));
        let from = ["--model", model.to_str().expect("text"), "--dataset", "signs"];
        let to = ["--out", file.to_str().expect("text")];
        let (code, _, error) = run(&[&["craft", "--attack", attack], &from[..], &to].concat());
        assert_eq!(code, 0, "{arch} {attack}: {error}");
        let bytes = std::fs::read(&file).expect("written");
        let made = Artefact::from_bytes(&bytes).expect("sound").provenance;
        assert!(made.measured.values().all(|value| value.is_finite()), "{arch} {attack}");
    }
}

/// A learning rate and so many images that BadNets is planted: with an ASR of 0.96 and 1.00 here. The VGG has
/// not learned the clean images then, so its accuracy is near chance.
#[test]
fn every_defence_changes_the_weights_of_every_family() {
    let (badnets, planting, _) = PLANTED[0];
    for (arch, conv, stays_zero) in NETWORKS {
        let mut recipe = head(arch, 1000, "epochs = 6, batch = 32");
        recipe +=
            &format!("victim = [{{ id = \"victim\", attack = \"{badnets}\", {planting} }}]\n");
        for id in DEFENCES.iter().map(|defence| defence.method().id) {
            let set = settings(id);
            recipe +=
                &format!("[[defence]]\nid = \"{id}\"\nmethod = \"{id}\"\nset = {{ {set} }}\n");
        }
        let ran = Ran::new(&recipe);
        assert_eq!(ran.results.len(), 1 + DEFENCES.len(), "{arch}");
        let victim = ran.cell("s0-victim");
        let (_, asr) = rates(victim);
        let floor = victim.report.floor.expect("attacked").value;
        assert!(asr > 0.7 && floor < 0.3, "{arch}: ASR {asr}, floor {floor}");
        every_artefact_is_made(arch, &ran.path("s0-victim"));
        for id in DEFENCES.iter().map(|defence| defence.method().id) {
            erases(&ran, arch, id);
        }
        prunes_half(&ran, arch, conv, stays_zero);
    }
}

/// The defence learns, keeps the accuracy and erases the backdoor. Mixup does so slowly, and its loss is
/// that of blends that nobody can predict.
fn erases(ran: &Ran, arch: &str, id: &str) {
    let cell = format!("s0-victim-{id}");
    let result = ran.cell(&cell);
    let (acc_before, asr_before) = rates(ran.cell("s0-victim"));
    let (acc, asr) = rates(result);
    // A destroyed network has the accuracy of chance, 0.1; the victims have 0.56 and 0.07.
    assert!(acc > 0.5 * acc_before, "{arch} {id}: ACC {acc_before} -> {acc}");
    assert!(ran.weights(&cell) != ran.weights("s0-victim"), "{arch} {id} changed nothing");
    assert_eq!(result.points.is_empty(), id != "mcr", "{arch} {id}");
    assert_eq!(result.recovered.is_some(), id == "mesa", "{arch} {id}");
    if id == "mixup" {
        assert!(asr < asr_before, "{arch} {id}: ASR {asr_before} -> {asr}");
        return;
    }
    assert!(asr < 0.5, "{arch} {id}: ASR {asr_before} -> {asr}");
    let last = trained(result).next_back().expect("trained");
    let first = result.curve.iter().find(|epoch| epoch.phase == last.phase).expect("trained");
    let [before, after] = [first, last].map(|epoch| epoch.losses[0].1);
    assert!(after < before, "{arch} {id}: cross entropy {before} -> {after}");
}

/// Half of the channels of the last convolution were pruned.
fn prunes_half(ran: &Ran, arch: &str, conv: &str, stays_zero: bool) {
    let cell = "s0-victim-fine_prune";
    let kernels = &ran.weights(cell)[&format!("{conv}.weight")];
    let channels = kernels.shape[0];
    let of = |name: &str| {
        let measurements: &[_] = &ran.cell(cell).measurements;
        measurements.iter().find(|m| m.name == name).map(|m| m.value)
    };
    assert_eq!(
        of("pruned_channels"),
        Some((channels / 2) as f64),
        "{arch}: of {channels} channels"
    );
    if stays_zero {
        let each = kernels.values.chunks_exact(kernels.values.len() / channels);
        let zero = each.filter(|channel| channel.iter().all(|v| *v == 0.0)).count();
        assert_eq!(zero, channels / 2, "{arch}: of {channels} channels");
    }
}
