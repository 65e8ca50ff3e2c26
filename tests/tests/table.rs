//! Tables of results.

use unstamp_shared::job::Rates;
use unstamp_tests::root;
use unstamp_trainer::table;

#[test]
fn several_seeds_give_mean_and_range() {
    let one = table::results(&root().join("trainer/results/quick")).expect("committed");
    assert_eq!(table::over_seeds(&one), "", "one seed has no range");
    let mut all = one.clone();
    for result in &one {
        let mut other = result.clone();
        other.seed = 1;
        other.report.acc.value = result.report.acc.value - 0.02;
        all.push(other);
    }
    let text = table::over_seeds(&all);
    let acc = 100.0 * one[0].report.acc.value;
    let row = format!("{:.1} ({:.1} to {acc:.1})", acc - 1.0, acc - 2.0);
    assert!(text.contains(&row), "{row} is not in\n{text}");
    assert!(text.lines().skip(4).all(|line| line.is_empty() || line.ends_with("| 2 |")), "{text}");
    assert!(table::markdown(&all).contains(&text));
}

#[test]
fn curves_tell_epochs_and_points() {
    let mut results = table::results(&root().join("trainer/results/quick")).expect("committed");
    results.truncate(1);
    let rates = |acc, asr| Rates { acc, asr };
    let result = &mut results[0];
    result.curve.truncate(2);
    (result.curve[0].rates, result.curve[1].rates) = (None, Some(rates(0.5, None)));
    result.points = vec![(0.3, rates(0.75, Some(0.25)))];
    let cell = &result.cell.clone();
    let (phase, epoch) = (result.curve[1].phase.clone(), result.curve[1].epoch);
    let expected = format!(
        "cell,phase,epoch,acc,asr\n{cell},{phase},{epoch},0.5,\n{cell},points,0.3,0.75,0.25\n"
    );
    assert_eq!(table::curves(&results).expect("a table"), expected);
}

/// The committed victim and its erasures, as if there were thirty of it.
#[test]
fn many_rows_become_grids() {
    let one = table::results(&root().join("trainer/results/quick")).expect("committed");
    let attacked = one.iter().filter(|r| r.report.asr.is_some());
    let copy = |(k, r): (u64, &unstamp_shared::result::CellResult)| {
        let mut r = r.clone();
        (r.victim.id, r.seed) = (format!("model{}", k / 2), k % 2);
        r.report.acc.value -= 0.01 * r.seed as f64;
        r
    };
    let all: Vec<_> = attacked.flat_map(|r| (0..60).map(move |k| (k, r))).map(copy).collect();
    let text = table::markdown(&all);
    let acc = 100.0 * all[0].report.acc.value;
    let cell = format!("{:.1} ({:.1} to {acc:.1})", acc - 0.5, acc - 1.0);
    let row = text.lines().find(|line| line.starts_with("| model29 | ")).expect("a row a model");
    assert!(row.contains(&cell), "{cell} is not in {row}");
    assert_eq!(text.lines().filter(|line| line.starts_with("| model")).count(), 2 * (1 + 30));
    assert!(text.contains("| model | no defence | "), "{text}");
}
