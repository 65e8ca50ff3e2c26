//! Rates from counts, and what an evaluation counts.

use serde::{Deserialize, Serialize};

/// A rate with its sample size and 95 % Wilson interval, all as fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// `k / n`; 0 where `n` is 0.
    pub value: f64,
    pub k: u64,
    pub n: u64,
    /// Wilson score interval.
    pub ci95: [f64; 2],
}

impl Rate {
    /// `k` successes of `n`. Interval: Wilson (1927), z = 1.959964:
    /// `(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`.
    pub fn new(k: u64, n: u64) -> Self {
        if n == 0 {
            return Self { value: 0.0, k, n, ci95: [0.0, 1.0] };
        }
        let (z, m) = (1.959_963_984_540_054_f64, n as f64);
        let p = k as f64 / m;
        let centre = p + z * z / (2.0 * m);
        let half = z * (p * (1.0 - p) / m + z * z / (4.0 * m * m)).sqrt();
        let scale = 1.0 + z * z / m;
        let ci95 = [((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0)];
        Self { value: p, k, n, ci95 }
    }
}

/// Square table of counts: row = true class, column = predicted class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion(pub Vec<Vec<u64>>);

impl Confusion {
    pub fn new(classes: usize) -> Self {
        Self(vec![vec![0; classes]; classes])
    }

    pub fn add(&mut self, label: usize, predicted: usize) {
        self.0[label][predicted] += 1;
    }

    fn rate(&self, counts: impl Fn(usize) -> bool, hit: impl Fn(usize) -> usize) -> Rate {
        let rows = self.0.iter().enumerate().filter(|(label, _)| counts(*label));
        let (k, n) = rows.fold((0, 0), |(k, n), (label, row)| {
            (k + row[hit(label)], n + row.iter().sum::<u64>())
        });
        Rate::new(k, n)
    }

    /// Share of images predicted as their true label.
    pub fn accuracy(&self) -> Rate {
        self.rate(|_| true, |label| label)
    }

    /// Share of images whose true label is not what the attack wants, predicted as what it wants.
    pub fn success(&self, wanted: impl Fn(usize) -> usize) -> Rate {
        self.rate(|label| wanted(label) != label, &wanted)
    }

    /// Share of the same images given their true label.
    pub fn robust(&self, wanted: impl Fn(usize) -> usize) -> Rate {
        self.rate(|label| wanted(label) != label, |label| label)
    }
}

/// What a model does on a test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Clean accuracy, over the whole test set.
    pub acc: Rate,
    /// Attack success rate: triggered images whose true label is not the wanted one, predicted so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asr: Option<Rate>,
    /// Robust accuracy: the same images given their true label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ra: Option<Rate>,
    /// The same images without trigger, predicted as the wanted label: what ASR is without any backdoor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Rate>,
    /// Clean images; row = true class, column = predicted.
    pub confusion: Confusion,
    /// Triggered images, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered: Option<Confusion>,
}

/// Defence effectiveness rate (BackdoorBench): `(max(0, dASR) - max(0, dACC) + 1) / 2`, where
/// `dASR` and `dACC` are the drops from victim to defended model.
pub fn der(victim: (f64, f64), defended: (f64, f64)) -> f64 {
    let (acc, asr) = (victim.0 - defended.0, victim.1 - defended.1);
    (asr.max(0.0) - acc.max(0.0) + 1.0) / 2.0
}
