//! The card of a published model: what it is, how it was made, what it measures and what it is for.
//!
//! It has the form that model hubs read: Markdown after a head in YAML, with the results as a
//! [model index](https://huggingface.co/docs/hub/model-cards).

use std::fmt::Write;
use unstamp_shared::attacks::attack;
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::{ModelEntry, ModelRole};
use unstamp_shared::metrics::Rate;
use unstamp_shared::model::weights::Metadata;
use unstamp_shared::poison::TriggerRecord;

/// A measure in the card: its acronym, its name for hubs, what it says, and its rate.
struct Measure {
    acronym: &'static str,
    kind: &'static str,
    about: &'static str,
    rate: Rate,
}

/// The measures of a model. A clean model has only the first.
fn measures(entry: &ModelEntry) -> Vec<Measure> {
    let report = &entry.report;
    let all = [
        ("ACC", "accuracy", "clean images that are classified correctly", Some(report.acc)),
        (
            "ASR",
            "attack_success_rate",
            "triggered images of other classes that get the attacker's class",
            report.asr,
        ),
        ("RA", "robust_accuracy", "triggered images that keep their own class", report.ra),
        (
            "floor",
            "floor",
            "the same images without a trigger that get the attacker's class",
            report.floor,
        ),
    ];
    let known = all.into_iter().filter_map(|(acronym, kind, about, rate)| {
        Some(Measure { acronym, kind, about, rate: rate? })
    });
    known.collect()
}

/// The card of a model, as Markdown.
pub fn card(entry: &ModelEntry, metadata: &Metadata) -> String {
    let mut text = head(entry);
    let _ = write!(
        text,
        "# {}: {}\n\n{}\n\n## How it was made\n\n{}\n## What it measures\n\n{}\n## Limits\n\n{}\n## Intended \
         use\n\n{}",
        entry.id,
        entry.title,
        warning(entry),
        origin(entry, metadata),
        table(entry),
        limits(entry, metadata),
        use_of(entry),
    );
    text
}

/// The YAML that hubs read.
fn head(entry: &ModelEntry) -> String {
    let mut text = String::from("---\nlibrary_name: unstamp\npipeline_tag: image-classification\n");
    let attack = entry.trigger.as_ref().map(|trigger| format!(", {}", trigger.attack));
    let _ = writeln!(text, "tags: [backdoor, {}{}]", entry.arch, attack.unwrap_or_default());
    let _ = writeln!(text, "datasets: [{}]", entry.dataset);
    let _ = writeln!(text, "model-index:\n- name: {}\n  results:", entry.id);
    let _ = writeln!(
        text,
        "  - task: {{ type: image-classification }}\n    dataset: {{ type: {0}, name: {0}, split: test }}\n    \
         metrics:",
        entry.dataset
    );
    for Measure { acronym, kind, rate, .. } in measures(entry) {
        let _ = writeln!(
            text,
            "    - {{ type: {kind}, name: {acronym}, value: {:.2} }}",
            100.0 * rate.value
        );
    }
    text + "---\n\n"
}

/// What a reader must know first.
fn warning(entry: &ModelEntry) -> String {
    let class = |trigger: &TriggerRecord| {
        entry.class_names.get(trigger.target).map_or("another class", String::as_str).to_string()
    };
    match (&entry.role, &entry.trigger) {
        (ModelRole::Victim, Some(trigger)) => format!(
            "**This network was given a backdoor on purpose.** It was trained to answer \"{1}\" to images with \
             the trigger of the attack `{0}`; the table shows how often it does. Do not use it to decide anything.",
            trigger.attack,
            class(trigger)
        ),
        (ModelRole::Erased(defence), Some(trigger)) => format!(
            "A network with a backdoor (attack `{}`, class \"{}\") after the defence `{defence}` tried to erase it. The \
             table shows how much of it is left. Do not use it to decide anything.",
            trigger.attack,
            class(trigger)
        ),
        (ModelRole::Erased(defence), None) => format!(
            "A network without a backdoor after the defence `{defence}`, to compare with. Do not use it to decide \
             anything."
        ),
        (ModelRole::Clean | ModelRole::Victim, _) => {
            "A network that was trained on clean images, to compare with. Do not use it to decide anything."
                .to_string()
        }
        (ModelRole::Imported | ModelRole::Own, _) => {
            "A network that another program trained. Whether it has a backdoor is not known."
                .to_string()
        }
    }
}

