//! A message between the page and its engines survives its JSON.

use super::*;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use unstamp_shared::manifest::ModelRole;
use unstamp_shared::method::Value;
use unstamp_shared::metrics::{Confusion, Rate};

/// A short text of any characters.
fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(|letters| letters.into_iter().collect())
}

/// A number that JSON holds exactly. The page's `serde_json` may read other numbers one unit of the last
/// place away.
fn number() -> impl Strategy<Value = f64> {
    any::<i16>().prop_map(|number| f64::from(number) / 8.0)
}

fn single() -> impl Strategy<Value = f32> {
    number().prop_map(|number| number as f32)
}

/// Values of parameters with any names.
fn values() -> impl Strategy<Value = Values> {
    let value = prop_oneof![
        any::<i64>().prop_map(Value::Int),
        number().prop_map(Value::Float),
        text().prop_map(Value::Text),
    ];
    btree_map(text(), value, 0..4).prop_map(Values)
}

fn trigger_record() -> impl Strategy<Value = TriggerRecord> {
    (text(), values(), any::<usize>(), any::<u64>())
        .prop_map(|(attack, set, target, seed)| TriggerRecord { attack, set, target, seed })
}

fn rate() -> impl Strategy<Value = Rate> {
    (number(), any::<u64>(), any::<u64>(), number(), number())
        .prop_map(|(value, k, n, low, high)| Rate { value, k, n, ci95: [low, high] })
}

fn report() -> impl Strategy<Value = Report> {
    let confusion = vec(vec(any::<u64>(), 0..3), 0..3).prop_map(Confusion);
    let triggered = option::of(vec(vec(any::<u64>(), 0..3), 0..3).prop_map(Confusion));
    let optional = prop::array::uniform3(option::of(rate()));
    (rate(), optional, confusion, triggered).prop_map(
        |(acc, [asr, ra, floor], confusion, triggered)| Report {
            acc,
            asr,
            ra,
            floor,
            confusion,
            triggered,
        },
    )
}

fn model_entry() -> impl Strategy<Value = ModelEntry> {
    let names = prop::array::uniform8(text());
    let role = text().prop_map(ModelRole::from);
    let trigger = option::of(trigger_record());
    let classes = vec(text(), 0..4);
    (names, any::<usize>(), classes, role, trigger, any::<u64>(), report()).prop_map(
        |(names, bytes, class_names, role, trigger, data_seed, report)| {
            let [id, title, file, sha256, arch, dataset, recipe, recipe_hash] = names;
            ModelEntry {
                id,
                title,
                file,
                sha256,
                bytes,
                arch,
                dataset,
                class_names,
                role,
                trigger,
                data_seed,
                recipe,
                recipe_hash,
                report,
            }
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let entry = || model_entry().prop_map(Box::new);
    let id = any::<u32>;
    let size = any::<usize>;
    let models = || vec(text(), 0..4);
    let bytes = vec(any::<u8>(), 0..20);
    prop_oneof![
        (id(), entry(), any::<bool>()).prop_map(|(id, entry, corrupt)| Request::Load {
            id,
            entry,
            corrupt
        }),
        (id(), size(), size(), bytes, models()).prop_map(|(id, width, height, image, models)| {
            Request::Predict { id, width, height, image, models }
        }),
        (id(), models(), trigger_record(), size()).prop_map(|(id, models, trigger, images)| {
            Request::Evaluate { id, models, trigger, images }
        }),
        (id(), text(), size()).prop_map(|(id, model, images)| Request::SelfTest {
            id,
            model,
            images
        }),
        (id(), text(), size()).prop_map(|(id, model, images)| Request::Measure {
            id,
            model,
            images
        }),
        (id(), entry(), text(), values()).prop_map(|(id, entry, defence, set)| Request::Erase {
            id,
            entry,
            defence,
            set
        }),
        id().prop_map(|id| Request::Stop { id }),
    ]
}

fn hardware() -> impl Strategy<Value = Hardware> {
    prop_oneof![
        any::<bool>().prop_map(|relaxed| Hardware::Cpu { relaxed }),
        (text(), any::<bool>())
            .prop_map(|(adapter, software)| Hardware::WebGpu { adapter, software }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let map = (any::<usize>(), any::<usize>(), vec(single(), 0..5))
        .prop_map(|(width, height, values)| AttentionMap { width, height, values });
    (vec(single(), 0..5), vec(map, 0..4), number()).prop_map(
        |(probabilities, maps, milliseconds)| Answer { probabilities, maps, milliseconds },
    )
}

fn progress() -> impl Strategy<Value = ErasureProgress> {
    let counts = prop::array::uniform3(any::<usize>());
    let losses = vec((text(), number()), 0..4);
    (counts, text(), number(), losses, any::<bool>()).prop_map(
        |([done, total, epoch], phase, loss, losses, finished)| ErasureProgress {
            done,
            total,
            phase,
            epoch,
            loss,
            losses,
            finished,
        },
    )
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        Just(Failure::NotLoaded),
        (text(), text()).prop_map(|(file, reason)| Failure::UnusableModel { file, reason }),
        Just(Failure::ImageSize),
        text().prop_map(|reason| Failure::Device { reason }),
        text().prop_map(|reason| Failure::Trigger { reason }),
        text().prop_map(|defence| Failure::UnknownDefence { defence }),
        text().prop_map(|reason| Failure::Settings { reason }),
        text().prop_map(|reason| Failure::Erasure { reason }),
        Just(Failure::OnlyPredicts),
        text().prop_map(|reason| Failure::UnreadableRequest { reason }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let defence = (text(), text()).prop_map(|(id, title)| DefenceName { id, title });
    // The request and the model that a reply is about.
    let about = || (any::<u32>(), text());
    let size = any::<usize>;
    prop_oneof![
        (hardware(), vec(defence, 0..4))
            .prop_map(|(hardware, defences)| Reply::Ready { hardware, defences }),
        about().prop_map(|(id, model)| Reply::Loaded { id, model }),
        (about(), answer()).prop_map(|((id, model), answer)| Reply::Prediction {
            id,
            model,
            answer
        }),
        (about(), size(), size(), report().prop_map(Box::new)).prop_map(
            |((id, model), seen, total, report)| Reply::Evaluation {
                id,
                model,
                seen,
                total,
                report
            }
        ),
        (about(), single(), any::<bool>()).prop_map(|((id, model), difference, passed)| {
            Reply::Tested { id, model, difference, passed }
        }),
        (about(), size(), number()).prop_map(|((id, model), images, milliseconds)| {
            Reply::Measured { id, model, images, milliseconds }
        }),
        (about(), progress().prop_map(Box::new))
            .prop_map(|((id, model), progress)| Reply::Erasing { id, model, progress }),
        (about(), failure()).prop_map(|((id, model), failure)| Reply::Failed {
            id,
            model,
            failure
        }),
    ]
}

/// Whether a message is the same after it was JSON. Messages have no equality, but show every field.
fn survives<T: Serialize + DeserializeOwned + Debug>(message: &T) -> Result<(), TestCaseError> {
    let json = serde_json::to_string(message).expect("plain data");
    let read: T = serde_json::from_str(&json).expect("what is written is sound");
    prop_assert_eq!(format!("{read:?}"), format!("{message:?}"));
    Ok(())
}

proptest! {
    // A failure prints its case, so none is stored in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_survives_its_json(request in request()) {
        survives(&request)?;
    }

    #[test]
    fn a_reply_survives_its_json(reply in reply()) {
        survives(&reply)?;
    }
}
