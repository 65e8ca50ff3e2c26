//! `unstamp plan`: its rows are the groups of the network.

use unstamp_shared::Device;
use unstamp_shared::model::Arch;
use unstamp_shared::seed::Seed;
use unstamp_tests::run;

#[test]
fn the_table_has_a_row_for_each_group() {
    let (code, out, error) = run(&["plan", "--arch", "wrn-10-1", "--batch", "2", "--repeats", "1"]);
    assert_eq!(code, 0, "{error}");
    let network = Arch::new("wrn-10-1", 10).init(Seed(0), &Device::flex()).expect("it exists");
    for cost in network.costs(2, (32, 32)) {
        assert!(out.contains(&cost.layers.join(" + ")), "{:?} is missing: {out}", cost.layers);
    }
    assert!(out.contains("all groups"), "{out}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let cases = [
        (["--arch", "wrn-1"], "is not an architecture"),
        (["--batch", "0"], "a batch of 0 images; use 1 to 4096"),
        (["--image-size", "7"], "7"),
        (["--image-size", "1024"], "use at most 4194304"),
        (["--repeats", "0"], "1..=1000"),
    ];
    for (arguments, sentence) in cases {
        let (code, _, error) = run(&[&["plan"], &arguments[..]].concat());
        assert!(code != 0 && error.contains(sentence), "{arguments:?}: {error}");
    }
}
