//! Float networks on candle, for measurements of speed: an ONNX file without quantizers becomes candle's own operators.

use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Result as Candle, Tensor};
use nn2hdl_compiler::front::onnx::{Attribute, ConstantTensor, Model, RawNode, TensorData, decode};

/// The library and its version.
pub const CANDLE: &str = "candle 0.11";

/// The operators that are run, each by candle's operator of the same meaning.
const KNOWN: [&str; 13] = [
    "Add", "Conv", "Div", "Flatten", "Gemm", "Identity", "MatMul", "Mul", "Relu", "Sigmoid", "Softmax",
    "Sub", "Tanh",
];

/// A float network, in float32 on the CPU.
#[derive(Debug)]
pub struct Float {
    nodes: Vec<RawNode>,
    constants: BTreeMap<String, Tensor>,
    inputs: Vec<(String, Vec<usize>)>,
    outputs: Vec<String>,
}

/// Frames in candle's memory.
#[derive(Debug)]
pub struct Frames(Vec<Tensor>);

impl Float {
    /// Reads an ONNX file whose first axis is the frame.
    ///
    /// # Errors
    /// What the file has that this does not run, with its node.
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        let model = decode(bytes).map_err(|problems| problems[0].to_string())?;
        let Model { main, .. } = &model;
        for node in &main.nodes {
            let strange = !node.domain.is_empty() || !KNOWN.contains(&node.op_type.as_str());
            if strange || node.outputs.len() != 1 {
                return Err(format!(
                    "`{}` (node {}) is not run; {} are",
                    node.op_type,
                    node.name,
                    KNOWN.join(", ")
                ));
            }
        }
        let inputs = main.inputs.iter().map(|input| {
            let extents = input.shape.iter().skip(1).copied().collect::<Option<Vec<_>>>();
            let extents = extents.filter(|_| !input.shape.is_empty());
            let extents =
                extents.ok_or_else(|| format!("the extents of the input {} are open", input.name))?;
            Ok((input.name.clone(), extents))
        });
        let constant = |(name, value): (&String, &ConstantTensor)| {
            let tensor = tensor(value).map_err(|error| format!("constant {name}: {error}"))?;
            Ok((name.clone(), tensor))
        };
        Ok(Self {
            inputs: inputs.collect::<Result<_, String>>()?,
            outputs: main.outputs.iter().map(|output| output.name.clone()).collect(),
            constants: main.initializers.iter().map(constant).collect::<Result<_, String>>()?,
            nodes: model.main.nodes,
        })
    }

    /// Moves `count` frames into candle's memory: of each input `count` × elements values, row-major, in the file's order.
    ///
    /// # Errors
    /// The values are not as many as the inputs take.
    pub fn frames(&self, values: Vec<Vec<f32>>, count: usize) -> Result<Frames, String> {
        if values.len() != self.inputs.len() {
            return Err(format!("{} arrays for {} inputs", values.len(), self.inputs.len()));
        }
        let place = |(values, (name, extents)): (Vec<f32>, &(String, Vec<usize>))| {
            let shape = [&[count], extents.as_slice()].concat();
            Tensor::from_vec(values, shape, &Device::Cpu).map_err(|error| format!("input {name}: {error}"))
        };
        values.into_iter().zip(&self.inputs).map(place).collect::<Result<_, _>>().map(Frames)
    }

    /// The outputs, each frames × elements, row-major.
    ///
    /// # Errors
    /// candle's, with the node.
    pub fn run(&self, frames: &Frames) -> Result<Vec<Vec<f32>>, String> {
        let mut values: BTreeMap<&str, Tensor> =
            self.constants.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
        values.extend(self.inputs.iter().map(|(name, _)| name.as_str()).zip(frames.0.iter().cloned()));
        for node in &self.nodes {
            let read = |name: &String| {
                let tensor = values.get(name.as_str()).cloned();
                tensor.ok_or_else(|| format!("node {}: there is no tensor `{name}`", node.name))
            };
            let operands = node.inputs.iter().filter(|name| !name.is_empty()).map(read);
            let operands: Vec<Tensor> = operands.collect::<Result<_, _>>()?;
            let result = step(node, &operands).map_err(|error| format!("node {}: {error}", node.name))?;
            values.insert(&node.outputs[0], result);
        }
        let flat = |name: &String| {
            let tensor = values.get(name.as_str()).ok_or_else(|| format!("there is no output `{name}`"))?;
            let flat = tensor.flatten_all().and_then(|tensor| tensor.to_vec1());
            flat.map_err(|error| format!("output {name}: {error}"))
        };
        self.outputs.iter().map(flat).collect()
    }
}