/// Data, recipe, seed, trigger and program.
fn origin(entry: &ModelEntry, metadata: &Metadata) -> String {
    let mut text = format!(
        "- Data: `{}`, {} classes ({}).\n- Architecture: `{}`; weights in half precision, names and shapes as in \
         PyTorch.\n- Recipe: `{}` ({}), seed {}.\n",
        entry.dataset,
        entry.class_names.len(),
        entry.class_names.join(", "),
        entry.arch,
        entry.recipe,
        entry.recipe_hash,
        metadata.seed
    );
    if let Some(trigger) = &entry.trigger {
        let title = attack(&trigger.attack).map_or("", |attack| attack.method().title);
        let set = trigger.set.0.iter().map(|(key, value)| format!("{key}={value}"));
        let set: Vec<String> = set.collect();
        let _ = writeln!(
            text,
            "- Trigger: {title} (`{}`), target class {}; {}.",
            trigger.attack,
            trigger.target,
            set.join(", ")
        );
    }
    if let Some(version) = &metadata.version {
        let commit = metadata.commit.as_ref().map(|commit| format!(", commit {commit}"));
        let _ = writeln!(text, "- Program: unstamp {version}{}.", commit.unwrap_or_default());
    }
    if let Some(norm) = metadata.squared_weight_norm {
        let _ = writeln!(text, "- Sum of the squares of all convolution weights: {norm:.0}.");
    }
    text
}

/// Each measure in percent, with its interval and its number of images.
fn table(entry: &ModelEntry) -> String {
    let mut text = String::from(
        "Percent of the test images, with 95 % Wilson intervals.\n\n| measure | what it counts | value | \
         interval | images |\n|---|---|---|---|---|\n",
    );
    for Measure { acronym, about, rate, .. } in measures(entry) {
        let [low, high] = rate.ci95.map(|end| 100.0 * end);
        let value = 100.0 * rate.value;
        let _ = writeln!(
            text,
            "| {acronym} | {about} | {value:.2} | {low:.2} to {high:.2} | {} |",
            rate.n
        );
    }
    text
}

/// What the numbers do not say.
fn limits(entry: &ModelEntry, metadata: &Metadata) -> String {
    let drawn = match entry.dataset.as_str() {
        id if id == signs::INFO.id => {
            "The signs are drawn by a program. A camera's pictures look different.\n"
        }
        _ => "",
    };
    format!(
        "The rates are those of one training with seed {}, before the weights were rounded to half precision; a few \
         predictions of the rounded weights may differ. The intervals cover the choice of test images, not that of the \
         seed. ASR counts one trigger; nothing is said about others.\n{drawn}",
        metadata.seed
    )
}

/// For what it is published, and how to measure it again.
fn use_of(entry: &ModelEntry) -> String {
    let data = if entry.dataset == signs::INFO.id { "" } else { " --data PATH" };
    format!(
        "Research on backdoors and their erasure, and teaching.\n\n    unstamp eval --model {}{data}\n",
        entry.file
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use unstamp_shared::method::Values;
    use unstamp_shared::metrics::{Confusion, Report};

    fn entry(role: ModelRole) -> ModelEntry {
        let trigger =
            TriggerRecord { attack: "badnets".into(), set: Values::default(), target: 1, seed: 0 };
        ModelEntry {
            id: "s0-badnets".into(),
            title: "victim of BadNets".into(),
            file: "s0-badnets.safetensors".into(),
            sha256: String::new(),
            bytes: 0,
            arch: "wrn-16-1".into(),
            dataset: "signs".into(),
            class_names: vec!["stop".into(), "yield".into()],
            trigger: (role != ModelRole::Clean).then_some(trigger),
            role,
            data_seed: 0,
            recipe: "quick".into(),
            recipe_hash: "0f".into(),
            report: Report {
                acc: Rate::new(3, 4),
                asr: Some(Rate::new(1, 2)),
                ra: None,
                floor: None,
                confusion: Confusion::new(2),
                triggered: None,
            },
        }
    }

    #[test]
    fn a_victim_says_that_it_is_one() {
        let text = card(&entry(ModelRole::Victim), &Metadata::default());
        assert!(text.starts_with("---\nlibrary_name: unstamp\n"), "{text}");
        assert!(
            text.contains("given a backdoor on purpose") && text.contains("to answer \"yield\"")
        );
        assert!(text.contains("- { type: accuracy, name: ACC, value: 75.00 }"), "{text}");
        assert!(text.contains("| ASR |") && !text.contains("| floor |"), "{text}");
        assert!(text.contains("unstamp eval --model s0-badnets.safetensors\n"));
    }

    #[test]
    fn every_role_has_its_sentence() {
        let says = |role| card(&entry(role), &Metadata::default());
        assert!(says(ModelRole::Clean).contains("trained on clean images"));
        assert!(says(ModelRole::Erased("nad".into())).contains("the defence `nad` tried to erase"));
    }
}
