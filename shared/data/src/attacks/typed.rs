//! Attacks with typed settings, and their conversion to [`Attack`].

use super::{Area, Attack, AttackError, Labels, Needs, Reported, StampContext};
use crate::image::Image;
use crate::method::{Method, Param, Values};
use crate::settings::{Settings, SettingsError};

/// An attack whose settings are a struct. It is an [`Attack`], which reads the struct from values
/// once and hands it to the methods below.
pub trait TypedAttack: Sync {
    /// The settings; [`settings!`](crate::settings!) declares them.
    type Settings: Settings;

    /// Its id, title, paper and summary.
    fn method(&self) -> Method;

    /// The training images that it poisons.
    fn labels(&self, _settings: &Self::Settings) -> Labels {
        Labels::Dirty
    }

    /// The kind of pictures that it needs.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// Share of all training images poisoned in the NAD paper (table 3).
    fn default_rate(&self) -> f64;

    /// Rates of a victim in the NAD paper (table 3), if the paper reports them.
    fn reported(&self) -> Option<Reported> {
        None
    }

    /// The label it wants for an image of class `label`.
    fn wanted(&self, _label: usize, target: usize, _classes: usize) -> usize {
        target
    }

    /// Checks whether the trigger suits the size of the images.
    ///
    /// # Errors
    ///
    /// The trigger does not suit images of `width x height` pixels.
    fn check(
        &self,
        _settings: &Self::Settings,
        _width: usize,
        _height: usize,
    ) -> Result<(), AttackError> {
        Ok(())
    }

    /// Puts the trigger on an image at test time.
    fn stamp(&self, image: &mut Image, settings: &Self::Settings, context: &StampContext);

    /// Changes a training image that is poisoned. By default this is [`TypedAttack::stamp`]; the attack
    /// `clean_label` also perturbs the image.
    fn poison(&self, image: &mut Image, settings: &Self::Settings, context: &StampContext) {
        self.stamp(image, settings, context);
    }

    /// The pixels a local trigger covers; `None` for one that covers the whole image. An attack
    /// with an area has integer settings `x` and `y`, so a page can drag it.
    fn area(&self, _settings: &Self::Settings, _width: usize, _height: usize) -> Option<Area> {
        None
    }
}

impl<A: TypedAttack> Attack for A {
    fn method(&self) -> Method {
        TypedAttack::method(self)
    }

    fn params(&self) -> Vec<Param> {
        A::Settings::params()
    }

    fn labels(&self, values: &Values) -> Result<Labels, SettingsError> {
        Ok(TypedAttack::labels(self, &A::Settings::from_values(values)?))
    }

    fn needs(&self) -> Needs {
        TypedAttack::needs(self)
    }

    fn default_rate(&self) -> f64 {
        TypedAttack::default_rate(self)
    }

    fn reported(&self) -> Option<Reported> {
        TypedAttack::reported(self)
    }

    fn wanted(&self, label: usize, target: usize, classes: usize) -> usize {
        TypedAttack::wanted(self, label, target, classes)
    }

    fn check(&self, values: &Values, width: usize, height: usize) -> Result<(), AttackError> {
        TypedAttack::check(self, &A::Settings::from_values(values)?, width, height)
    }

    fn stamp(&self, image: &mut Image, values: &Values, context: &StampContext) {
        if let Ok(settings) = A::Settings::from_values(values) {
            TypedAttack::stamp(self, image, &settings, context);
        }
    }

    fn poison(&self, image: &mut Image, values: &Values, context: &StampContext) {
        if let Ok(settings) = A::Settings::from_values(values) {
            TypedAttack::poison(self, image, &settings, context);
        }
    }

    fn area(&self, values: &Values, width: usize, height: usize) -> Option<Area> {
        TypedAttack::area(self, &A::Settings::from_values(values).ok()?, width, height)
    }
}

#[cfg(test)]
mod tests {
    use crate::attacks::{ATTACKS, StampContext, attack};
    use crate::datasets::SplitName;
    use crate::image::Image;
    use crate::method::{Accepts, Param, Value, Values};
    use crate::seed::Seed;
    use proptest::prelude::*;

