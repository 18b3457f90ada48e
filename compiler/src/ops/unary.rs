//! Smooth functions of one variable: all by one mechanism, each a line in `functions`.

use std::sync::Arc;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, Operator, Quant, Role, Sample, operand};
use crate::front::lower::{Curve, Function, Lower, Mode, Quantity};
use crate::graph::Tensor;

/// A function of one variable, with what the operator around it needs.
#[derive(Debug)]
pub(super) struct Spec {
    /// The function, evaluated with `libm`, which is the same on every machine.
    pub(super) function: Function,
    /// Attributes with their defaults, in the order of the function's parameters.
    pub(super) attributes: &'static [(&'static str, f64)],
    /// The function once more, in other words.
    pub(super) reference: fn(&[f64], f64) -> f64,
    /// Format of the samples' input and what is added to it, so that the function is defined there.
    pub(super) domain: (&'static str, f64),
}

/// `y = f(x)`, element by element.
///
/// With a quantizer behind it, the composite from code to code is one table. Without one, the table delivers 16 fraction
/// bits. A monotone function of few levels takes inputs of any width; other inputs must fit the table.
#[derive(Clone, Debug)]
pub struct Unary {
    spec: &'static Spec,
    parameters: Arc<[f64]>,
}

impl Unary {
    /// The function with the default values of its attributes.
    pub(super) fn new(spec: &'static Spec) -> Self {
        Self { spec, parameters: spec.attributes.iter().map(|(_, default)| *default).collect() }
    }

    /// The operator named `name` in ONNX, with the default values of its attributes; `None` if it is none of these.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = super::functions::ALL.iter().copied().chain([&super::functions::GELU_EXACT]);
        all.find(|spec| spec.function.name == name).map(Self::new)
    }
}

/// Reads the attributes that the function has.
pub(super) fn import(import: &mut Import<'_>, spec: &'static Spec) -> Result<Arc<dyn Operator>, Fault> {
    let mut parameters = Vec::new();
    for &(name, default) in spec.attributes {
        parameters.push(import.attributes.or(name, default)?);
    }
    if parameters.iter().any(|parameter| !parameter.is_finite()) {
        return Err(Fault::unsupported("an attribute is NaN or infinite", "export the model again"));
    }
    Ok(Arc::new(Unary { spec, parameters: parameters.into() }))
}

/// The pending function `spec` of `x`, for operators that are built from it.
pub(super) fn applied(
    lower: &mut Lower<'_>,
    x: &Quantity,
    spec: &'static Spec,
    parameters: &Arc<[f64]>,
) -> Result<Quantity, Fault> {
    let node = lower.node_name().into();
    lower.curve(x, &Curve { function: &spec.function, parameters: parameters.clone(), node })
}

impl Operator for Unary {
    fn name(&self) -> &'static str {
        self.spec.function.name
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        Ok(vec![applied(lower, &operand(inputs, 0)?, self.spec, &self.parameters)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let data = x.data.iter().map(|&v| (self.spec.reference)(&self.parameters, v)).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

/// One sample for each seed: by turns the function alone, and between affine functions and a quantizer.
pub(super) fn samples(seed: u64, spec: &'static Spec) -> Vec<Sample> {
    let (format, shift) = spec.domain;
    let mut dice = Dice::new(seed);
    let quantized = seed % 2 == 1;
    let made = sample(&[format], |graph| {
        let x = graph.input("x", &[1, 2]);
        let factors: Vec<f64> = (0..2).map(|_| dice.int(3, 8) as f64 / 8.0).collect();
        let factor = graph.constant("factor", Tensor::new(vec![2], factors));
        let shift = graph.constant("shift", Tensor::scalar(shift));
        let scaled = if quantized { graph.add("scaled", super::Mul, &[x, factor]) } else { x };
        let moved = graph.add("moved", super::Add, &[scaled, shift]);
        let mut y = graph.add("y", Unary::new(spec), &[moved]);
        if quantized {
            let constants = [("gain", -0.75), ("scale", 0.1107), ("zero", 3.0), ("bits", 6.0)];
            let [gain, scale, zero, bits] =
                constants.map(|(name, value)| graph.constant(name, Tensor::scalar(value)));
            y = graph.add("gained", super::Mul, &[y, gain]);
            let mode = Mode::Round(nn2hdl_runtime::Rounding::RndConv);
            let quant = Quant { signed: true, narrow: false, mode };
            y = graph.add("quant", quant, &[y, scale, zero, bits]);
        }
        graph.output(y);
    });
    let half = 2f64.powi(-17) * (1.0 + 1e-6);
    // The codes agree; their decoded values differ by float rounding.
    vec![Sample { tolerance: if quantized { 1e-12 } else { half }, ..made }]
}

/// The lines of `OPERATORS`, `NAME = SPEC`, and the list of all.
macro_rules! entries {
    ($($name:ident = $spec:ident;)*) => {
        /// Every function of the table.
        pub(super) static ALL: &[&$crate::ops::unary::Spec] = &[$(&$spec),*];
    $(
        pub(super) const $name: $crate::ops::Entry = $crate::ops::Entry {
            name: $spec.function.name,
            domains: $crate::ops::ONNX,
            import: |import| $crate::ops::unary::import(import, &$spec),
            samples: |seed| $crate::ops::unary::samples(seed, &$spec),
        };
    )*};
}
pub(super) use entries;

/// `Gelu` has two forms, told apart by an attribute.
pub(super) fn import_gelu(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    match import.attributes.or("approximate", "none")? {
        "none" => Ok(Arc::new(Unary::new(&super::functions::GELU_EXACT))),
        "tanh" => Ok(Arc::new(Unary::new(&super::functions::GELU_TANH))),
        other => {
            Err(Fault::unsupported(format!("the approximation {other} is not known"), "use none or tanh"))
        }
    }
}

/// Samples of both forms by turns.
pub(super) fn samples_gelu(seed: u64) -> Vec<Sample> {
    let exact = (seed / 2).is_multiple_of(2);
    samples(seed, if exact { &super::functions::GELU_EXACT } else { &super::functions::GELU_TANH })
}

/// The line of `OPERATORS` for both forms.
pub(super) const GELU: Entry =
    Entry { name: "Gelu", domains: super::ONNX, import: import_gelu, samples: samples_gelu };
