//! The row of a model: its verdict, its prediction, its rates, its attention maps, and an erasure on it (`row.rs`,
//! `rates.rs`, `erase_panel.rs`).

use crate::messages::ErasureProgress;
use crate::verdict::Verdict;
use unstamp_shared::metrics::Rate;

/// Text on a row before the first prediction.
pub const LOADING_MODEL: &str = "loading the model";
/// Text on the row of a published model that cannot be used.
pub const REFUSED: &str = "cannot be used";
/// Text on a row before the first rates.
pub const MEASURING: &str = "measuring its rates";
/// Text on a row whose rates come from the list of models.
pub const STORED: &str = "stored rates; measured again on your device now";
/// Text in the place of the rates of a model that does not know the signs.
pub const OTHER_CLASSES: &str =
    "It knows other classes than the test images, so it has no rates here.";
/// Button on the row of a victim whose trigger is not on the image.
pub const USE_TRIGGER: &str = "put it back";
/// The sign on the button that opens a row.
pub const FOLD: &str = "details";

/// The name of the button that opens a row, for screen readers.
pub fn details_of(title: &str) -> String {
    format!("details of {title}")
}

/// What a model says about the image.
pub fn verdict(class: &str, verdict: Verdict) -> String {
    let end = match verdict {
        Verdict::Right => ": right",
        Verdict::Fooled => ": fooled",
        Verdict::Attacked => ": wrong, and the attacker's class without a trigger",
        Verdict::Wrong => ": wrong, but not the attacker's class",
        Verdict::Unknown => "",
    };
    format!("says {class}{end}")
}

/// The sentence on a victim whose own trigger is not on the image. `asr` is the rate of the one that is.
pub fn other_trigger(same_attack: bool, asr: Option<Rate>) -> String {
    let trained = match same_attack {
        true => "It was trained with this trigger in another form or place.",
        false => "It was trained with another attack.",
    };
    match asr {
        Some(asr) => format!("{trained} This one fires on {} of signs. ", percent(asr.value)),
        None => format!("{trained} "),
    }
}

/// Name of the menu of defences for screen readers.
pub const DEFENCE: &str = "defence";
/// Button that starts an erasure.
pub const ERASE: &str = "erase it here";
/// Name of the bar of progress for screen readers.
pub const ERASING: &str = "erasing";
/// Button that stops the erasure.
pub const STOP: &str = "stop";
/// Button that saves a model of the visitor as a file.
pub const SAVE_MODEL: &str = "save";

/// A share in 0..1 as percent.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// The interval and number of images of a rate, and the floor if it has one.
pub fn rate_details(rate: Rate, floor: Option<Rate>) -> String {
    let [low, high] = rate.ci95;
    let floor = floor.map_or(String::new(), |floor| format!(", floor {}", percent(floor.value)));
    format!("{}–{}, n = {}{floor}", percent(low), percent(high), rate.n)
}

/// The caption of an attention map.
pub fn map_caption(index: usize) -> String {
    format!("layer group {}", index + 1)
}

/// The description of an attention map for screen readers.
pub fn map_label(index: usize) -> String {
    format!("attention of layer group {}", index + 1)
}

/// The help of [`ERASE`].
pub fn erase_help(clean_images: usize) -> String {
    format!("uses {clean_images} clean images and your processor; takes about a minute")
}

/// The title of the model that an erasure makes, while it runs and at its end.
pub fn erased_model(defence: &str, progress: &ErasureProgress) -> String {
    match progress.finished {
        true => format!("{defence}, erased here"),
        false => format!("{defence}, epoch {}", progress.epoch + 1),
    }
}

/// The title of the model that a stopped erasure leaves.
pub fn stopped_erasure(defence: &str, epoch: usize) -> String {
    format!("{defence}, stopped in epoch {}", epoch + 1)
}

/// The name of the file that [`SAVE_MODEL`] writes.
pub fn model_file(title: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("{}.safetensors", title.chars().map(plain).collect::<String>())
}

