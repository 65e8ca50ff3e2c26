//! One entry of a recipe that stands for many defences.

use unstamp_shared::defences::DEFENCES;
use unstamp_shared::poison::clean_subset;
use unstamp_shared::recipe::{Cell, Recipe};
use unstamp_shared::seed::Seed;

const HEAD: &str = r#"
name = "sweep"
dataset = "signs"
train = { epochs = 1, lr = 0.1, schedule = { kind = "constant" } }
[[victim]]
id = "victim"
attack = "badnets"
"#;

fn recipe(defences: &str) -> Result<Recipe, String> {
    Recipe::parse(&format!("{HEAD}{defences}")).map_err(|e| e.to_string())
}

fn erasures(recipe: &Recipe) -> Vec<(String, String)> {
    let erased = |cell: &&Cell| cell.erasure.is_some();
    let cells = recipe.cells();
    let named = |cell: &Cell| (cell.name(), cell.hash());
    cells.iter().filter(erased).map(named).collect()
}

#[test]
fn every_combination_is_a_cell_and_the_same_as_if_written_out() {
    let entry = r#"
[[defence]]
id = "nad"
method = "nad"
set = { epochs = 2 }
clean = [0.01, 0.05]
grid = { lr = [0.1, 0.003], beta = [-1, 2] }
"#;
    let swept = recipe(entry).expect("sound");
    let found = erasures(&swept);
    let mut expected = Vec::new();
    for clean in ["0.01", "0.05"] {
        for beta in ["-1", "2"] {
            for lr in ["0.1", "0.003"] {
                let name = format!("s0-victim-nad_clean{clean}_beta{beta}_lr{lr}");
                let written = format!(
                    "clean_fraction = {clean}\n{HEAD}[[defence]]\nid = \"x\"\nmethod = \"nad\"\nset = {{ epochs = 2, beta = {beta}, lr = {lr} }}"
                );
                let written = Recipe::parse(&written).expect("sound");
                let name = name.replace('.', "_").replace("beta-", "betam");
                expected.push((name, erasures(&written)[0].1.clone()));
            }
        }
    }
    assert_eq!(found, expected);
    // The victim is one and the same for all shares.
    assert_eq!(swept.cells().iter().filter(|cell| cell.erasure.is_none()).count(), 1);
}

#[test]
fn smaller_shares_are_nested_in_larger_ones() {
    let largest = clean_subset(10_000, 0.2, Seed(3));
    for share in [0.01, 0.05, 0.1] {
        let smaller = clean_subset(10_000, share, Seed(3));
        assert_eq!(smaller[..], largest[..(share * 10_000.0) as usize]);
    }
}

/// Validation images change the victim only where they are taken out of its training images.
#[test]
fn images_kept_apart_are_another_training_set() {
    let victim = |line: &str| {
        let recipe = Recipe::parse(&format!("{line}{HEAD}")).expect("sound");
        recipe.cells()[0].hash()
    };
    let front = victim("train_images = 100\n");
    assert_eq!(victim("train_images = 100\nvalidation_images = 9\n"), front);
    assert_ne!(victim("validation_images = 9\n"), victim(""));
}

#[test]
fn what_cannot_be_swept_is_named() {
    let entry = |rest: &str| format!("[[defence]]\nid = \"nad\"\nmethod = \"nad\"\n{rest}");
    for (rest, said) in [
        ("grid = { lr = [] }", "grid.lr needs values"),
        ("set = { lr = 1 }\ngrid = { lr = [0.1] }", "must not be in set too"),
        ("grid = { rl = [0.1] }", "no parameter 'rl'"),
        ("grid = { lr = [0.1, 0.1] }", "is given twice"),
        ("clean = [2.0]", "defence nad_clean2: clean = 2 must"),
    ] {
        let error = recipe(&entry(rest)).expect_err(rest);
        assert!(error.contains(said), "{rest}: {error}");
    }
}

/// A model without backdoor shows the harm that a defence does. A defence that knows the trigger needs a
/// backdoor.
#[test]
fn clean_models_are_erased_when_asked_for() {
    let clean = "[[victim]]\nid = \"clean\"\n";
    let defences: String = DEFENCES
        .iter()
        .map(|d| d.method().id)
        .map(|id| format!("[[defence]]\nid = \"{id}\"\nmethod = \"{id}\"\n"))
        .collect();
    let plain = recipe(&format!("{clean}{defences}")).expect("sound");
    let text = format!("erase_clean = true\n{HEAD}{clean}{defences}");
    let asked = Recipe::parse(&text).expect("sound");
    let of_clean = |recipe: &Recipe| -> Vec<String> {
        let names = erasures(recipe).into_iter().map(|(name, _)| name);
        names.filter_map(|name| Some(name.strip_prefix("s0-clean-")?.to_string())).collect()
    };
    assert_eq!(of_clean(&plain), Vec::<String>::new());
    let expected = DEFENCES.iter().map(|d| d.method().id).filter(|id| *id != "retrain");
    assert_eq!(of_clean(&asked), expected.collect::<Vec<_>>());
    let attacked = |r: &Recipe| -> Vec<_> {
        erasures(r).into_iter().filter(|(name, _)| name.starts_with("s0-victim")).collect()
    };
    assert_eq!(attacked(&plain), attacked(&asked), "the others stay the same cells");
}
