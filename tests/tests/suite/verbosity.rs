//! `-q` and `-v`: how much the program says on standard error.

use unstamp_tests::run;

const RECIPE: &str = r#"
name = "short"
dataset = "signs"
arch = "wrn-10-1"
train_images = 64
test_images = 20
train = { epochs = 1, batch = 32, lr = 0.05, schedule = { kind = "cosine" } }
[[victim]]
id = "clean"
"#;

#[test]
fn quiet_says_nothing_and_verbose_says_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = folder.path().join("short.toml");
    std::fs::write(&recipe, RECIPE).expect("written");
    let recipe = recipe.to_str().expect("text");
    let said = |out: &str, more: &[&str]| {
        let out = folder.path().join(out);
        let args = ["run", recipe, "--out", out.to_str().expect("text")];
        let (code, table, error) = run(&[&args[..], more].concat());
        assert_eq!(code, 0, "{error}");
        assert!(table.contains("| clean |"), "results are printed in any case: {table}");
        error
    };
    assert_eq!(said("quiet", &["--quiet"]), "");
    let usual = said("usual", &[]);
    assert!(usual.contains("s0-clean: train epoch 1") && !usual.contains("device: "), "{usual}");
    let verbose = said("verbose", &["-v"]);
    assert!(verbose.contains("s0-clean: train epoch 1"), "{verbose}");
    assert!(verbose.contains("device: cpu ("), "{verbose}");
    assert!(verbose.contains("signs: 10000 training and 2000 test images"), "{verbose}");
    // A fault is said in any case.
    let (code, _, error) = run(&["--quiet", "run", "missing.toml"]);
    assert!(code == 1 && error.contains("missing.toml"), "{error}");
}
