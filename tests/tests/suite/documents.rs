//! Documents agree with the files and lists: recipes, results, the README's tables and links of papers.

use std::path::PathBuf;
use unstamp_shared::attacks::ATTACKS;
use unstamp_shared::craft::CRAFTS;
use unstamp_shared::datasets::DATASETS;
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::recipe::Recipe;
use unstamp_shared::result::CellResult;
use unstamp_tests::{root, run};
use unstamp_trainer::claims::{self, Claims};
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

/// The folders of results, with the name of their recipe.
fn folders() -> Vec<(PathBuf, String)> {
    let name = |folder: &PathBuf| {
        folder.file_name().and_then(|name| name.to_str()).expect("a name").to_string()
    };
    below("trainer/results", |p| p.is_dir()).into_iter().map(|f| (f.clone(), name(&f))).collect()
}

fn recipe_file(name: &str) -> PathBuf {
    root().join(format!("trainer/recipes/{name}.toml"))
}

/// The results of a recipe; cells that it shares with others may lie in their folders.
fn results_of(name: &str) -> (Recipe, Vec<CellResult>) {
    let recipe = table::read_recipe(&recipe_file(name)).unwrap_or_else(|e| panic!("{e:#}"));
    let all = table::all_results(&root().join("trainer/results"));
    let results = table::results_of(&recipe, &all.unwrap_or_else(|e| panic!("{e:#}")));
    (recipe, results)
}

/// Results are of the recipes as they are now: a changed recipe needs new results.
#[test]
fn every_result_belongs_to_its_recipe() {
    for (folder, name) in folders() {
        let (recipe, found) = results_of(&name);
        let cells = recipe.cells();
        let is_result = |p: &PathBuf| p.extension().is_some_and(|ending| ending == "json");
        for path in below(&format!("trainer/results/{name}"), is_result) {
            let result = CellResult::from_json(text(&path).as_bytes())
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let cell = cells
                .iter()
                .find(|c| c.name() == result.cell)
                .unwrap_or_else(|| panic!("{}", result.cell));
            assert_eq!(result.cell_hash, cell.hash(), "{name}/{}", result.cell);
            // A continued run says so of finished cells too.
            assert!(recipe.accepts_hash(&result.recipe_hash), "{name}/{}", result.cell);
        }
        // Results are committed as they come; the page of the recipe says where some are missing.
        let says = format!("`{name}`: {} of {} cells", found.len(), cells.len());
        let complete = found.len() == cells.len();
        let page = folder.join("README.md");
        assert!(complete || text(&page).contains(&says), "{} lacks {says}", page.display());
    }
}

/// Every folder of results has a page with its table; that of `quick` is the README.
#[test]
fn the_pages_show_the_current_tables() {
    for (folder, name) in folders() {
        let (_, results) = results_of(&name);
        let page = match name.as_str() {
            "quick" => root().join("README.md"),
            _ => folder.join("README.md"),
        };
        let written = text(&page);
        let current = table::placed(&written, &results).is_ok_and(|now| now == written);
        let page = page.display();
        assert!(
            current,
            "unstamp table trainer/results/{name} --recipe trainer/recipes/{name}.toml --into {page}"
        );
        assert!(name == "quick" || text(&root().join("RESULTS.md")).contains(&name), "{name}");
    }
}

#[test]
fn the_claims_are_the_current_ones() {
    let claims = Claims::parse(&text(&root().join("trainer/claims.toml"))).expect("sound");
    let [recipes, results] = ["recipes", "results"].map(|dir| root().join("trainer").join(dir));
    let findings = claims.findings(&recipes, &results).unwrap_or_else(|e| panic!("{e:#}"));
    let document = text(&root().join("RESULTS.md"));
    let current = claims::placed(&document, &findings).unwrap_or_else(|e| panic!("{e:#}"));
    assert!(current == document, "unstamp claims --into RESULTS.md");
}

/// `tradeoff.svg` and `along_WHAT.svg` beside results are what `unstamp table --format svg` draws of them.
#[test]
fn figures_show_the_current_results() {
    for (_, name) in folders() {
        let (_, results) = results_of(&name);
        let folder = format!("trainer/results/{name}");
        for path in below(&folder, |p| p.extension().is_some_and(|e| e == "svg")) {
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
