//! `ConstantOfShape`.

use std::sync::Arc;

use super::sample::sample;
use super::{Add, Entry, Fault, Import, Known, ONNX, Operator, Sample, bounded, ints, operand};
use crate::front::import::tensor;
use crate::front::lower::{Lower, Quantity};
use crate::front::onnx::ConstantTensor;
use crate::graph::Tensor;

/// `y[p] = value`, for a constant shape.
#[derive(Clone, Debug)]
pub struct ConstantOfShape {
    /// The value.
    pub value: f64,
    /// Whether it is of an integer type.
    pub integer: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "ConstantOfShape", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let value = import.attributes.get::<&ConstantTensor>("value")?.map(tensor);
    let value = value.unwrap_or_else(|| Tensor::scalar(0.0));
    match value.data[..] {
        [first] => Ok(Arc::new(ConstantOfShape { value: first, integer: value.integer })),
        _ => Err(Fault::shape("the value has not exactly one element")),
    }
}

impl ConstantOfShape {
    fn of(&self, extents: &[i64]) -> Result<Vec<usize>, Fault> {
        let shape: Result<Vec<usize>, _> = extents.iter().map(|&extent| usize::try_from(extent)).collect();
        bounded(shape.map_err(|_| Fault::shape("an extent is negative"))?)
    }
}

impl Operator for ConstantOfShape {
    fn name(&self) -> &'static str {
        "ConstantOfShape"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![
            self.of(&ints(inputs, 0, "extents")?.ok_or_else(|| Fault::shape("the extents are missing"))?)?,
        ])
    }

    fn define(&self, lower: &mut Lower<'_>, _inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let shape = lower.output_shape(0);
        let data = vec![self.value; shape.iter().product()];
        Ok(vec![Quantity::real(Tensor::new(shape, data).typed(self.integer))])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let shape = self.of(&operand(inputs, 0)?.to_ints())?;
        let data = vec![self.value; shape.iter().product()];
        Ok(vec![Tensor::new(shape, data).typed(self.integer)])
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        self.integer
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let extents = graph.constant("extents", Tensor::ints(&[3]));
        let c = graph.add("c", ConstantOfShape { value: 0.5, integer: false }, &[extents]);
        let y = graph.add("y", Add, &[x, c]);
        graph.output(y);
    })]
}
