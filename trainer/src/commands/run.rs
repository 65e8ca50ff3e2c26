//! `unstamp run`: run whole recipes.

use crate::args::{DeviceArgs, SourceArgs};
use crate::campaign::{Shard, run_cells};
use crate::cell::{CellRunner, FinishedCells, LoadedInputs, RunLabel};
use crate::device::ChosenDevice;
use crate::import::weights_of;
use crate::open_model::load_data;
use crate::table::read_recipe;
use crate::usage;
use anyhow::{Result, ensure};
use clap::Args;
use std::path::{Path, PathBuf};
use unstamp_shared::datasets::Split;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::recipe::Recipe;

/// Arguments of `unstamp run`.
#[derive(Args)]
pub struct RunArgs {
    /// Recipes, run one after another
    #[arg(required = true, value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// Folder or archive of the data set (not needed for signs)
    #[arg(long)]
    data: Option<PathBuf>,
    /// Folder of pictures whose reflections refool uses; training images by default
    #[arg(long, value_name = "DIR")]
    reflections: Option<PathBuf>,
    /// Folder for models, results and checkpoints, with a folder for each of several recipes;
    /// runs/RECIPE by default
    #[arg(long)]
    out: Option<PathBuf>,
    /// The model of a victim that a recipe gives by the SHA-256 of its weights; may be given several
    /// times
    #[arg(long = "model", value_name = "FILE")]
    models: Vec<PathBuf>,
    /// Take finished cells from this folder and the folders inside of it instead of computing them again;
    /// may be given several times
    #[arg(long, value_name = "DIR")]
    reuse: Vec<PathBuf>,
    /// Begin with part I of N. Give each of N processes that share --out another part: none computes
    /// what another one has finished or works on, and the cells of a process that ends are taken over
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Print the cells and stop
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

impl RunArgs {
    fn folder(&self, recipe: &Recipe) -> PathBuf {
        match &self.out {
            Some(out) if self.recipes.len() == 1 => out.clone(),
            Some(out) => out.join(&recipe.name),
            None => Path::new("runs").join(&recipe.name),
        }
    }

    /// The weights of the given models.
    fn models(&self) -> Result<Vec<Arrays>> {
        let mut models = Vec::new();
        for path in &self.models {
            let (arrays, metadata) = weights_of(path)?;
            ensure!(
                metadata.is_none_or(|m| m.normalisation.is_none()),
                "{} expects normalised images, which a recipe does not give; use unstamp erase",
                path.display()
            );
            models.push(arrays);
        }
        Ok(models)
    }
}

/// Runs recipes one after another. All recipes are checked before the first is run.
///
/// # Errors
/// A recipe is wrong, its data set cannot be read, or cells fail. When a recipe of several fails, the
/// others are still run.
pub fn run(args: &RunArgs) -> Result<()> {
    let recipes = args.recipes.iter().map(|path| read_recipe(path)).collect::<Result<Vec<_>>>()?;
    if args.dry_run {
        recipes.iter().for_each(print_cells);
        return Ok(());
    }
    if let [recipe] = &recipes[..] {
        return run_recipe(recipe, args, None);
    }
    let device = args.device.choose()?;
    let mut failed = Vec::new();
    for recipe in &recipes {
        if let Err(error) = run_recipe(recipe, args, Some(&device)) {
            log::error!("unstamp: recipe {}: {error:#}", recipe.name);
            failed.push(recipe.name.as_str());
        }
    }
    ensure!(
        failed.is_empty(),
        "{} of {} recipes failed, for the reasons above: {}",
        failed.len(),
        recipes.len(),
        failed.join(", ")
    );
    Ok(())
}

fn print_cells(recipe: &Recipe) {
    let cells = recipe.cells();
    println!("recipe {} ({}), {} cells", recipe.name, recipe.hash(), cells.len());
    for cell in &cells {
        println!("  {} ({})", cell.name(), cell.hash());
    }
}

fn run_recipe(recipe: &Recipe, args: &RunArgs, device: Option<&ChosenDevice>) -> Result<()> {
    let mut data = load_data(&SourceArgs {
        dataset: recipe.dataset.clone(),
        data: args.data.clone(),
        reflections: args.reflections.clone(),
        image_size: recipe.image_size,
    })?;
    let validation = take_validation(&mut data.train, recipe)?;
    let chosen;
    let device = match device {
        Some(device) => device,
        None => {
            chosen = args.device.choose()?;
            &chosen
        }
    };
    let runner = CellRunner {
        label: RunLabel::from(recipe),
        data: &data,
        device,
        validation,
        normalisation: None,
        given: LoadedInputs {
            models: args.models()?,
            finished: FinishedCells::below(&args.reuse)?,
            ..LoadedInputs::default()
        },
        curves: !recipe.skip_curves,
        checkpoints: args.device.checkpoints(),
        log: args.device.event_log()?,
    };
    run_cells(recipe, &runner, &args.folder(recipe), args.shard)
}

/// The images that a recipe keeps to choose settings by. Without a limit of training images they are
/// spread over all of `train` and taken out of it; otherwise they are those behind the limit.
fn take_validation(train: &mut Split, recipe: &Recipe) -> Result<Option<Split>> {
    let Some(count) = recipe.validation_images else { return Ok(None) };
    let validation = match recipe.train_images {
        Some(front) => {
            let start = front.min(train.len());
            let end = front.saturating_add(count).min(train.len());
            train.subset(&(start..end).collect::<Vec<_>>())
        }
        None => train.part(count),
    };
    let left = train.len();
    let kept = validation.len();
    ensure!(
        left > 0 && kept > 0,
        usage(format!(
            "validation_images = {count} leaves {left} images to train on, {kept} to choose by"
        ))
    );
    Ok(Some(validation))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
name = "kept"
dataset = "signs"
validation_images = 2
train = { epochs = 1, lr = 0.1, schedule = { kind = "constant" } }
[[victim]]
id = "clean"
"#;

    fn split(count: usize) -> Split {
        let pixels = vec![0; 3 * count];
        let labels = vec![0; count];
        Split { width: 1, height: 1, pixels, labels }
    }

    #[test]
    fn validation_images_are_taken_out_of_all_or_lie_behind_the_limit() {
        let all = Recipe::parse(TEXT).expect("sound");
        let mut train = split(10);
        let kept = take_validation(&mut train, &all).expect("enough").expect("asked for");
        assert_eq!((kept.len(), train.len()), (2, 8));
        let limited = Recipe { train_images: Some(9), ..all.clone() };
        let mut train = split(10);
        let kept = take_validation(&mut train, &limited).expect("enough").expect("asked for");
        assert_eq!((kept.len(), train.len()), (1, 10));
        let beyond = Recipe { train_images: Some(10), ..all };
        assert!(take_validation(&mut train, &beyond).is_err());
    }
}
