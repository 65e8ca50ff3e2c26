//! Facts about the model in a result of [BackdoorBench](https://github.com/SCLBD/BackdoorBench).

use super::pickle::Object;
use unstamp_shared::datasets::cifar10;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::model::{Arch, FAMILIES};

/// Facts about the model in a result of [BackdoorBench](https://github.com/SCLBD/BackdoorBench).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Our name of its network (`model_name`).
    pub arch: Option<String>,
    /// Number of classes.
    pub num_classes: Option<usize>,
    /// Name of its data set (`clean_data`).
    pub dataset: Option<String>,
}

/// Mean and deviation of the channels of CIFAR-10
/// ([`get_dataset_normalization`](https://github.com/SCLBD/BackdoorBench/blob/main/utils/aggregate_block/dataset_and_transform_generate.py)).
/// BackdoorBench's networks read images of GTSRB in 0..1. Its other data sets do not exist here.
const NORMALISATION: [[f32; 3]; 2] = [[0.4914, 0.4822, 0.4465], [0.247, 0.243, 0.261]];

impl Origin {
    /// The facts in the dictionary of a result. `arrays` are the weights in it.
    pub(super) fn new(object: &Object, arrays: &Arrays) -> Self {
        let text = |key: &str| object.get(key).and_then(|value| value.text());
        let count = object.get("num_classes").and_then(|value| value.int());
        Self {
            arch: text("model_name").and_then(|name| arch(&name, arrays)),
            num_classes: count.and_then(|count| usize::try_from(count).ok()),
            dataset: text("clean_data"),
        }
    }

    /// Mean and deviation with which BackdoorBench trains networks on this data set. `None` where its
    /// networks read images in 0..1, and for a file of another program.
    ///
    /// Every result of BackdoorBench names its network and the number of classes, but only that of an
    /// attack names the data set.
    pub fn normalisation(&self, dataset: &str) -> Option<[[f32; 3]; 2]> {
        let is_result = self.arch.is_some() && self.num_classes.is_some();
        (is_result && dataset == cifar10::INFO.id).then_some(NORMALISATION)
    }
}

/// Our name of a network of BackdoorBench with these weights.
fn arch(name: &str, arrays: &Arrays) -> Option<String> {
    let family = FAMILIES.iter().find(|family| family.backdoorbench_name() == Some(name))?;
    let usual = *family.examples().first()?;
    let description = Arch::new(usual, 2).describe().ok()?;
    let first = description.parameters().into_iter().next()?;
    let width = arrays.get(&first.name)?.shape.first()?;
    let usual_width = first.shape.first()?;
    Some(if width == usual_width { usual.to_string() } else { format!("{usual}-{width}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_belong_to_results_on_their_data_set() {
        let result = Origin {
            arch: Some("preact-resnet18".to_string()),
            num_classes: Some(10),
            dataset: None,
        };
        let [mean, std] = result.normalisation("cifar10").expect("normalised");
        assert_eq!(mean, [0.4914, 0.4822, 0.4465]);
        assert_eq!(std, [0.247, 0.243, 0.261]);
        assert_eq!(result.normalisation("gtsrb"), None);
        assert_eq!(Origin::default().normalisation("cifar10"), None);
    }
}
