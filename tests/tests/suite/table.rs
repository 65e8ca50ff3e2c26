//! Tables of results.

use unstamp_shared::job::Rates;
use unstamp_shared::method::Value;
use unstamp_shared::recipe::setting_name;
use unstamp_shared::result::{CellResult, SCHEMA};
use unstamp_tests::{fixture, root};
use unstamp_trainer::table::{self, Along};

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

/// In schema 1 what an edit measured stood among the epochs, with a learning rate of 0.
#[test]
fn results_of_schema_1_are_converted() {
    let name = "trainer/results/quick/s0-badnets-fine_tune.json";
    let text = std::fs::read_to_string(root().join(name)).expect("committed");
    let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let epochs = json["curve"].as_array().expect("a curve").len();
    json["schema"] = 1.into();
    let edit = serde_json::json!(
        { "phase": "prune", "epoch": 0, "lr": 0.0, "losses": [["channels", 64.0]] }
    );
    json["curve"].as_array_mut().expect("a curve").push(edit);
    let result = CellResult::from_json(json.to_string().as_bytes()).expect("schema 1");
    assert_eq!((result.schema, result.curve.len()), (SCHEMA, epochs));
    let measured = &result.measurements[0];
    assert_eq!((measured.phase.as_str(), measured.value), ("prune", 64.0));
    let again = serde_json::to_vec(&result).expect("plain data");
    let again = CellResult::from_json(&again).expect("schema 2");
    assert_eq!((again.curve.len(), &again.measurements), (epochs, &result.measurements));
    json["schema"] = (SCHEMA + 1).into();
    let error = CellResult::from_json(json.to_string().as_bytes()).expect_err("too new");
    assert!(error.to_string().contains("schema"), "{error}");
}

#[test]
fn curves_show_epochs_and_points() {
    let mut results = table::results(&root().join("trainer/results/quick")).expect("committed");
    results.truncate(1);
    let rates = |acc, asr| Rates { acc, asr };
    let result = &mut results[0];
    result.curve.truncate(2);
    (result.curve[0].rates, result.curve[1].rates) = (None, Some(rates(0.5, None)));
    result.points = vec![(0.3, rates(0.75, Some(0.25)))];
    let cell = &result.cell.clone();
    let phase = result.curve[1].phase.clone();
    let epoch = result.curve[1].epoch;
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
    let copy = |(k, r): (u64, &CellResult)| {
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

/// Settings are chosen by what they do on validation images, and shown by what they do on test images.
#[test]
fn the_frontier_chooses_by_validation() {
    let mut one = table::results(&root().join("trainer/results/quick")).expect("committed");
    one.retain(|r| r.erasure.as_ref().is_some_and(|e| e.method == "nad"));
    let result = &one[0];
    assert!(
        !table::markdown(&one).contains("frontier"),
        "nothing was measured on validation images"
    );
    let run = |lr: f64, seed: u64, validation: (f64, f64), test: (f64, f64)| {
        let mut r = result.clone();
        let erasure = r.erasure.as_mut().expect("nad");
        erasure.of = Some("nad".to_string());
        erasure.id = format!("nad_{}", setting_name("lr", &Value::Float(lr)));
        erasure.set.0.insert("lr".to_string(), Value::Float(lr));
        r.seed = seed;
        r.validation = Some(Rates { acc: validation.0, asr: Some(validation.1) });
        r.report.acc.value = test.0;
        r.report.asr.as_mut().expect("attacked").value = test.1;
        r
    };
    let all = [
        run(0.1, 0, (0.8, 0.03), (0.78, 0.02)),
        run(0.1, 1, (0.8, 0.01), (0.8, 0.04)),
        run(0.01, 0, (0.9, 0.5), (0.89, 0.51)),
        // Not the best on validation images, although the best on test images.
        run(0.03, 0, (0.7, 0.04), (0.99, 0.0)),
    ];
    let text = table::markdown(&all);
    let row = "| badnets | nad | lr0_1 | 79.0 / 3.0 | 89.0 / 51.0; 79.0 / 3.0 |";
    assert!(text.contains(row), "{text}");
}

/// A mark for every setting and every name; places far apart lie on a logarithmic axis.
#[test]
fn figures_mark_every_setting() {
    let results = table::results(&root().join("trainer/results/quick")).expect("committed");
    let marks = |svg: &str| svg.matches("<circle").count();
    // The clean model has no ASR.
    let attacked = results.iter().filter(|r| r.report.asr.is_some()).count();
    assert_eq!(marks(&table::tradeoff(&results).expect("a figure")), 2 * attacked);
    let beta = Along::from("beta");
    let error = table::along(&results, &beta).expect_err("nothing differs in beta only");
    assert!(error.to_string().contains("beta"), "{error}");
    let mut all: Vec<_> = results.iter().filter(|r| r.cell.ends_with("nad")).cloned().collect();
    for (i, value) in [0.5, 4.0, 32.0].into_iter().enumerate() {
        let mut r = all[0].clone();
        let erasure = r.erasure.as_mut().expect("nad");
        erasure.id = format!("nad_{}", setting_name("beta", &Value::Float(value)));
        erasure.of = Some("nad".to_string());
        erasure.set.0.insert("beta".to_string(), Value::Float(value));
        r.seed = i as u64 % 2;
        all.push(r);
    }
    let svg = table::along(&all, &beta).expect("a figure");
    assert_eq!(marks(&svg), 2 * 3 + 1, "ACC, ASR and the legend");
    assert!(svg.contains(">\n1\n<") && svg.contains(">\n10\n<"), "{svg}");
    let epochs = &mut all[0].curve;
    for epoch in epochs.iter_mut() {
        epoch.rates = Some(Rates { acc: 0.9, asr: Some(0.1) });
    }
    let last = epochs.iter().filter(|e| e.phase == "distil").count();
    let svg = table::along(&all[..1], &Along::from("epoch")).expect("a figure");
    assert_eq!(marks(&svg), 2 * last + 1, "the last phase");
}

#[test]
fn a_table_goes_where_it_is_marked() {
    let results = table::results(&root().join("trainer/results/quick")).expect("committed");
    let document = "before\n<!-- table quick -->\nold\n<!-- end -->\nafter\n";
    let new = table::placed(document, &results).expect("marked");
    assert!(new.starts_with("before\n<!-- table quick -->\n\nRecipe `quick`"), "{new}");
    assert!(new.ends_with("|\n\n<!-- end -->\nafter\n") && !new.contains("old"), "{new}");
    for (bad, says) in [("no mark", "<!-- table quick -->"), ("<!-- table quick -->\n", "no end")] {
        let error = table::placed(bad, &results).expect_err("not marked");
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// `unstamp table` and `unstamp publish` read results of strangers.
#[test]
fn a_result_that_would_do_harm_is_refused() {
    let text = std::fs::read_to_string(fixture("results/s0-badnets.json")).expect("committed");
    let read = |text: &str| CellResult::from_json(text.as_bytes());
    assert!(read(&text).is_ok());
    for cell in ["../evil", "/tmp/evil", "", "a.b", "A"] {
        let refused =
            read(&text.replace("\"cell\": \"s0-badnets\"", &format!("\"cell\": \"{cell}\"")));
        let error = refused.expect_err("leads out of the folder").to_string();
        assert!(error.contains("may only hold"), "{cell}: {error}");
    }
    let refused = read(&text.replacen("\"target\": 0", "\"target\": 99", 1));
    let error = refused.expect_err("no such class").to_string();
    assert!(error.contains("square table"), "{error}");
}
