//! Finished models in the place where the page finds them.

use crate::files;
use crate::import::weights_of;
use crate::model_card::card;
use crate::table;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use unstamp_shared::Device;
use unstamp_shared::attacks::attack;
use unstamp_shared::manifest::{Manifest, ModelEntry, ModelRole};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Metadata, Precision};
use unstamp_shared::result::CellResult;
use unstamp_shared::seed::sha256;
use unstamp_shared::self_test::{IMAGES, SelfTestAnswers, answers};

/// Writes the f16 weights and the card of every cell of `runs`, and `manifest.json`, into `out`.
///
/// # Errors
/// A folder holds no results, two runs have a cell of the same name, or a model cannot be used.
pub fn publish(runs: &[&Path], out: &Path) -> Result<Manifest> {
    let mut manifest = Manifest { schema: 1, models: Vec::new() };
    for run in runs {
        for result in table::results(run)? {
            let entry = model(run, &result, out)
                .with_context(|| format!("{} cannot be published", result.cell))?;
            ensure!(
                manifest.models.iter().all(|m| m.id != entry.id),
                "two runs hold a cell called {}; publish them apart",
                entry.id
            );
            manifest.models.push(entry);
        }
    }
    files::write(&out.join("manifest.json"), &serde_json::to_vec(&manifest)?)?;
    Ok(manifest)
}

/// Writes the weights of one cell and describes them.
fn model(run: &Path, result: &CellResult, out: &Path) -> Result<ModelEntry> {
    let (arrays, metadata) = weights_of(&run.join(format!("{}.safetensors", result.cell)))?;
    let mut metadata = metadata.context("its weights have no metadata")?;
    ensure!(
        metadata.image_size.is_none(),
        "it was trained on images of another size than the page shows"
    );
    // The stored answers are those of the rounded weights, which the page loads.
    let rounded = weights::to_bytes(&arrays, Precision::F16, &metadata);
    let (rounded, _) = weights::from_bytes::<Metadata>(&rounded)?;
    let device = Device::flex();
    let arch = Arch {
        normalisation: metadata.normalisation,
        ..Arch::new(&result.arch, metadata.class_names.len())
    };
    let network = weights::frozen(&arch, &rounded, &device)?;
    metadata.probe = Some(short(pollster::block_on(answers(&network, IMAGES, &device))?));
    let bytes = weights::to_bytes(&arrays, Precision::F16, &metadata);
    let file = format!("{}.safetensors", result.cell);
    files::write(&out.join(&file), &bytes)?;
    let entry = entry(result, &metadata, file, &bytes);
    files::write(&out.join(card_file(&entry)), card(&entry, &metadata).as_bytes())?;
    Ok(entry)
}

/// The name of the card of a model, beside its weights.
pub fn card_file(entry: &ModelEntry) -> String {
    format!("{}.md", entry.id)
}

/// The line of a model in the manifest.
fn entry(result: &CellResult, metadata: &Metadata, file: String, bytes: &[u8]) -> ModelEntry {
    let attack =
        metadata.trigger.as_ref().and_then(|t| attack(&t.attack)).map(|a| a.method().title);
    let title = match (&result.erasure, attack) {
        (Some(erasure), _) => format!("after {}", erasure.id.replace('_', " ")),
        (None, Some(attack)) => format!("victim of {attack}"),
        (None, None) => "clean model".to_string(),
    };
    ModelEntry {
        id: result.cell.clone(),
        title,
        file,
        sha256: sha256(bytes),
        bytes: bytes.len(),
        arch: result.arch.clone(),
        dataset: result.dataset.clone(),
        class_names: metadata.class_names.clone(),
        role: metadata.role.clone().unwrap_or(ModelRole::Imported),
        trigger: metadata.trigger.clone(),
        data_seed: 0,
        recipe: result.recipe.clone(),
        recipe_hash: result.recipe_hash.clone(),
        report: result.report.clone(),
    }
}

/// Rounds logits to two decimals and features to three. Every visitor of a model transfers these
/// numbers, and the rounding is within a quarter of the self-test's tolerance.
fn short(answers: SelfTestAnswers) -> SelfTestAnswers {
    SelfTestAnswers {
        logits: round_all(answers.logits, 100.0),
        features: round_all(answers.features, 1000.0),
    }
}

/// Rounds every value to a multiple of `1 / unit`.
fn round_all(mut lists: Vec<Vec<f32>>, unit: f32) -> Vec<Vec<f32>> {
    for value in lists.iter_mut().flatten() {
        *value = (unit * *value).round() / unit;
    }
    lists
}
