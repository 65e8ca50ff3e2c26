//! Tables of results.

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
