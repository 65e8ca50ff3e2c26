//! Networks as ONNX files, so that other runtimes compute with the very same weights.
//!
//! The messages below are the part of ONNX's schema that a WideResNet needs, field numbers as in
//! `onnx.proto` (IR version 8, operator set 13).

use anyhow::{Context, Result};
use prost::Message;
use unstamp_shared::model::weights::{Array, Arrays};
use unstamp_shared::model::{Arch, EPS};

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Initializer>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, optional, tag = "2")]
    f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    i: Option<i64>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    ints: Vec<i64>,
    /// 1: float, 2: int, 7: ints.
    #[prost(int32, tag = "20")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Initializer {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    dims: Vec<i64>,
    /// 1: f32.
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Message)]
struct Kind {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorKind>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorKind {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, optional, tag = "1")]
    value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    name: Option<String>,
}

const F32: i32 = 1;

/// A graph being written: every method adds nodes and gives the name of their result.
struct Writer<'a> {
    arrays: &'a Arrays,
    graph: Graph,
}

impl Writer<'_> {
    fn constant(&mut self, name: &str, array: &Array) {
        self.graph.initializer.push(Initializer {
            dims: array.shape.iter().map(|d| *d as i64).collect(),
            data_type: F32,
            name: name.to_string(),
            raw_data: array.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        });
    }

    fn weight(&mut self, name: &str) -> Result<Vec<usize>> {
        let array = self.arrays.get(name).with_context(|| format!("no weights called '{name}'"))?;
        self.constant(name, array);
        Ok(array.shape.clone())
    }

    fn node(
        &mut self,
        kind: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<Attribute>,
    ) -> String {
        self.graph.node.push(Node {
            input: inputs.iter().map(|i| i.to_string()).collect(),
            output: vec![output.to_string()],
            name: output.to_string(),
            op_type: kind.to_string(),
            attribute,
        });
        output.to_string()
    }

    fn conv(&mut self, x: &str, name: &str, stride: i64) -> Result<String> {
        let weight = format!("{name}.weight");
        let kernel = self.weight(&weight)?.get(2).map_or(1, |k| *k as i64);
        let pad = (kernel - 1) / 2;
        let attributes = vec![
            ints("kernel_shape", &[kernel; 2]),
            ints("strides", &[stride; 2]),
            ints("pads", &[pad; 4]),
        ];
        Ok(self.node("Conv", &[x, &weight], &format!("{name}.out"), attributes))
    }

    fn norm_relu(&mut self, x: &str, name: &str) -> Result<String> {
        let names =
            ["weight", "bias", "running_mean", "running_var"].map(|p| format!("{name}.{p}"));
        for name in &names {
            self.weight(name)?;
        }
        let inputs = [x, &names[0], &names[1], &names[2], &names[3]];
        let epsilon =
            Attribute { name: "epsilon".into(), f: Some(EPS), kind: 1, ..Attribute::default() };
        let y = self.node("BatchNormalization", &inputs, &format!("{name}.norm"), vec![epsilon]);
        Ok(self.node("Relu", &[&y], &format!("{name}.out"), Vec::new()))
    }

    fn block(&mut self, x: &str, name: &str, stride: i64) -> Result<String> {
        let activated = self.norm_relu(x, &format!("{name}.bn1"))?;
        let shortcut = format!("{name}.convShortcut");
        let skip = match self.arrays.contains_key(&format!("{shortcut}.weight")) {
            true => self.conv(&activated, &shortcut, stride)?,
            false => x.to_string(),
        };
        let inner = self.conv(&activated, &format!("{name}.conv1"), stride)?;
        let inner = self.norm_relu(&inner, &format!("{name}.bn2"))?;
        let inner = self.conv(&inner, &format!("{name}.conv2"), 1)?;
        Ok(self.node("Add", &[&skip, &inner], &format!("{name}.out"), Vec::new()))
    }
}

fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.into(), ints: values.to_vec(), kind: 7, ..Attribute::default() }
}

/// A float tensor whose first dimension is the batch.
fn value(name: &str, rest: &[usize]) -> ValueInfo {
    let batch = Dimension { value: None, name: Some("n".into()) };
    let rest = rest.iter().map(|d| Dimension { value: Some(*d as i64), name: None });
    let shape = Some(Shape { dim: [batch].into_iter().chain(rest).collect() });
    let tensor = Some(TensorKind { elem_type: F32, shape });
    ValueInfo { name: name.into(), kind: Some(Kind { tensor }) }
}

/// The network as an ONNX file: input `images [n, 3, h, w]` in 0..1, outputs `logits [n, classes]`
/// and `feature1` to `feature3`, the groups' residual sums.
pub fn to_bytes(arch: &Arch, arrays: &Arrays, (width, height): (usize, usize)) -> Result<Vec<u8>> {
    let config = arch.config().map_err(crate::usage)?;
    let graph = Graph { name: arch.name.clone(), ..Graph::default() };
    let mut w = Writer { arrays, graph };
    w.graph.input.push(value("images", &[3, height, width]));
    let mut x = "images".to_string();
    if let Some(constants) = arch.normalisation {
        for ((name, kind), values) in [("mean", "Sub"), ("std", "Div")].into_iter().zip(constants) {
            w.constant(name, &Array { shape: vec![1, 3, 1, 1], values: values.to_vec() });
            x = w.node(kind, &[&x, name], &format!("images.{name}"), Vec::new());
        }
    }
    x = w.conv(&x, "conv1", 1)?;
    w.graph.output.push(value("logits", &[arch.classes]));
    for group in 1..=3usize {
        for block in 0..config.blocks() {
            let (_, _, stride) = config.block(group, block);
            x = w.block(&x, &format!("block{group}.layer.{block}"), stride as i64)?;
        }
        let feature = format!("feature{group}");
        w.node("Identity", &[&x], &feature, Vec::new());
        let side = |size: usize| size.div_ceil(1 << (group - 1));
        let channels = config.widths()[group];
        w.graph.output.push(value(&feature, &[channels, side(height), side(width)]));
    }
    x = w.norm_relu(&x, "bn1")?;
    x = w.node("GlobalAveragePool", &[&x], "pooled", Vec::new());
    x = w.node("Flatten", &[&x], "flat", Vec::new());
    w.weight("fc.weight")?;
    w.weight("fc.bias")?;
    let transposed =
        Attribute { name: "transB".into(), i: Some(1), kind: 2, ..Attribute::default() };
    w.node("Gemm", &[&x, "fc.weight", "fc.bias"], "logits", vec![transposed]);
    let model = Model {
        ir_version: 8,
        producer_name: "unstamp".into(),
        graph: Some(w.graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: 13 }],
    };
    Ok(model.encode_to_vec())
}
