//! `Cast`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = x`, as another element type. Between floats nothing changes; a float becomes an integer only if it is constant.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// Whether the result's elements are integers.
    pub integer: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "Cast", domains: ONNX, import, samples };

/// ONNX's numbers of the floating-point types.
const FLOATS: [i64; 4] = [1, 10, 11, 16];

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let to: i64 = import.attributes.required("to")?;
    import.attributes.ignore("saturate");
    if !(1..=13).contains(&to) && to != 16 || to == 8 {
        return Err(Fault::unsupported(
            format!("the element type {to} is not supported"),
            "cast to a float or integer type",
        ));
    }
    Ok(Arc::new(Cast { integer: !FLOATS.contains(&to) }))
}

impl Operator for Cast {
    fn name(&self) -> &'static str {
        "Cast"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        if self.integer && !x.integer {
            return Err(Fault::unsupported(
                "an activation is cast to integers",
                "use Quant to round activations",
            ));
        }
        Ok(vec![x])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let data = x.data.iter().map(|v| if self.integer { v.trunc() } else { *v }).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data).typed(self.integer)])
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        self.integer
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let y = graph.add("y", Cast { integer: false }, &[x]);
        graph.output(y);
    })]
}
