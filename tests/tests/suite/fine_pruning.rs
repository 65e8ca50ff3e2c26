//! Fine-pruning: what is pruned, what chooses the number of channels, and what is tuned afterwards.

use burn::tensor::Device;
use unstamp_shared::evaluate::accuracy;
use unstamp_shared::job::Job;
use unstamp_shared::model::weights::Arrays;
use unstamp_tests::defend::{arch, defended, thousand};

#[test]
fn pruned_channels_stay_zero_with_their_normalisation() {
    let (split, fresh) = thousand();
    for (set, rule) in [("rule=ratio", "ratio"), ("rule=drop", "drop"), ("rule=match", "match")] {
        let set = [set, "epochs=1", "ratio=0.25", "prune=channel", "tune_scale=1"];
        let job = defended("fine_prune", &set, fresh.clone(), split.clone());
        let result = job.result().expect("ended");
        let zero_channels = result["bn1.weight"].values.iter().filter(|v| **v == 0.0).count();
        assert_eq!(Some(zero_channels as f64), pruning(&job, "pruned_channels"), "{rule}");
        assert_eq!(zero_kernels(result), zero_channels, "{rule}: tuning changed pruned kernels");
        if rule == "ratio" {
            assert_eq!(zero_channels, 16);
        }
    }
}

/// The measurement of this name that the edit of fine-pruning made.
fn pruning(job: &Job, name: &str) -> Option<f64> {
    job.measurements().iter().find(|m| m.phase == "prune" && m.name == name).map(|m| m.value)
}

/// Channels of the last convolution whose kernel is 0.
fn zero_kernels(weights: &Arrays) -> usize {
    let kernels = weights["block3.layer.0.conv2.weight"].values.chunks_exact(64 * 9);
    kernels.filter(|kernel| kernel.iter().all(|w| *w == 0.0)).count()
}

#[test]
fn pruning_is_chosen_on_validation_images_and_tuned_on_all() {
    let (split, fresh) = thousand();
    let validation = split.subset(&(800..1000).collect::<Vec<_>>());
    for prune in ["prune=convolution", "prune=channel"] {
        for (set, before) in [("rule=ratio", 0), ("rule=drop", 0), ("rule=match", 2 * 13)] {
            let set = [set, "epochs=1", "ratio=0.25", "tune_scale=0.5", prune];
            let job = defended("fine_prune", &set, fresh.clone(), split.clone());
            let pruned = &job.outputs()[job.outputs().len() - 2].weights;
            assert_eq!(Some(zero_kernels(pruned) as f64), pruning(&job, "pruned_channels"));
            assert_eq!(job.validation() == 0, pruning(&job, "validation_accuracy").is_none());
            // NAD's steps on 800 images, the edit, the tuning's on 1,000.
            assert_eq!(job.progress().1, before + 1 + 16, "{set:?}");
            assert_eq!(job.history().last().expect("tuned").lr, 0.05, "{set:?}");
            // The recorded accuracy is that of the pruned network on the validation images.
            if let Some(recorded) = pruning(&job, "validation_accuracy") {
                let arch = arch();
                let device = Device::flex();
                let found = pollster::block_on(accuracy(&arch, pruned, &validation, &device));
                let found = found.expect("it computes");
                assert_eq!(found.value, recorded, "{set:?}");
            }
            // NAD, which the paper's rule runs first, does not teach what is pruned.
            assert!(job.teacher().is_none(), "{set:?}");
        }
    }
    let set = ["rule=ratio", "epochs=1", "tune_scale=0"];
    let job = defended("fine_prune", &set, fresh, split);
    assert_eq!((job.outputs().len(), job.history().len()), (1, 0), "nothing is tuned");
}
