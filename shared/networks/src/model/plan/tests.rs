//! Groups and last reads of every family, and of a network that no family has.

use super::{Form, Group, Plan, Read};
use crate::model::description::{Description, Operation, Value};
use crate::model::{FAMILIES, RGB};
use std::collections::BTreeSet;

const FROZEN: Form = Form::Frozen { images_in_range: true };

/// The forms of every family's first example.
fn plans() -> Vec<(&'static str, Description, Plan)> {
    let mut plans = Vec::new();
    for family in FAMILIES {
        let name = family.examples()[0];
        for form in [Form::Trainable, FROZEN, Form::Frozen { images_in_range: false }] {
            let network = family.describe(name, RGB, 10).expect("its own example");
            let plan = Plan::new(&network, form);
            plans.push((name, network, plan));
        }
    }
    plans
}

fn reads(group: &Group) -> impl Iterator<Item = Read> {
    [group.input].into_iter().chain(group.other)
}

#[test]
fn every_layer_has_a_group() {
    for (name, network, plan) in plans() {
        let mut found = BTreeSet::new();
        for group in &plan.groups {
            found.extend([Some(group.layer), group.conv, group.before].into_iter().flatten());
        }
        assert_eq!(found, (0..network.layers.len()).collect(), "{name}");
    }
}

#[test]
fn values_are_read_before_they_are_given_away_and_the_output_is_kept() {
    for (name, network, plan) in plans() {
        let mut here: Vec<Value> = vec![Value::Images];
        let mut most = 0;
        for group in &plan.groups {
            for read in reads(group) {
                let place = here.iter().position(|value| *value == read.value);
                let place = place.unwrap_or_else(|| panic!("{name}: {:?} is gone", read.value));
                if read.last {
                    here.remove(place);
                }
            }
            here.push(Value::Layer(group.layer));
            most = most.max(here.len());
        }
        let last = network.layers.len() - 1;
        let mut kept: Vec<Value> = network.taps.iter().map(|tap| Value::Layer(*tap)).collect();
        kept.extend([network.layers[last].input, Value::Layer(last)]);
        assert_eq!(here, kept, "{name}");
        // Besides the features there are never more than a block's input, its skip and its output.
        assert!(most <= network.taps.len() + 3, "{name}: {most} values at once");
    }
}

#[test]
fn a_residual_block_is_two_groups() {
    for (name, network, plan) in plans() {
        if !name.starts_with("wrn-16") {
            continue;
        }
        let layer = |name: &str| network.layers.iter().position(|l| l.name == name);
        let of = |name: &str| plan.groups.iter().find(|group| Some(group.layer) == layer(name));
        let block = |part: &str| format!("block1.layer.0.{part}");
        let sum = of(&block("out")).expect("the sum ends a group");
        assert_eq!(sum.conv, layer(&block("conv2")));
        let first = of(&block("conv1")).or_else(|| of(&block("bn2"))).expect("the first half");
        assert_eq!(first.conv, layer(&block("conv1")));
        assert_eq!(first.before, layer(&block("bn1")));
        // The network that trains computes the second normalisation while it reads for the second
        // convolution; the frozen one has it in the weights of the first.
        let trains = of(&block("conv1")).is_some();
        assert_eq!(sum.before, layer(&block("bn2")).filter(|_| trains));
    }
}

/// A convolution that is added to itself.
#[test]
fn a_value_that_is_read_twice_is_given_away_at_the_second_read() {
    let mut network = Description::new(3);
    let conv = network.conv("conv", Value::Images, 4, 3, 1);
    let sum = network.add("sum", conv, Operation::Add { other: conv });
    let pool = network.add("pool", sum, Operation::AveragePool { size: 1 });
    network.add("fc", pool, Operation::Linear { outputs: 2 });
    for form in [Form::Trainable, FROZEN] {
        let plan = Plan::new(&network, form);
        let last: Vec<Vec<bool>> =
            plan.groups.iter().map(|group| reads(group).map(|read| read.last).collect()).collect();
        let wanted: [&[bool]; 4] = [&[true], &[false, true], &[true], &[false]];
        assert_eq!(last, wanted, "{form:?}");
    }
}

/// The second summand is a convolution that a kernel could compute with the sum.
#[test]
fn only_the_first_summand_is_computed_with_the_sum() {
    let mut network = Description::new(3);
    let first = network.add("norm", Value::Images, Operation::NormRelu);
    let conv = network.conv("conv", first, 3, 3, 1);
    let sum = network.add("sum", Value::Images, Operation::Add { other: conv });
    network.add("fc", sum, Operation::Linear { outputs: 2 });
    for form in [Form::Trainable, FROZEN] {
        let ends: Vec<usize> = Plan::new(&network, form).groups.iter().map(|g| g.layer).collect();
        assert_eq!(ends, [1, 2, 3], "{form:?}");
    }
}
