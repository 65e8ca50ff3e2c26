//! A recipe that is written and read again has the same cells.

use crate::config;
use crate::drawn::{attacked, values};
use proptest::collection::vec;
use proptest::prelude::*;
use unstamp_shared::attacks::{Needs, attack};
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::method::{Value, Values};
use unstamp_shared::recipe::{Cell, Recipe};

/// Text after `set = ` in a recipe.
pub fn inline(values: &Values) -> String {
    let text = |value: &Value| match value {
        Value::Text(text) => format!("{text:?}"),
        // `nan` in TOML, `NaN` in Rust.
        Value::Float(number) => format!("{number:?}").to_lowercase(),
        Value::Int(number) => number.to_string(),
    };
    let pairs: Vec<_> = values.0.iter().map(|(key, v)| format!("{key} = {}", text(v))).collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// A defence and some settings of it.
fn defended() -> impl Strategy<Value = (&'static str, Values)> {
    (0..DEFENCES.len()).prop_flat_map(|i| {
        let id = DEFENCES[i].method().id;
        values(DEFENCES[i].params()).prop_map(move |set| (id, set))
    })
}

/// How a model is trained.
fn training() -> impl Strategy<Value = String> {
    let schedule = prop::sample::select(vec![
        r#"{ kind = "constant" }"#,
        r#"{ kind = "step", every = 3, factor = 0.2 }"#,
        r#"{ kind = "cosine" }"#,
        r#"{ kind = "one_cycle" }"#,
        r#"{ kind = "flat_then_linear" }"#,
    ]);
    (1usize..200, 1usize..500, 1e-6f64..10.0, schedule, any::<bool>()).prop_map(
        |(epochs, batch, lr, schedule, flip)| {
            format!(
                "{{ epochs = {epochs}, batch = {batch}, lr = {lr:?}, schedule = {schedule}, \
                 augment = {{ crop = 4, flip = {flip} }} }}"
            )
        },
    )
}

/// The text of a recipe with two victims and one defence.
fn recipe() -> impl Strategy<Value = String> {
    let head = (vec(any::<u32>(), 1..4), any::<bool>(), prop::option::of(1usize..999));
    let shares = (1e-3f64..=1.0, 1e-3f64..=1.0, 0usize..10);
    (head, shares, training(), attacked(), defended()).prop_map(
        |(
            (seeds, flag, images),
            (fraction, rate, target),
            training,
            (attack, of),
            (method, set),
        )| {
            let front = images.map_or(String::new(), |count| format!("train_images = {count}\n"));
            let needed = self::attack(attack).expect("listed").needs() == Needs::Perturbed;
            let surrogate = if needed { "surrogate = \"clean\"\n" } else { "" };
            format!(
                "name = \"drawn\"\ndataset = \"signs\"\nseeds = {seeds:?}\nerase_clean = {flag}\n\
                 clean_fraction = {fraction:?}\n{front}train = {training}\n\
                 [[victim]]\nid = \"clean\"\n\
                 [[victim]]\nid = \"victim\"\nattack = \"{attack}\"\nrate = {rate:?}\n\
                 target = {target}\n{surrogate}set = {}\n\
                 [[defence]]\nid = \"erased\"\nmethod = \"{method}\"\nset = {}\n",
                inline(&of),
                inline(&set),
            )
        },
    )
}

proptest! {
    #![proptest_config(config())]

    /// A recipe with every setting filled in is itself a recipe, with the same cells and hashes.
    #[test]
    fn a_recipe_stays_the_same_when_it_is_written(text in recipe()) {
        let first = Recipe::parse(&text).expect("sound");
        let written = toml::to_string(&first).expect("plain data");
        let second = Recipe::parse(&written).expect("what is written is sound");
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(first.hash(), second.hash());
        let hashes = |recipe: &Recipe| -> Vec<_> {
            recipe.cells().iter().map(Cell::hash).collect()
        };
        prop_assert_eq!(hashes(&first), hashes(&second));
    }
}