    /// A value of the parameter that is a function of `turn`, from 0 to 1.
    fn sound(param: &Param, turn: f64) -> Value {
        match &param.accepts {
            Accepts::Int { min, max } => Value::Int(min + (turn * (max - min) as f64) as i64),
            Accepts::Float { min, max } => Value::Float(min + turn * (max - min)),
            Accepts::Choice(all) => {
                Value::Text(all[(turn * (all.len() - 1) as f64).round() as usize].to_string())
            }
            Accepts::Picture { .. } => Value::Text("2x1+3+4:_wAA_wD___8".to_string()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn values_survive_their_text(turns in proptest::collection::vec(0.0..1.0f64, 16)) {
            for attack in ATTACKS {
                let params = attack.params();
                let all = params.iter().zip(&turns);
                let values = all.map(|(p, turn)| (p.id.to_string(), sound(p, *turn))).collect();
                let values = Values(values);
                let pairs: Vec<_> = values.0.iter().map(|(key, v)| format!("{key}={v}")).collect();
                let read = Values::parse(pairs.iter().map(String::as_str));
                let read = read.and_then(|read| read.resolve(&params));
                prop_assert_eq!(read.expect("sound"), values, "{}", attack.method().id);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn no_image_size_panics(
            width in 1..40usize,
            height in 1..40usize,
            turns in proptest::collection::vec(0.0..1.0f64, 16),
        ) {
            let pictures = [(0, Image::new(width, height)), (1, Image::new(9, 5))].into();
            let context = StampContext { split: SplitName::Train, index: 0, seed: Seed(0), pictures: &pictures };
            for attack in ATTACKS {
                let all = attack.params();
                let all = all.iter().zip(&turns);
                let values = Values(all.map(|(p, t)| (p.id.to_string(), sound(p, *t))).collect());
                let mut image = Image::new(width, height);
                for values in [&values, &Values::default()] {
                    attack.stamp(&mut image, values, &context);
                    attack.poison(&mut image, values, &context);
                    let fits = attack.check(values, width, height).is_ok();
                    let area = attack.area(values, width, height).filter(|_| fits);
                    prop_assert!(area.is_none_or(|a| a.x + a.width <= width));
                    prop_assert!(area.is_none_or(|a| a.y + a.height <= height));
                }
            }
        }
    }

    #[test]
    fn invalid_values_have_no_area_and_no_labels() {
        let values = Values::parse(["size=0", "labels=none"]).expect("pairs");
        for attack in ATTACKS {
            assert_eq!(attack.area(&values, 32, 32), None);
            assert!(attack.labels(&values).is_err());
        }
    }

    #[test]
    fn default_places_follow_the_size_of_the_image() {
        let place = |id: &str, pairs: &[&str], width, height| {
            let values = Values::parse(pairs.iter().copied()).expect("pairs");
            let area = attack(id).expect("listed").area(&values, width, height);
            area.map(|area| (area.x, area.y))
        };
        assert_eq!(place("adaptive", &[], 32, 32), Some((14, 14)));
        assert_eq!(place("adaptive", &[], 64, 48), Some((30, 22)));
        assert_eq!(place("adaptive", &["x=18"], 64, 48), Some((18, 22)));
        assert_eq!(place("adaptive", &["x=14", "y=14"], 64, 48), Some((14, 14)));
        assert_eq!(place("trojan", &["x=25", "y=-2"], 64, 48), Some((25, 41)));
        assert_eq!(place("badnets", &["x=-2", "y=-2"], 64, 48), place("badnets", &[], 64, 48));
        assert_eq!(place("trojan", &[], 32, 32), Some((25, 25)));
        assert_eq!(place("trojan", &[], 64, 48), Some((57, 41)));
        assert_eq!(place("trojan", &["y=-1"], 64, 48), Some((57, 45)));
        assert_eq!(place("adaptive", &[], 2, 2), Some((0, 0)));
    }
}
