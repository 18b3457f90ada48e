//! `And`, `Or`, `Xor` and `Not`.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Op};

use super::sample::sample;
use super::{Compare, Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, whole};
use crate::graph::Tensor;

/// `y = a ∧ b`, `a ∨ b`, `a ⊕ b` or `¬a` of conditions, with ONNX's broadcasting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    /// Both.
    And,
    /// At least one.
    Or,
    /// Exactly one.
    Xor,
    /// Not.
    Not,
}

type Importer = fn(&mut super::Import<'_>) -> Result<Arc<dyn Operator>, Fault>;

const fn entry(name: &'static str, import: Importer, samples: fn(u64) -> Vec<Sample>) -> Entry {
    Entry { name, domains: ONNX, import, samples }
}

pub(super) const AND: Entry = entry("And", |_| Ok(Arc::new(Logic::And)), |_| made(Logic::And));
pub(super) const OR: Entry = entry("Or", |_| Ok(Arc::new(Logic::Or)), |_| made(Logic::Or));
pub(super) const XOR: Entry = entry("Xor", |_| Ok(Arc::new(Logic::Xor)), |_| made(Logic::Xor));
pub(super) const NOT: Entry = entry("Not", |_| Ok(Arc::new(Logic::Not)), |_| made(Logic::Not));

impl Operator for Logic {
    fn name(&self) -> &'static str {
        match self {
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
            Self::Not => "Not",
        }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        if *self == Self::Not {
            return Ok(vec![operand(inputs, 0)?.shape.to_vec()]);
        }
        broadcast::shapes(inputs)
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let a = lower.truth(&operand(inputs, 0)?)?;
        if *self == Self::Not {
            let chain = a.chain.map(|link| link.then(&whole(-1), &whole(1)));
            return Ok(vec![Quantity { chain, ..a }]);
        }
        let b = lower.truth(&operand(inputs, 1)?)?;
        let parts = broadcast::aligned_all(lower, &[a, b])?;
        let (a, b) = (&parts[0], &parts[1]);
        let at = a.position();
        let mut body = Expr::default();
        let (x, y) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        match self {
            Self::And | Self::Not => _ = body.push(Op::Min(x, y)),
            Self::Or => _ = body.push(Op::Max(x, y)),
            Self::Xor => {
                let one = body.constant(1);
                let other = body.push(Op::Sub(one, y));
                body.push(Op::Select(x, other, y));
            }
        }
        let reads = vec![lower.read(a, &at)?, lower.read(b, &at)?];
        let draft = Draft::elementwise("", a.value_shape(), reads, body);
        let chain = Field::uniform(a.shape.len(), Link::identity());
        Ok(vec![Quantity { codes: Codes::Value(lower.emit(draft)?), chain, ..a.clone() }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        if *self == Self::Not {
            let x = operand(inputs, 0)?;
            let data = x.data.iter().map(|&v| if v == 0.0 { 1.0 } else { 0.0 }).collect();
            return Ok(vec![Tensor::new(x.shape.clone(), data).typed(true)]);
        }
        let holds = |a: f64, b: f64| match self {
            Self::And => a * b,
            Self::Or => a.max(b),
            _ => (a - b).abs(),
        };
        let results = broadcast::reference(inputs, holds)?;
        Ok(results.into_iter().map(|result| result.typed(true)).collect())
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }

    fn role(&self) -> Role {
        Role::Movement
    }
}

fn made(operator: Logic) -> Vec<Sample> {
    let compared = sample(&["fixed<4,2>", "ufixed<3,2>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 2]), graph.input("b", &[1, 1, 2]));
        let limit = graph.constant("limit", Tensor::new(vec![2], vec![0.5, 1.0]));
        let first = graph.add("first", Compare::Greater, &[a, limit]);
        let second = graph.add("second", Compare::LessOrEqual, &[b, limit]);
        let inputs = [first, second];
        let y = graph.add("y", operator, if operator == Logic::Not { &inputs[..1] } else { &inputs });
        graph.output(y);
    });
    let inputs = sample(&["indices", "indices"], |graph| {
        let (a, b) = (graph.index_input("a", &[1, 3]), graph.index_input("b", &[1, 3]));
        let inputs = [a, b];
        let y = graph.add("y", operator, if operator == Logic::Not { &inputs[..1] } else { &inputs });
        graph.output(y);
    });
    vec![compared, inputs]
}
