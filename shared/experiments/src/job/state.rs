//! Where a job stands, as bytes and back.

use super::{Ended, Epoch, Job, JobError, sgd};
use serde::{Deserialize, Serialize};
use unstamp_networks::model::weights::{self, Array, Arrays, Precision};

/// Where a job stands; with the arrays of [`Job::save`] it is the whole state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    key: String,
    pub(super) phase: usize,
    pub(super) epoch: usize,
    pub(super) step: usize,
    /// Sums over the running epoch: name, sum of loss times images.
    pub(super) sums: Vec<(String, f64)>,
    pub(super) images: usize,
    pub(super) history: Vec<Epoch>,
    pub(super) passes: u64,
    /// Of the running phase: most validation images classified rightly, and in which epoch.
    pub(super) best: Option<(u64, usize)>,
}

impl Place {
    pub(super) fn new(key: String) -> Self {
        let (sums, history) = (Vec::new(), Vec::new());
        Self { key, phase: 0, epoch: 0, step: 0, sums, images: 0, history, passes: 0, best: None }
    }

    /// Whether `right` images are more than after any epoch before; remembers it.
    pub(super) fn improves(&mut self, right: u64) -> bool {
        let better = self.best.is_none_or(|(best, _)| right > best);
        if better {
            self.best = Some((right, self.epoch));
        }
        better
    }

    /// Whether the last `patience` epochs brought nothing.
    pub(super) fn settled(&self, patience: Option<usize>) -> bool {
        match (patience, self.best) {
            (Some(patience), Some((_, at))) => self.step == 0 && self.epoch > at + patience,
            _ => false,
        }
    }
}

impl Job {
    /// The whole state as bytes.
    pub async fn save(&self) -> Result<Vec<u8>, JobError> {
        let mut all = Arrays::new();
        let mut put = |prefix: &str, arrays: &Arrays| {
            all.extend(arrays.iter().map(|(k, v)| (format!("{prefix}/{k}"), v.clone())));
        };
        for (i, ended) in self.ended.iter().enumerate() {
            put(&format!("ended{i}"), &ended.weights);
            put(&format!("ended{i}.own"), &ended.own);
        }
        if let Some(running) = &self.running {
            put("student", &weights::arrays(&running.student).await?);
            if let Some(best) = &running.best {
                put("best", best);
            }
            if let Some(beside) = &running.beside {
                put("own", &beside.arrays().await?);
                put("moments", &beside.moments().await?);
            }
            let (names, tensors): (Vec<_>, Vec<_>) =
                running.momentum.named(&running.student).into_iter().unzip();
            for (name, values) in names.into_iter().zip(weights::read(tensors).await?) {
                let array = Array { shape: vec![values.len()], values };
                all.insert(format!("momentum/{name}"), array);
            }
        }
        Ok(weights::to_bytes(&all, Precision::F32, &self.place))
    }

    /// Takes up a state saved by a job made with the same arguments.
    pub async fn restore(&mut self, bytes: &[u8]) -> Result<(), JobError> {
        let other = |what: &str| JobError::Checkpoint(what.to_string());
        let (all, place) = weights::from_bytes::<Place>(bytes)?;
        let place = place.ok_or_else(|| other("it has no head"))?;
        if place.key != self.place.key {
            return Err(other("its settings differ"));
        }
        let part = |prefix: &str| -> Arrays {
            let strip = |k: &String| k.strip_prefix(prefix)?.strip_prefix('/').map(str::to_string);
            all.iter().filter_map(|(k, v)| Some((strip(k)?, v.clone()))).collect()
        };
        let ended =
            |i| Ended { weights: part(&format!("ended{i}")), own: part(&format!("ended{i}.own")) };
        self.ended = (0..place.phase).map(ended).collect();
        self.place = place;
        self.order.clear();
        self.running = None;
        let student = part("student");
        if let (Some(phase), false) = (self.phases.get(self.place.phase), student.is_empty()) {
            let mut running = self.begin(phase).await?;
            let (arch, device) = (self.arch(&phase.student), self.device.clone().autodiff());
            running.student = weights::network(&arch, &student, &device)?;
            running.momentum =
                sgd::Momentum::from_arrays(&running.student, &part("momentum"), &self.device)
                    .ok_or_else(|| other("its momentum has another size"))?;
            if let Some(beside) = &mut running.beside {
                beside
                    .restore(&part("own"), &part("moments"), &self.device)
                    .ok_or_else(|| other("its lesson's parameters have another size"))?;
            }
            running.best = Some(part("best")).filter(|best| !best.is_empty());
            self.running = Some(running);
        }
        Ok(())
    }
}
