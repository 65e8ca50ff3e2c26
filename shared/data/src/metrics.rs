//! Rates from counts, and the report of an evaluation.

use serde::{Deserialize, Serialize};

/// A rate with its sample size and 95 % Wilson interval, all as fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// `k / n`; 0 if `n` is 0.
    pub value: f64,
    /// Images that count as a success.
    pub k: u64,
    /// Images in all.
    pub n: u64,
    /// Lower and upper end of the Wilson score interval; 0 and 1 if `n` is 0.
    pub ci95: [f64; 2],
}

impl Rate {
    /// The rate of `k` successes among `n` images.
    ///
    /// The interval is that of Wilson (1927, <https://doi.org/10.1080/01621459.1927.10502953>) with
    /// `z = 1.959964`: `(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`.
    pub fn new(k: u64, n: u64) -> Self {
        if n == 0 {
            return Self { value: 0.0, k, n, ci95: [0.0, 1.0] };
        }
        let z = 1.959_963_984_540_054_f64;
        let m = n as f64;
        let p = k as f64 / m;
        let centre = p + z * z / (2.0 * m);
        let half = z * (p * (1.0 - p) / m + z * z / (4.0 * m * m)).sqrt();
        let scale = 1.0 + z * z / m;
        let ci95 = [((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0)];
        Self { value: p, k, n, ci95 }
    }
}

/// Counts of predictions: row = true class, column = predicted class.
/// # Examples
///
/// ```
/// use unstamp_data::metrics::Confusion;
///
/// // Predictions of triggered images. The attack wants class 0.
/// let mut triggered = Confusion::new(3);
/// for (label, predicted) in [(0, 0), (1, 0), (1, 1), (2, 0)] {
///     triggered.add(label, predicted);
/// }
/// let asr = triggered.success(|_| 0);
/// assert_eq!((asr.k, asr.n), (2, 3), "two of the three images of other classes");
/// assert_eq!(triggered.robust(|_| 0).k, 1);
/// assert_eq!(triggered.accuracy().value, 0.5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion(pub Vec<Vec<u64>>);

impl Confusion {
    /// A table of `classes` by `classes` zeros.
    pub fn new(classes: usize) -> Self {
        Self(vec![vec![0; classes]; classes])
    }

    /// Whether it is a table that [`Confusion::add`] can make: square, with counts whose sum fits in 64 bits.
    pub fn is_sound(&self) -> bool {
        let mut counts = self.0.iter().flatten();
        self.0.iter().all(|row| row.len() == self.0.len())
            && counts.try_fold(0u64, |sum, count| sum.checked_add(*count)).is_some()
    }

    /// Counts one image.
    ///
    /// # Panics
    /// If a class is not below the number of classes.
    pub fn add(&mut self, label: usize, predicted: usize) {
        self.0[label][predicted] += 1;
    }

    /// Among the images whose label `counts`, the share predicted as `hit(label)`.
    fn rate(&self, counts: impl Fn(usize) -> bool, hit: impl Fn(usize) -> usize) -> Rate {
        let mut hits = 0;
        let mut images = 0;
        for (label, row) in self.0.iter().enumerate().filter(|(label, _)| counts(*label)) {
            hits += row[hit(label)];
            images += row.iter().sum::<u64>();
        }
        Rate::new(hits, images)
    }

    /// The accuracy (ACC on clean images): the share of images predicted as their true label.
    pub fn accuracy(&self) -> Rate {
        self.rate(|_| true, |label| label)
    }

    /// The attack success rate (ASR): among the images whose true label is not the one that the attack
    /// wants, the share predicted as the wanted label. `wanted` maps a true label to the wanted one.
    pub fn success(&self, wanted: impl Fn(usize) -> usize) -> Rate {
        self.rate(|label| wanted(label) != label, &wanted)
    }

