//! The settings of every attack and defence survive all forms in which they are written, and a value that is
//! not allowed is refused with the name of its parameter.

use crate::config;
use crate::drawn::{all_values, refused};
use crate::recipes::inline;
use proptest::prelude::*;
use unstamp_shared::attacks::ATTACKS;
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::method::{Param, Value, Values};
use unstamp_shared::recipe::Recipe;
use unstamp_shared::settings::SettingsError;

/// A method's reader of values.
type Read = Box<dyn Fn(&Values) -> Result<(), SettingsError>>;

/// An attack or a defence, as this test sees it.
struct Listed {
    id: &'static str,
    params: Vec<Param>,
    /// Reads the settings into the method's own type.
    read: Read,
    /// The text of a recipe with the method, whose settings are `set`.
    recipe: Box<dyn Fn(&str) -> String>,
    /// The settings of the method in such a recipe.
    found: fn(Recipe) -> Values,
}

const HEAD: &str = "name = \"settings\"\ndataset = \"signs\"\n\
    train = { epochs = 1, lr = 0.1, schedule = { kind = \"constant\" } }\n\
    [[victim]]\nid = \"clean\"\n\
    [[victim]]\nid = \"victim\"\nsurrogate = \"clean\"\n";

/// Every attack and every defence.
fn listed() -> Vec<Listed> {
    let attacks = ATTACKS.iter().map(|attack| {
        let id = attack.method().id;
        Listed {
            id,
            params: attack.params(),
            read: Box::new(move |values| attack.labels(values).map(drop)),
            recipe: Box::new(move |set| format!("{HEAD}attack = \"{id}\"\nset = {set}\n")),
            found: |recipe| recipe.victims[1].set.clone(),
        }
    });
    let defences = DEFENCES.iter().map(|defence| {
        let id = defence.method().id;
        let entry = format!("{HEAD}attack = \"badnets\"\n[[defence]]\nid = \"defence\"\n");
        Listed {
            id,
            params: defence.params(),
            read: Box::new(move |values| defence.knows(values).map(drop)),
            recipe: Box::new(move |set| format!("{entry}method = \"{id}\"\nset = {set}\n")),
            found: |recipe| recipe.defences[0].set.clone(),
        }
    });
    attacks.chain(defences).collect()
}

/// A value for every parameter of every method, in the order of [`listed`].
fn values_of_all() -> impl Strategy<Value = Vec<Values>> {
    listed().into_iter().map(|method| all_values(method.params)).collect::<Vec<_>>()
}

/// For every method a value for each of its parameters that this parameter refuses.
fn refused_of_all() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let of = |method: Listed| method.params.iter().map(refused).collect::<Vec<_>>();
    listed().into_iter().map(of).collect::<Vec<_>>()
}

/// `key=value` pairs as on the command line, read again.
fn pairs_of(values: &Values) -> Values {
    let pairs: Vec<String> = values.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Values::parse(pairs.iter().map(String::as_str)).expect("pairs")
}

/// Whether a refusal begins with the name of the parameter.
fn names(message: &str, id: &str) -> bool {
    let rest = message.strip_prefix(id);
    rest.is_some_and(|rest| rest.starts_with(" = ") || rest.starts_with(": "))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn settings_survive_every_text(all in values_of_all()) {
        for (method, values) in listed().iter().zip(all) {
            let resolved = |read: Values| read.resolve(&method.params);
            prop_assert_eq!(resolved(values.clone()), Ok(values.clone()), "{}", method.id);
            prop_assert_eq!((method.read)(&values), Ok(()), "{}", method.id);
            prop_assert_eq!(resolved(pairs_of(&values)), Ok(values.clone()), "{}", method.id);
            let json = serde_json::to_string(&values).expect("plain data");
            let read: Values = serde_json::from_str(&json).expect("what is written is sound");
            prop_assert_eq!(read, values, "{}", method.id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..config() })]

    /// A recipe records a parameter that was added later only if it is not at its default.
    #[test]
    fn settings_survive_a_recipe(all in values_of_all()) {
        for (method, values) in listed().iter().zip(all) {
            let recipe = Recipe::parse(&(method.recipe)(&inline(&values)));
            let recipe = recipe.expect("allowed values");
            let written = toml::to_string(&recipe).expect("plain data");
            let again = Recipe::parse(&written).expect("what is written is sound");
            for recipe in [recipe, again] {
                let found = (method.found)(recipe).with_defaults(&method.params);
                prop_assert_eq!(&found, &values, "{}", method.id);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..config() })]

    #[test]
    fn a_refusal_names_the_parameter(all in refused_of_all()) {
        for (method, values) in listed().iter().zip(all) {
            for (param, value) in method.params.iter().zip(values) {
                let set = Values([(param.id.to_string(), value)].into());
                let what = format!("{} {set:?}", method.id);
                for given in [pairs_of(&set), set.clone()] {
                    let error = (method.read)(&given).expect_err(&what).to_string();
                    prop_assert!(names(&error, param.id), "{}: {}", what, error);
                }
                let recipe = Recipe::parse(&(method.recipe)(&inline(&set)));
                // A text is checked for being a picture where the trigger is made, not in a recipe.
                let picture = set.resolve(&method.params).is_ok();
                prop_assert!(picture || recipe.is_err(), "{}", what);
                if let Err(error) = recipe {
                    let error = error.to_string();
                    let reason = error.split_once(": ").map_or("", |(_, reason)| reason);
                    prop_assert!(names(reason, param.id), "{}: {}", what, error);
                }
            }
        }
    }
}
