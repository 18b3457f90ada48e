//! `Constant`.

use std::sync::Arc;

use super::sample::{Dice, sample};
use super::{Add, Entry, Fault, Import, Known, ONNX, Operator, Sample};
use crate::front::import::tensor;
use crate::front::lower::{Lower, Quantity};
use crate::front::onnx::ConstantTensor;
use crate::graph::Tensor;

/// `y = value`.
#[derive(Clone, Debug)]
pub struct Constant {
    /// The value.
    pub value: Tensor,
}

pub(super) const ENTRY: Entry = Entry { name: "Constant", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let value = if let Some(value) = attributes.get::<&ConstantTensor>("value")? {
        tensor(value)
    } else if let Some(value) = attributes.get::<f64>("value_float")? {
        Tensor::scalar(value)
    } else if let Some(value) = attributes.get::<i64>("value_int")? {
        Tensor::scalar(value as f64).typed(true)
    } else if let Some(values) = attributes.get::<&[f64]>("value_floats")? {
        Tensor::new(vec![values.len()], values.to_vec())
    } else if let Some(values) = attributes.get::<&[i64]>("value_ints")? {
        Tensor::ints(values)
    } else {
        return Err(Fault::unsupported(
            "the constant is neither a tensor nor numbers",
            "store it as a dense tensor",
        ));
    };
    Ok(Arc::new(Constant { value }))
}

impl Operator for Constant {
    fn name(&self) -> &'static str {
        "Constant"
    }

    fn shapes(&self, _inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.value.shape.clone()])
    }

    fn define(&self, _lower: &mut Lower<'_>, _inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        Ok(vec![Quantity::real(self.value.clone())])
    }

    fn reference(&self, _inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        Ok(vec![self.value.clone()])
    }

    fn constant(&self, _inputs: &[Option<Known<'_>>]) -> Option<Tensor> {
        Some(self.value.clone())
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        self.value.integer
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let value = Dice::new(seed).tensor(&[3], 5, 2);
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let c = graph.add("c", Constant { value }, &[]);
        let y = graph.add("y", Add, &[x, c]);
        graph.output(y);
    })]
}