/// How long an erasure still takes.
pub fn seconds_left(seconds: f64) -> String {
    match seconds {
        s if s < 1.5 => "about a second left".to_string(),
        s if s < 90.0 => format!("about {s:.0} seconds left"),
        s => format!("about {:.0} minutes left", s / 60.0),
    }
}

/// The progress of an erasure.
pub fn erasure(progress: &ErasureProgress) -> String {
    match progress.total {
        0 => "loading the training program".to_string(),
        _ => format!("{} epoch {}, loss {:.3}", progress.phase, progress.epoch + 1, progress.loss),
    }
}

/// The terms of the loss over the last epoch.
pub fn losses(progress: &ErasureProgress) -> String {
    let losses = progress.losses.iter();
    let losses = losses.map(|(name, value)| format!("{} {value:.3}", name.replace('_', " ")));
    losses.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_one_decimal() {
        for (share, text) in
            [(0.0, "0.0%"), (1.0, "100.0%"), (0.12345, "12.3%"), (0.9996, "100.0%")]
        {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn a_rate_tells_its_interval_its_images_and_its_floor() {
        let rate = Rate { value: 0.5, k: 5, n: 10, ci95: [0.25, 0.75] };
        assert_eq!(rate_details(rate, None), "25.0%–75.0%, n = 10");
        let floor = Rate { value: 0.125, ..rate };
        assert_eq!(rate_details(rate, Some(floor)), "25.0%–75.0%, n = 10, floor 12.5%");
    }

    #[test]
    fn a_verdict_is_a_sentence() {
        for (verdict_of, text) in [
            (Verdict::Right, "says stop: right"),
            (Verdict::Fooled, "says stop: fooled"),
            (Verdict::Wrong, "says stop: wrong, but not the attacker's class"),
            (Verdict::Unknown, "says stop"),
        ] {
            assert_eq!(verdict("stop", verdict_of), text);
        }
    }

    #[test]
    fn a_moved_trigger_tells_how_often_it_fires() {
        let rate = Rate { value: 0.125, k: 1, n: 8, ci95: [0.0, 0.5] };
        let moved = "It was trained with this trigger in another form or place. ";
        assert_eq!(other_trigger(true, None), moved);
        let fires = format!("{moved}This one fires on 12.5% of signs. ");
        assert_eq!(other_trigger(true, Some(rate)), fires);
    }

    #[test]
    fn a_model_that_was_erased_here_says_how() {
        let mut progress = ErasureProgress { epoch: 2, ..ErasureProgress::default() };
        assert_eq!(erased_model("NAD", &progress), "NAD, epoch 3");
        progress.finished = true;
        assert_eq!(erased_model("NAD", &progress), "NAD, erased here");
        assert_eq!(stopped_erasure("NAD", 2), "NAD, stopped in epoch 3");
        assert_eq!(model_file("NAD, erased here"), "nad--erased-here.safetensors");
    }

    #[test]
    fn the_rest_of_an_erasure_is_rounded() {
        let texts = [0.4, 12.3, 200.0].map(seconds_left);
        assert_eq!(texts, ["about a second left", "about 12 seconds left", "about 3 minutes left"]);
    }

    #[test]
    fn layer_groups_are_counted_from_1() {
        assert_eq!(map_caption(0), "layer group 1");
        assert_eq!(map_label(2), "attention of layer group 3");
    }

    #[test]
    fn an_erasure_tells_phase_epoch_and_losses() {
        let waiting = ErasureProgress::default();
        assert_eq!(erasure(&waiting), "loading the training program");
        assert_eq!(losses(&waiting), "");
        let terms = [("cross_entropy", 0.25), ("group_1", 2.0)];
        let running = ErasureProgress {
            total: 9,
            phase: "distil".to_string(),
            epoch: 1,
            loss: 0.12345,
            losses: terms.map(|(name, value)| (name.to_string(), value)).into(),
            ..waiting
        };
        assert_eq!(erasure(&running), "distil epoch 2, loss 0.123");
        assert_eq!(losses(&running), "cross entropy 0.250, group 1 2.000");
    }
}
