//! What is written and read again is the same: recipes, settings, weights, painted triggers.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use unstamp_shared::attacks::{ATTACKS, Needs, attack};
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::method::{Accepts, Param, Value, Values};
use unstamp_shared::model::weights::{Array, Arrays, Precision, from_bytes, to_bytes};
use unstamp_shared::recipe::{Cell, Recipe};
use unstamp_shared::sprite::Sprite;

/// Without files of failed cases beside the tests: a failure prints its case.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// A sound value of a setting.
fn value(param: &Param) -> BoxedStrategy<Value> {
    match &param.accepts {
        Accepts::Int { min, max } => (*min..=*max).prop_map(Value::Int).boxed(),
        Accepts::Float { min, max } => (*min..=*max).prop_map(Value::Float).boxed(),
        Accepts::Choice(options) => prop::sample::select(options.clone())
            .prop_map(|text| Value::Text(text.to_string()))
            .boxed(),
        Accepts::Picture { .. } => sprite().prop_map(|s| Value::Text(s.to_string())).boxed(),
    }
}

/// Values of some of the settings.
fn values(params: Vec<Param>) -> BoxedStrategy<Values> {
    let count = params.len();
    let all: Vec<_> = params.iter().map(|p| (Just(p.id.to_string()), value(p))).collect();
    (all, vec(any::<bool>(), count))
        .prop_map(|(all, kept)| {
            Values(
                all.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(pair, _)| pair).collect(),
            )
        })
        .boxed()
}

/// Text after `set = ` in a recipe.
fn inline(values: &Values) -> String {
    let text = |value: &Value| match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Float(number) => format!("{number:?}"),
        Value::Int(number) => number.to_string(),
    };
    let pairs: Vec<_> = values.0.iter().map(|(key, v)| format!("{key} = {}", text(v))).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn sprite() -> impl Strategy<Value = Sprite> {
    (1usize..6, 1usize..6, 0usize..27, 0usize..27).prop_flat_map(|(width, height, x, y)| {
        vec(any::<[u8; 4]>(), width * height).prop_map(move |rgba| Sprite {
            x,
            y,
            width,
            height,
            rgba,
        })
    })
}

/// An attack and some settings of it.
fn attacked() -> impl Strategy<Value = (&'static str, Values)> {
    (0..ATTACKS.len()).prop_flat_map(|i| {
        let id = ATTACKS[i].method().id;
        values(ATTACKS[i].params()).prop_map(move |set| (id, set))
    })
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

/// Arrays of several shapes, with every kind of number.
fn arrays() -> impl Strategy<Value = Arrays> {
    let array = vec(0usize..4, 0..4).prop_flat_map(|shape| {
        let size = shape.iter().product::<usize>();
        vec(prop::num::f32::ANY, size)
            .prop_map(move |values| Array { shape: shape.clone(), values })
    });
    btree_map("[a-z][a-z0-9.]{0,20}", array, 0..6)
}

fn bits(arrays: &Arrays) -> Vec<(&String, &Vec<usize>, Vec<u32>)> {
    let of = |array: &Array| array.values.iter().map(|v| v.to_bits()).collect();
    arrays.iter().map(|(name, array)| (name, &array.shape, of(array))).collect()
}

proptest! {
    #![proptest_config(config())]

    /// A recipe with every setting filled in is itself a recipe, with the same cells and hashes.
    #[test]
    fn recipes(text in recipe()) {
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

    /// `--set key=value` says the same as a recipe.
    #[test]
    fn settings((id, set) in attacked()) {
        let params = attack(id).expect("listed").params();
        let pairs: Vec<String> = set.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let read = Values::parse(pairs.iter().map(String::as_str)).expect("pairs");
        prop_assert_eq!(read.resolve(&params), set.resolve(&params));
    }

    #[test]
    fn weights_of_full_precision(arrays in arrays(), head in "\\PC*") {
        let bytes = to_bytes(&arrays, Precision::F32, &head);
        let (read, said) = from_bytes::<String>(&bytes).expect("what is written is sound");
        prop_assert_eq!(bits(&read), bits(&arrays));
        prop_assert_eq!(said, Some(head));
    }

    /// Half precision rounds once: what is read and written again stays.
    #[test]
    fn weights_of_half_precision(arrays in arrays()) {
        let read = |arrays: &Arrays| {
            from_bytes::<()>(&to_bytes(arrays, Precision::F16, &())).expect("sound").0
        };
        let once = read(&arrays);
        let twice = read(&once);
        prop_assert_eq!(bits(&twice), bits(&once));
        for (name, array) in &arrays {
            for (found, wanted) in once[name].values.iter().zip(&array.values) {
                // Numbers of the range of half precision keep eleven bits.
                let usual = wanted.abs() > 1e-4 && wanted.abs() < 6e4;
                prop_assert!(!usual || (found - wanted).abs() <= wanted.abs() / 2048.0);
            }
        }
    }

    /// A file of any bytes is weights or an error, and no panic.
    #[test]
    fn weights_of_any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        let _ = from_bytes::<()>(&bytes);
    }

    #[test]
    fn painted_triggers(sprite in sprite()) {
        prop_assert_eq!(sprite.to_string().parse(), Ok(sprite));
    }

    #[test]
    fn painted_triggers_of_any_text(text in "\\PC*") {
        let _ = text.parse::<Sprite>();
    }
}
