//! `Dropout`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = x`, as in inference; the second output, the mask, is 1 everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Dropout;

pub(super) const ENTRY: Entry = Entry { name: "Dropout", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    import.attributes.ignore("ratio");
    import.attributes.ignore("seed");
    import.attributes.ignore("consumed_inputs");
    // Before operator set 7 an attribute told inference from training, with training the default.
    if import.opset < 7 && import.attributes.or("is_test", 0i64)? == 0 {
        return Err(training());
    }
    Ok(Arc::new(Dropout))
}

fn training() -> Fault {
    Fault::unsupported("a dropout in training mode", "export the model for inference (`model.eval()`)")
}

fn mask(shape: &[usize]) -> Tensor {
    Tensor::new(shape.to_vec(), vec![1.0; shape.iter().product()]).typed(true)
}

impl Operator for Dropout {
    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        let trains =
            |mode: Known<'_>| mode.constant.is_none_or(|mode| mode.data.iter().any(|&value| value != 0.0));
        if inputs.get(2).copied().flatten().is_some_and(trains) {
            return Err(training());
        }
        Ok(vec![x.shape.to_vec(); 2])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let mask = Quantity::real(mask(&x.shape));
        Ok(vec![x, mask])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        Ok(vec![x.clone(), mask(&x.shape)])
    }

    fn integer_at(&self, n: usize, inputs: &[bool]) -> bool {
        n == 1 || self.integer(inputs)
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let ratio = graph.constant("ratio", Tensor::scalar(0.5));
        let y = graph.add("y", Dropout, &[x, ratio]);
        graph.output(y);
    })]
}
