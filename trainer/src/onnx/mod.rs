//! Networks as ONNX files, so that other runtimes compute with the same weights.

mod average;
mod schema;

use anyhow::{Context, Result};
use average::{shares, transposed};
use prost::Message;
use schema::{
    Attribute, Dimension, Graph, Initializer, Kind, Model, Node, OperatorSet, Shape, TensorKind,
    ValueInfo,
};
use unstamp_shared::model::weights::{Array, Arrays};
use unstamp_shared::model::{Arch, Description, EPS, Layer, Operation, Value};

/// ONNX's number for 32-bit floats.
const F32: i32 = 1;

/// Name of the graph's input.
const IMAGES: &str = "images";

/// Name of the graph's first output.
const LOGITS: &str = "logits";

/// A graph that is being written.
struct Writer<'a> {
    description: &'a Description,
    arrays: &'a Arrays,
    /// Name of the images after mean and deviation were removed.
    images: String,
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

    /// Adds the arrays of a layer and returns their names.
    fn weights(&mut self, index: usize) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for parameter in self.description.parameters_of(index) {
            let name = parameter.name;
            let array = self.arrays.get(&name);
            self.constant(&name, array.with_context(|| format!("no weights called '{name}'"))?);
            names.push(name);
        }
        Ok(names)
    }

    fn node(&mut self, kind: &str, inputs: &[String], output: &str, attribute: Vec<Attribute>) {
        self.graph.node.push(Node {
            input: inputs.to_vec(),
            output: vec![output.to_string()],
            name: output.to_string(),
            op_type: kind.to_string(),
            attribute,
        });
    }

    /// Name of a value. The last layer's is the output of the graph.
    fn name(&self, value: Value) -> String {
        match value {
            Value::Images => self.images.clone(),
            Value::Layer(index) if index + 1 == self.description.layers.len() => LOGITS.to_string(),
            Value::Layer(index) => format!("{}.value", self.description.layers[index].name),
        }
    }

    /// Adds `(images - mean) / std`.
    fn normalise(&mut self, constants: [[f32; 3]; 2]) {
        for ((name, kind), values) in [("mean", "Sub"), ("std", "Div")].into_iter().zip(constants) {
            self.constant(name, &Array { shape: vec![1, 3, 1, 1], values: values.to_vec() });
            let output = format!("{IMAGES}.{name}");
            let inputs = [self.images.clone(), name.to_string()];
            self.node(kind, &inputs, &output, Vec::new());
            self.images = output;
        }
    }

    /// Average pooling to `size` x `size` cells: `rows x columns`, where the matrices hold the share of
    /// every pixel in every cell.
    fn average(&mut self, x: String, size: usize, (height, width): (usize, usize), output: &str) {
        if size == 1 {
            return self.node("GlobalAveragePool", &[x], output, Vec::new());
        }
        let rows = format!("{output}.rows");
        let columns = format!("{output}.columns");
        self.constant(&rows, &shares(size, height));
        self.constant(&columns, &transposed(&shares(size, width)));
        let across = format!("{output}.across");
        self.node("MatMul", &[x, columns], &across, Vec::new());
        self.node("MatMul", &[rows, across], output, Vec::new());
    }

    fn linear(&mut self, mut inputs: Vec<String>, index: usize, output: &str) -> Result<()> {
        let flat = format!("{output}.flat");
        self.node("Flatten", &inputs, &flat, Vec::new());
        inputs = vec![flat];
        inputs.extend(self.weights(index)?);
        let transposed =
            Attribute { name: "transB".into(), i: Some(1), kind: 2, ..Attribute::default() };
        self.node("Gemm", &inputs, output, vec![transposed]);
        Ok(())
    }

    fn layer(&mut self, index: usize, images: (usize, usize)) -> Result<()> {
        let Layer { input, operation, .. } = self.description.layers[index].clone();
        let output = self.name(Value::Layer(index));
        let mut inputs = vec![self.name(input)];
        match operation {
            Operation::Conv { kernel, stride, .. } => {
                inputs.extend(self.weights(index)?);
                let pad = (kernel as i64 - 1) / 2;
                let attributes = vec![
                    ints("kernel_shape", &[kernel as i64; 2]),
                    ints("strides", &[stride as i64; 2]),
                    ints("pads", &[pad; 4]),
                ];
                self.node("Conv", &inputs, &output, attributes);
            }
            Operation::NormRelu => {
                inputs.extend(self.weights(index)?);
                let epsilon = Attribute {
                    name: "epsilon".into(),
                    f: Some(EPS),
                    kind: 1,
                    ..Attribute::default()
                };
                let normalised = format!("{output}.norm");
                self.node("BatchNormalization", &inputs, &normalised, vec![epsilon]);
                self.node("Relu", &[normalised], &output, Vec::new());
            }
            Operation::Relu => self.node("Relu", &inputs, &output, Vec::new()),
            Operation::Add { other } => {
                inputs.push(self.name(other));
                self.node("Add", &inputs, &output, Vec::new());
            }
            Operation::MaxPool => {
                let attributes = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
                self.node("MaxPool", &inputs, &output, attributes);
            }
            Operation::AveragePool { size } => {
                let pixels = self.description.size_of(input, images);
                self.average(inputs.remove(0), size, pixels, &output);
            }
            Operation::Linear { .. } => self.linear(inputs, index, &output)?,
        }
        Ok(())
    }

    /// Makes the taps outputs of the graph: `feature1`, `feature2` and so on.
    fn features(&mut self, images: (usize, usize)) {
        for (number, tap) in self.description.taps.iter().enumerate() {
            let feature = format!("feature{}", number + 1);
            let tapped = Value::Layer(*tap);
            let channels = self.description.channels_of(tapped);
            let (height, width) = self.description.size_of(tapped, images);
            self.node("Identity", &[self.name(tapped)], &feature, Vec::new());
            self.graph.output.push(value(&feature, &[channels, height, width]));
        }
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

/// The network as an ONNX file: input `images [n, channels, height, width]` in 0..1, outputs `logits
/// [n, classes]` and the features `feature1`, `feature2` and so on.
///
/// # Errors
/// If the architecture is unknown or an array is missing.
pub fn to_bytes(arch: &Arch, arrays: &Arrays, (width, height): (usize, usize)) -> Result<Vec<u8>> {
    let description = arch.describe().map_err(crate::usage)?;
    let graph = Graph { name: arch.name.clone(), ..Graph::default() };
    let images = IMAGES.to_string();
    let mut writer = Writer { description: &description, arrays, images, graph };
    writer.graph.input.push(value(IMAGES, &[description.channels, height, width]));
    writer.graph.output.push(value(LOGITS, &[arch.classes]));
    if let Some(constants) = arch.normalisation {
        writer.normalise(constants);
    }
    for index in 0..description.layers.len() {
        writer.layer(index, (height, width))?;
    }
    writer.features((height, width));
    let model = Model {
        ir_version: 8,
        producer_name: "unstamp".into(),
        graph: Some(writer.graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: 13 }],
    };
    Ok(model.encode_to_vec())
}
