//! Documents agree with the files and lists: recipes, results, the README's tables and links of papers.

use std::path::PathBuf;
use unstamp_shared::attacks::ATTACKS;
use unstamp_shared::craft::CRAFTS;
use unstamp_shared::datasets::DATASETS;
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::recipe::Recipe;
use unstamp_tests::{root, run};
use unstamp_trainer::table::{self, Along};

fn below(folder: &str, keep: impl Fn(&PathBuf) -> bool) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("committed");
    let mut all: Vec<_> = entries.map(|e| e.expect("an entry").path()).filter(keep).collect();
    all.sort();
    all
}

fn text(path: &PathBuf) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn every_recipe_is_sound_and_named_like_its_file() {
    for path in below("trainer/recipes", |p| p.extension().is_some_and(|e| e == "toml")) {
        let recipe =
            Recipe::parse(&text(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(Some(recipe.name.as_str()), path.file_stem().and_then(|s| s.to_str()));
        let again = Recipe::parse(&text(&path)).expect("sound");
        assert_eq!(recipe.hash(), again.hash());
    }
}

/// Results are of the recipes as they are now: a changed recipe needs new results.
#[test]
fn every_result_belongs_to_its_recipe() {
    for folder in below("trainer/results", |p| p.is_dir()) {
        let name = folder.file_name().and_then(|n| n.to_str()).expect("a name").to_string();
        let recipe = Recipe::parse(&text(&root().join(format!("trainer/recipes/{name}.toml"))))
            .expect("sound");
        let cells = recipe.cells();
        let results = table::results(&folder).unwrap_or_else(|e| panic!("{e:#}"));
        for result in &results {
            let cell = cells
                .iter()
                .find(|c| c.name() == result.cell)
                .unwrap_or_else(|| panic!("{}", result.cell));
            assert_eq!(result.cell_hash, cell.hash(), "{name}/{}", result.cell);
            // A continued run says so of finished cells too.
            assert!(recipe.accepts_hash(&result.recipe_hash), "{name}/{}", result.cell);
        }
        // Results are committed as they come; RESULTS.md says where some are missing.
        let says = format!("`{name}`: {} of {} cells", results.len(), cells.len());
        let complete = results.len() == cells.len();
        assert!(
            complete || text(&root().join("RESULTS.md")).contains(&says),
            "RESULTS lacks {says}"
        );
    }
}

#[test]
fn the_documents_show_the_current_tables() {
    let documents = ["README.md", "RESULTS.md"].map(|name| text(&root().join(name)));
    for folder in below("trainer/results", |p| p.is_dir()) {
        let results = table::results(&folder).unwrap_or_else(|e| panic!("{e:#}"));
        let current =
            |document: &String| table::placed(document, &results).is_ok_and(|now| now == *document);
        let name = folder.display();
        assert!(
            documents.iter().any(current),
            "no document has the current table: unstamp table {name} --into RESULTS.md"
        );
    }
}

/// `tradeoff.svg` and `along_WHAT.svg` beside results are what `unstamp table --format svg` draws of them.
#[test]
fn figures_show_the_current_results() {
    for folder in below("trainer/results", |p| p.is_dir()) {
        let results = table::results(&folder).unwrap_or_else(|e| panic!("{e:#}"));
        let name = folder.strip_prefix(root()).expect("below").display().to_string();
        for path in below(&name, |p| p.extension().is_some_and(|e| e == "svg")) {
            let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name");
            let current = match stem.strip_prefix("along_") {
                Some(what) => table::along(&results, &Along::from(what)),
                None => table::tradeoff(&results),
            };
            let current = current.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(text(&path) == current, "{} is not current; draw it again", path.display());
        }
    }
}

#[test]
fn lists_have_unique_plain_ids_and_the_cli_shows_them() {
    let ids: Vec<&str> = ATTACKS
        .iter()
        .map(|a| a.method().id)
        .chain(DEFENCES.iter().map(|d| d.method().id))
        .chain(DATASETS.iter().map(|d| d.id))
        .collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), ids.len(), "an id is used twice");
    let (code, list, _) = run(&["list"]);
    assert_eq!(code, 0);
    for id in ids {
        assert!(
            id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{id}"
        );
        assert!(list.contains(&format!("\n  {id} ")), "unstamp list lacks {id}");
    }
    for (folder, ids) in [
        ("shared/data/src/attacks", ATTACKS.iter().map(|a| a.method().id).collect::<Vec<_>>()),
        ("shared/experiments/src/defences", DEFENCES.iter().map(|d| d.method().id).collect()),
    ] {
        for id in ids {
            let file = root().join(format!("{folder}/{id}.rs"));
            assert!(file.exists(), "{} is missing: a file is called like its id", file.display());
        }
    }
    let (code, json, _) = run(&["list", "--json"]);
    assert_eq!(code, 0);
    serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
}

/// Where papers are.
const PAPERS: [&str; 2] = ["https://arxiv.org/abs/", "https://doi.org/"];

/// Every file that implements a paper links it in a doc comment: those of the lists, which are called
/// like their id, and those of two folders. `mod.rs` is a list, and cross entropy is from no paper.
#[test]
fn every_implementation_of_a_paper_links_it() {
    let attacks = ATTACKS.iter().map(|a| format!("data/src/attacks/{}.rs", a.method().id));
    let crafts = CRAFTS.iter().map(|c| format!("experiments/src/craft/{}.rs", c.attack()));
    let defences =
        DEFENCES.iter().map(|d| format!("experiments/src/defences/{}.rs", d.method().id));
    let listed = attacks.chain(crafts).chain(defences).map(|file| root().join("shared").join(file));
    let without_paper = ["mod.rs", "cross_entropy.rs"];
    let has_paper =
        |path: &PathBuf| path.is_file() && !without_paper.iter().any(|name| path.ends_with(name));
    let others = ["shared/experiments/src/objectives", "shared/networks/src/model/families"]
        .map(|folder| below(folder, has_paper));
    for path in listed.chain(others.into_iter().flatten()) {
        let source = text(&path);
        let linked = source.lines().map(str::trim_start).any(|line| {
            (line.starts_with("///") || line.starts_with("//!"))
                && PAPERS.iter().any(|site| line.contains(site))
        });
        assert!(linked, "{}: no doc comment links the paper ({PAPERS:?})", path.display());
    }
}