    /// The robust accuracy (RA): among the images that [`Confusion::success`] counts, the share predicted
    /// as their true label.
    pub fn robust(&self, wanted: impl Fn(usize) -> usize) -> Rate {
        self.rate(|label| wanted(label) != label, |label| label)
    }
}

/// The rates of a model on a test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Clean accuracy, over the whole test set.
    pub acc: Rate,
    /// Attack success rate: among triggered images whose true label is not the wanted one, the share
    /// predicted as the wanted label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asr: Option<Rate>,
    /// Robust accuracy: among the images that `asr` counts, the share predicted as their true label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ra: Option<Rate>,
    /// Floor of the attack success rate: among the images that `asr` counts, but without the trigger,
    /// the share predicted as the wanted label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Rate>,
    /// Predictions of clean images.
    pub confusion: Confusion,
    /// Predictions of triggered images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered: Option<Confusion>,
}

/// Defence effectiveness rate (BackdoorBench, <https://arxiv.org/abs/2206.12654>):
/// `(max(0, dASR) - max(0, dACC) + 1) / 2`. `dASR` and `dACC` are the drops from victim to defended
/// model; both models are given as (ACC, ASR) in 0..1.
pub fn der(victim: (f64, f64), defended: (f64, f64)) -> f64 {
    let acc_drop = victim.0 - defended.0;
    let asr_drop = victim.1 - defended.1;
    (asr_drop.max(0.0) - acc_drop.max(0.0) + 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wilson_intervals_have_the_values_of_the_formula() {
        // The formula of `Rate::new`, computed in Python.
        for (k, n, low, high) in [
            (0, 10, 0.0, 0.277_532_799_862_889_2),
            (5, 10, 0.236_593_090_512_564, 0.763_406_909_487_436),
            (95, 100, 0.888_249_530_768_080_8, 0.978_456_320_845_631_9),
            (10, 10, 0.722_467_200_137_110_8, 1.0),
        ] {
            let rate = Rate::new(k, n);
            assert!((rate.ci95[0] - low).abs() < 1e-9, "{k} of {n}: {rate:?}");
            assert!((rate.ci95[1] - high).abs() < 1e-9, "{k} of {n}: {rate:?}");
        }
        assert_eq!(Rate::new(0, 0), Rate { value: 0.0, k: 0, n: 0, ci95: [0.0, 1.0] });
    }

    #[test]
    fn a_sound_table_is_square_and_countable() {
        let sound =
            |rows: &[&[u64]]| Confusion(rows.iter().map(|row| row.to_vec()).collect()).is_sound();
        assert!(sound(&[]) && sound(&[&[1, 2], &[3, 4]]));
        assert!(
            !sound(&[&[1, 2], &[3]]) && !sound(&[&[1], &[2]]) && !sound(&[&[u64::MAX, 1], &[0, 0]])
        );
    }

    #[test]
    fn rates_count_the_right_images() {
        let mut table = Confusion::new(3);
        for (label, predicted) in [(0, 0), (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 0), (2, 2)] {
            table.add(label, predicted);
        }
        assert_eq!(table.accuracy(), Rate::new(4, 8));
        assert_eq!(table.success(|_| 0), Rate::new(3, 5), "only images of other classes");
        assert_eq!(table.robust(|_| 0), Rate::new(2, 5));
        let next = |label| (label + 1) % 3;
        assert_eq!(table.success(next), Rate::new(3, 8), "all-target counts every image");
    }

    #[test]
    fn der_has_the_values_of_its_formula() {
        assert!((der((0.9, 1.0), (0.85, 0.1)) - 0.925).abs() < 1e-12);
        assert!((der((0.9, 0.1), (0.95, 0.2)) - 0.5).abs() < 1e-12, "a rise counts as no drop");
        assert!((der((0.9, 1.0), (0.1, 1.0)) - 0.1).abs() < 1e-12, "only accuracy is lost");
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_rate_and_lies_in_0_to_1(n in 1..100_000u64, share in 0.0..=1.0f64) {
            let k = (share * n as f64) as u64;
            let rate = Rate::new(k, n);
            let [low, high] = rate.ci95;
            prop_assert!(0.0 <= low && low <= rate.value + 1e-12);
            prop_assert!(rate.value <= high + 1e-12 && high <= 1.0);
        }

        #[test]
        fn der_lies_in_0_to_1(
            victim in (0.0..=1.0f64, 0.0..=1.0f64),
            defended in (0.0..=1.0f64, 0.0..=1.0f64),
        ) {
            prop_assert!((0.0..=1.0).contains(&der(victim, defended)));
        }
    }
}