fn tensor(constant: &ConstantTensor) -> Candle<Tensor> {
    let values: Vec<f32> = match &constant.data {
        TensorData::Float(values) => values.iter().map(|&value| value as f32).collect(),
        TensorData::Int(values) => values.iter().map(|&value| value as f32).collect(),
    };
    Tensor::from_vec(values, constant.shape.as_slice(), &Device::Cpu)
}

fn step(node: &RawNode, operands: &[Tensor]) -> Candle<Tensor> {
    let int = |name: &str, default: i64| match node.attributes.get(name) {
        Some(Attribute::Int(value)) => *value,
        _ => default,
    };
    let [x, rest @ ..] = operands else { candle_core::bail!("it has no operand") };
    match (node.op_type.as_str(), rest) {
        ("Identity", []) => Ok(x.clone()),
        ("Relu", []) => x.relu(),
        ("Tanh", []) => x.tanh(),
        ("Sigmoid", []) => (x.neg()?.exp()? + 1.0)?.recip(),
        ("Softmax", []) => {
            let axis = int("axis", -1);
            if axis != -1 && axis + 1 != x.rank() as i64 {
                candle_core::bail!("a softmax of the last axis only");
            }
            let exp = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
            exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
        }
        ("Flatten", []) => x.flatten_from(usize::try_from(int("axis", 1)).unwrap_or(1)),
        ("Add", [y]) => x.broadcast_add(y),
        ("Sub", [y]) => x.broadcast_sub(y),
        ("Mul", [y]) => x.broadcast_mul(y),
        ("Div", [y]) => x.broadcast_div(y),
        ("MatMul", [y]) => x.broadcast_matmul(y),
        ("Gemm", [y, bias @ ..]) => {
            let scaled = ["alpha", "beta"].iter().any(|name| {
                let one = Attribute::Float(1.0);
                node.attributes.get(*name).is_some_and(|value| *value != one)
            });
            if scaled || int("transA", 0) != 0 {
                candle_core::bail!("alpha and beta other than 1 and transA are not run");
            }
            let y = if int("transB", 0) != 0 { y.t()? } else { y.clone() };
            let product = x.matmul(&y)?;
            match bias {
                [bias] => product.broadcast_add(bias),
                _ => Ok(product),
            }
        }
        ("Conv", [weight, bias @ ..]) => convolution(node, x, weight, bias.first(), int("group", 1)),
        _ => candle_core::bail!("{} of {} operands is not run", node.op_type, operands.len()),
    }
}

/// A convolution along one or two axes.
fn convolution(
    node: &RawNode,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    groups: i64,
) -> Candle<Tensor> {
    let axes = x.rank().saturating_sub(2);
    let ints = |name: &str, count: usize, default: i64| match node.attributes.get(name) {
        Some(Attribute::Ints(values)) => values.clone(),
        _ => vec![default; count],
    };
    let automatic =
        node.attributes.get("auto_pad").is_some_and(|pad| *pad != Attribute::String("NOTSET".into()));
    let (strides, dilations) = (ints("strides", axes, 1), ints("dilations", axes, 1));
    let even = |values: &[i64]| values.windows(2).all(|pair| pair[0] == pair[1]);
    if automatic
        || !even(&strides)
        || !even(&dilations)
        || !(1..=2).contains(&axes)
        || weight.rank() != x.rank()
    {
        candle_core::bail!(
            "only convolutions along one or two axes, with one stride and one dilation, are run"
        );
    }
    let size =
        |value: i64| usize::try_from(value).map_err(|_| candle_core::Error::Msg("a negative extent".into()));
    let pads = ints("pads", 2 * axes, 0);
    let mut padded = x.to_dtype(DType::F32)?;
    for axis in 0..axes {
        let [Some(&before), Some(&after)] = [pads.get(axis), pads.get(axis + axes)] else {
            candle_core::bail!("pads of another number of axes");
        };
        padded = padded.pad_with_zeros(axis + 2, size(before)?, size(after)?)?;
    }
    let (stride, dilation, groups) = (size(strides[0])?, size(dilations[0])?, size(groups)?);
    let out = match axes {
        1 => padded.conv1d(weight, 0, stride, dilation, groups)?,
        _ => padded.conv2d(weight, 0, stride, dilation, groups)?,
    };
    match bias {
        Some(bias) => {
            out.broadcast_add(&bias.reshape([&[1, bias.elem_count()][..], &vec![1; axes]].concat())?)
        }
        None => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_that_of_the_dependency() {
        let (name, version) = super::CANDLE.split_once(' ').unwrap();
        let needed = format!(r#"{name}-core = {{ version = "{version}""#);
        assert!(include_str!("../Cargo.toml").contains(&needed), "{needed}");
    }
}
