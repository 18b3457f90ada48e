//! `Floor`, `Ceil` and `Round`.

use std::sync::Arc;

use nn2hdl_runtime::Rounding;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Field, Lower, Mode, Quantity, Quantum, Stairs, whole};
use crate::graph::Tensor;

/// `y = ⌊x⌋`, `y = ⌈x⌉`, or the whole number next to `x`, the even one of two: quantizers of scale 1 without bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// `⌊x⌋`
    Floor,
    /// `⌈x⌉`
    Ceil,
    /// Half to even.
    Round,
}

pub(super) const FLOOR: Entry = entry("Floor", |_| Ok(Arc::new(Round::Floor)), |_| made(Round::Floor));
pub(super) const CEIL: Entry = entry("Ceil", |_| Ok(Arc::new(Round::Ceil)), |_| made(Round::Ceil));
pub(super) const ROUND: Entry = entry("Round", |_| Ok(Arc::new(Round::Round)), |_| made(Round::Round));

type Importer = fn(&mut super::Import<'_>) -> Result<Arc<dyn Operator>, Fault>;

const fn entry(name: &'static str, import: Importer, samples: fn(u64) -> Vec<Sample>) -> Entry {
    Entry { name, domains: ONNX, import, samples }
}

/// No code is as large.
const FAR: i64 = 1 << 62;

impl Operator for Round {
    fn name(&self) -> &'static str {
        match self {
            Self::Floor => "Floor",
            Self::Ceil => "Ceil",
            Self::Round => "Round",
        }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let mode = match self {
            Self::Floor => Mode::Round(Rounding::Trn),
            Self::Ceil => Mode::Ceil,
            Self::Round => Mode::Round(Rounding::RndConv),
        };
        let quanta = Field::uniform(x.shape.len(), Quantum { scale: whole(1), zero: 0 });
        Ok(vec![lower.quantize(&x, &Stairs { quanta, mode, lo: -FAR, hi: FAR })?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let value = |v: f64| match self {
            Self::Floor => v.floor(),
            Self::Ceil => v.ceil(),
            Self::Round => v.round_ties_even(),
        };
        Ok(vec![Tensor::new(x.shape.clone(), x.data.iter().map(|&v| value(v) + 0.0).collect())])
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

fn made(operator: Round) -> Vec<Sample> {
    let form = |factors: [f64; 2]| {
        sample(&["fixed<7,4>"], |graph| {
            let x = graph.input("x", &[1, 2, 2]);
            let factor = graph.constant("factor", Tensor::new(vec![2], factors.to_vec()));
            let scaled = graph.add("scaled", super::Mul, &[x, factor]);
            let y = graph.add("y", operator, &[scaled]);
            graph.output(y);
        })
    };
    vec![form([1.0, 0.5]), form([-77.0 / 256.0, 1.75])]
}
