//! Defences as jobs, for tests.

use burn::tensor::Device;
use std::sync::Arc;
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::defences::{DefenceInput, defence};
use unstamp_shared::job::Job;
use unstamp_shared::method::Values;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{Arrays, arrays};
use unstamp_shared::poison::{Trigger, TriggerRecord, sign_trigger};
use unstamp_shared::seed::Seed;

/// The architecture of the fixture's victim.
pub fn arch() -> Arch {
    Arch::new("wrn-10-1", 10)
}

/// The settings of a defence, the rest being its defaults.
pub fn resolved(id: &str, pairs: &[&str]) -> Values {
    let set = Values::parse(pairs.iter().copied()).expect("pairs");
    set.resolve(&defence(id).expect("listed").params()).expect("sound")
}

/// The trigger of BadNets with its defaults.
pub fn badnets() -> Trigger {
    let record =
        TriggerRecord { attack: "badnets".into(), set: Values::default(), target: 0, seed: 0 };
    sign_trigger(&record, 10).expect("sound")
}

/// A defence about to begin with `victim`.
pub fn begun(id: &str, set: &[&str], victim: Arrays, data: Split) -> Job {
    begun_with(arch(), id, set, victim, data)
}

/// A defence about to begin with a victim of any architecture.
pub fn begun_with(arch: Arch, id: &str, set: &[&str], victim: Arrays, data: Split) -> Job {
    let trigger = badnets();
    let given = DefenceInput::new(&data, false, Some(&trigger));
    let defence = defence(id).expect("listed");
    let phases = defence.phases(&resolved(id, set), given).expect("sound settings");
    Job::new(id.into(), arch, victim, phases, Arc::new(data), Seed(0), Device::flex())
        .expect("images")
}

/// Runs a defence from `victim` to its end; gives the job.
pub fn defended(id: &str, set: &[&str], victim: Arrays, data: Split) -> Job {
    ended(begun(id, set, victim, data))
}

/// The job at its end.
pub fn ended(mut job: Job) -> Job {
    while pollster::block_on(job.next()).expect("a finite loss").is_some() {}
    job
}

/// 1,000 drawn signs, of which a defence can keep 200 for validation, and an untrained network.
pub fn thousand() -> (Split, Arrays) {
    let split = signs::split(Seed(0), SplitName::Train, 0..1000);
    let fresh = arch().init(Seed(0), &Device::flex()).expect("it exists");
    (split, pollster::block_on(arrays(&fresh)).expect("readable"))
}

/// Settings under which the fixture's defences run: three epochs of one batch, a constant learning
/// rate, one step of NBA's attack, half of the channels pruned, weights at which no term of ARGD hides the
/// others.
pub fn short(id: &str) -> Vec<&'static str> {
    let usual = ["epochs=3", "lr=0.001"];
    let more: &[_] = match id {
        "mcr" => &["statistics=plain"],
        "argd" => &["step=1000", "node=0.005", "edge=10", "embedding=10"],
        // The fixture's network has one block in each group, so blocks have no neighbours of their size.
        "nba" => &["step=1000", "attack_steps=1", "layers=groups"],
        "fine_prune" => &["step=1000", "ratio=0.5", "tune_scale=1"],
        "retrain" => &["step=1000", "share=0.5", "weight_decay=0.0001"],
        "mesa" => {
            &["step=1000", "share=0.5", "weight_decay=0.0001", "scan_epochs=3", "recover_epochs=3"]
        }
        _ => &["step=1000"],
    };
    [&usual, more].concat()
}
