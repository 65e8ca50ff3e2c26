//! Files for a shell, for `man` and for dashboards.

use serde_json::Value;
use std::process::{Command, Stdio};
use unstamp_tests::{run, signs_in, unstamp};

#[test]
fn bash_reads_the_completions() {
    let (code, text, error) = run(&["completions", "bash"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("--checkpoint-seconds") && text.contains("unstamp"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("unstamp.bash");
    std::fs::write(&file, text).expect("written");
    let status = Command::new("bash").arg("-n").arg(&file).status().expect("bash is there");
    assert!(status.success());
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert_eq!(run(&["completions", shell]).0, 0, "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page_with_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("text");
    assert_eq!(run(&["man", "--out", out]).0, 0);
    for name in ["unstamp", "unstamp-run", "unstamp-erase", "unstamp-data-fetch"] {
        let page =
            std::fs::read_to_string(folder.path().join(format!("{name}.1"))).expect("a page");
        assert!(page.contains(".TH ") && page.contains("EXIT STATUS"), "{name}: {page}");
    }
    let (code, page, _) = run(&["man"]);
    assert_eq!(code, 0);
    assert!(page.contains("Wrong use"));
}

#[test]
fn a_run_logs_its_epochs_and_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = signs_in(folder.path(), 60, 20);
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_string();
    let log = path("log.jsonl");
    let status = unstamp()
        .args(["poison", "--dataset", "folder", "--data", data.to_str().expect("text")])
        .args(["--arch", "wrn-10-1", "--epochs", "3", "--out", &path("out"), "--log", &log])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("it starts");
    assert!(status.success());
    let text = std::fs::read_to_string(&log).expect("a log");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<_> =
        lines.iter().map(|line| line["event"].as_str().expect("its kind")).collect();
    assert_eq!(events, ["epoch", "epoch", "epoch", "result"]);
    assert!(lines[3]["report"]["acc"]["n"].as_u64() > Some(0));
}
