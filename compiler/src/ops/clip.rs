//! `Clip`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity, Ratio, exact};
use crate::graph::Tensor;

/// `y = min(max(x, least), greatest)`, either bound optional: attributes before operator set 11, constant inputs from
/// then on.
///
/// Bounds of the pending exact function; the next quantizer's bounds carry them out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clip {
    /// Least value, by attribute.
    pub min: Option<f64>,
    /// Greatest value, by attribute.
    pub max: Option<f64>,
}

pub(super) const ENTRY: Entry = Entry { name: "Clip", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    if import.opset >= 11 {
        return Ok(Arc::new(Clip::default()));
    }
    Ok(Arc::new(Clip { min: import.attributes.get("min")?, max: import.attributes.get("max")? }))
}

/// The bound of an input, else of an attribute; an infinite one is none.
fn bound(inputs: &[Option<Quantity>], index: usize, attribute: Option<f64>) -> Result<Option<Ratio>, Fault> {
    let Some(input) = inputs.get(index).and_then(Option::as_ref) else {
        return Ok(attribute.and_then(exact));
    };
    if let crate::front::lower::Codes::Real(tensor) = &input.codes
        && tensor.data.iter().all(|value| value.is_infinite())
    {
        return Ok(None);
    }
    let runtime = || {
        Fault::unsupported(
            "a bound is not one constant",
            "use constant scalars, or Min and Max for bounds that are tensors",
        )
    };
    if !input.is_constant() {
        return Err(runtime());
    }
    input.values()?.single().cloned().ok_or_else(runtime).map(Some)
}

impl Operator for Clip {
    fn name(&self) -> &'static str {
        "Clip"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let (least, greatest) = (bound(inputs, 1, self.min)?, bound(inputs, 2, self.max)?);
        let chain = x.chain.map(|link| {
            let raised = least.as_ref().map_or_else(|| link.clone(), |least| link.then_max(least));
            greatest.as_ref().map_or_else(|| raised.clone(), |greatest| raised.then_min(greatest))
        });
        Ok(vec![Quantity { chain, ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let scalar = |index: usize, attribute: Option<f64>| {
            inputs.get(index).copied().flatten().and_then(|tensor| tensor.data.first().copied()).or(attribute)
        };
        let (least, greatest) = (scalar(1, self.min), scalar(2, self.max));
        let value = |v: f64| {
            let v = if least.is_some_and(|least| v < least) { least.unwrap_or(v) } else { v };
            if greatest.is_some_and(|greatest| v > greatest) { greatest.unwrap_or(v) } else { v }
        };
        Ok(vec![Tensor::new(x.shape.clone(), x.data.iter().map(|&v| value(v)).collect()).typed(x.integer)])
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let form = |operator: Clip, constants: &[f64], closed: bool| {
        let made = sample(&["fixed<6,3>"], |graph| {
            let x = graph.input("x", &[1, 3]);
            let mut inputs = vec![x];
            for (n, &value) in constants.iter().enumerate() {
                inputs.push(graph.constant(format!("bound{n}"), Tensor::scalar(value)));
            }
            let mut y = graph.add("y", operator, &inputs);
            if closed {
                y = super::leaky_relu::quantized(graph, y, 0.1307, 5.0);
            }
            graph.output(y);
        });
        Sample { tolerance: if closed { 1e-12 } else { 0.0 }, ..made }
    };
    vec![
        form(Clip::default(), &[-1.25, 2.0], false),
        form(Clip::default(), &[0.5], false),
        form(Clip { min: None, max: Some(1.0) }, &[], false),
        form(Clip::default(), &[-0.7, f64::from(1.9f32)], true),
        form(Clip::default(), &[2.0, 1.0], false),
    ]
}
