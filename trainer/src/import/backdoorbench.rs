//! Facts about the model in a result of [BackdoorBench](https://github.com/SCLBD/BackdoorBench).

use super::pickle::Object;
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

/// Mean and deviation of the channels for every data set whose images BackdoorBench normalises
/// ([`get_dataset_normalization`](https://github.com/SCLBD/BackdoorBench/blob/main/utils/aggregate_block/dataset_and_transform_generate.py)).
/// Its networks read images of GTSRB and CelebA in 0..1.
const NORMALISATION: [(&str, [[f32; 3]; 2]); 4] = [
    ("cifar10", [[0.4914, 0.4822, 0.4465], [0.247, 0.243, 0.261]]),
    ("cifar100", [[0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762]]),
    ("tiny", [[0.4802, 0.4481, 0.3975], [0.2302, 0.2265, 0.2262]]),
    ("imagenet", [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]),
];

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

    /// Mean and deviation with which BackdoorBench trained the network: those of its data set, or of
    /// `dataset` if the file names none. `None` where its networks read images in 0..1, and for a file of
    /// another program.
    ///
    /// Every result of BackdoorBench names its network and the number of classes, but only that of an
    /// attack names the data set.
    pub fn normalisation(&self, dataset: &str) -> Option<[[f32; 3]; 2]> {
        let is_result = self.arch.is_some() && self.num_classes.is_some();
        let dataset = self.dataset.as_deref().unwrap_or(dataset);
        let known = NORMALISATION.iter().find(|(id, _)| *id == dataset && is_result);
        known.map(|(_, constants)| *constants)
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
        let of_tiny = Origin { dataset: Some("tiny".to_string()), ..result };
        let [mean, _] = of_tiny.normalisation("folder").expect("that of the file's data set");
        assert_eq!(mean, [0.4802, 0.4481, 0.3975]);
        assert_eq!(Origin::default().normalisation("cifar10"), None);
    }
}
