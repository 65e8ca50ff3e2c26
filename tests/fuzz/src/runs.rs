//! Files of runs: recipes, results, artefacts and checkpoints of a job.

use std::cell::RefCell;
use unstamp_shared::craft::Artefact;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::job::Job;
use unstamp_shared::model::weights::Arrays;
use unstamp_shared::recipe::Recipe;
use unstamp_shared::result::CellResult;
use unstamp_shared::seed::Seed;
use unstamp_tests::defend;
use unstamp_trainer::table;

/// A recipe. It is written out as cells, as `unstamp run --dry-run` does.
pub fn recipe(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(recipe) = Recipe::parse(text) else { return };
    for cell in recipe.cells() {
        assert!(!cell.hash().is_empty(), "a cell has a hash");
    }
}

/// The result of a cell, in the tables that `unstamp table` prints.
pub fn result(bytes: &[u8]) {
    let Ok(result) = CellResult::from_json(bytes) else { return };
    let results = [result];
    for print in [table::markdown, table::over_seeds, table::per_class] {
        let _ = print(&results);
    }
}

/// Pictures that are made with a clean model.
pub fn artefact(bytes: &[u8]) {
    let Ok(artefact) = Artefact::from_bytes(bytes) else { return };
    let _ = artefact.check("trojan", 0, "");
    let again = Artefact::from_bytes(&artefact.to_bytes()).expect("our own file is readable");
    assert_eq!(again, artefact);
}

thread_local! {
    /// A job whose checkpoint is read. The phases of its defence train a teacher and then a student.
    static JOB: RefCell<Job> = RefCell::new({
        let data = signs::split(Seed(0), SplitName::Train, 0..8);
        let network = defend::arch().init(Seed(0), &unstamp_shared::Device::flex()).expect("it exists");
        let arrays = unstamp_shared::model::weights::arrays(&network);
        let victim: Arrays = pollster::block_on(arrays).expect("readable");
        defend::begun("nad", &[], victim, data)
    });
}

/// The checkpoint of a job.
pub fn job(bytes: &[u8]) {
    JOB.with_borrow_mut(|job| {
        if pollster::block_on(job.restore(bytes)).is_ok() {
            let _ = job.progress();
        }
    });
}
