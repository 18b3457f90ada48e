//! `DequantizeLinear`.

use std::sync::Arc;

use super::linear::{Along, DOMAINS, dequantized, values};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, MatMul, Operator, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = (x − zero) × scale`; inputs: x, scale, zero.
///
/// The product is exact, where frameworks round it to float32. Constant codes stay what they are: they become integer
/// weights and biases. Scales for the tensor, for each position on an axis, or for each block.
#[derive(Clone, Copy, Debug)]
pub struct DequantizeLinear {
    /// The axis of a list of scales.
    pub axis: i64,
    /// Elements on the axis that share a scale, or 0.
    pub block: usize,
}

pub(super) const ENTRY: Entry = Entry { name: "DequantizeLinear", domains: DOMAINS, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let Along { axis, block } = Along::import(import)?;
    // The result is exact, whatever float type it would have.
    import.attributes.ignore("output_dtype");
    Ok(Arc::new(DequantizeLinear { axis, block }))
}

impl Operator for DequantizeLinear {
    fn name(&self) -> &'static str {
        "DequantizeLinear"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        if !x.integer {
            return Err(Fault::unsupported(
                "what is dequantized are not codes: its element type is a float",
                "put QuantizeLinear before it, or give it integers",
            ));
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let along = Along { axis: self.axis, block: self.block };
        let quanta = along.quanta(&scale, inputs.get(2).and_then(Option::as_ref), &x.shape)?;
        Ok(vec![dequantized(&x, &quanta)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let along = Along { axis: self.axis, block: self.block };
        Ok(vec![values(
            operand(inputs, 0)?,
            Some(operand(inputs, 1)?),
            inputs.get(2).copied().flatten(),
            along,
        )])
    }

    fn folds(&self) -> bool {
        false
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        false
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let cases = [
        (Tensor::scalar(0.375), Tensor::ints(&[2]), 0, 1),
        (Tensor::new(vec![3], vec![0.5, 0.3125, 1.5]), Tensor::ints(&[0, -1, 3]), 0, 1),
        (
            Tensor::new(vec![2, 3], vec![0.5, 0.25, 1.5, 0.5, 0.25, 1.5]),
            Tensor::ints(&[0, 1, 2, 0, 1, 2]),
            2,
            0,
        ),
    ];
    cases
        .into_iter()
        .map(|(scale, zero, block, axis)| {
            let w = dice.tensor(&[4, 3], 5, 0).typed(true);
            sample(&["fixed<5,3>"], |graph| {
                let x = graph.input("x", &[1, 4]);
                let zero = Tensor { shape: scale.shape.clone(), ..zero };
                let (scale, zero) = (graph.constant("scale", scale), graph.constant("zero", zero));
                let w = graph.constant("w", w);
                let w = graph.add("weights", DequantizeLinear { axis, block }, &[w, scale, zero]);
                let y = graph.add("y", MatMul, &[x, w]);
                graph.output(y);
            })
        })
        .collect()
}
