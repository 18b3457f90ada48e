//! `Less`, `LessOrEqual`, `Greater`, `GreaterOrEqual` and `Equal`.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Op};
use num_traits::Zero;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, Sub, broadcast};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, Ratio, whole};
use crate::graph::Tensor;

/// `y = 1` where `a` compares to `b` as the name says, else 0, with ONNX's broadcasting.
///
/// Exact: the difference is compared with 0. With a constant operand every code has its threshold, whatever the scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `a < b`
    Less,
    /// `a ≤ b`
    LessOrEqual,
    /// `a > b`
    Greater,
    /// `a ≥ b`
    GreaterOrEqual,
    /// `a = b`
    Equal,
}

type Importer = fn(&mut super::Import<'_>) -> Result<Arc<dyn Operator>, Fault>;

const fn entry(name: &'static str, import: Importer, samples: fn(u64) -> Vec<Sample>) -> Entry {
    Entry { name, domains: ONNX, import, samples }
}

pub(super) const LESS: Entry = entry("Less", |_| Ok(Arc::new(Compare::Less)), |_| made(Compare::Less));
pub(super) const LESS_OR_EQUAL: Entry =
    entry("LessOrEqual", |_| Ok(Arc::new(Compare::LessOrEqual)), |_| made(Compare::LessOrEqual));
pub(super) const GREATER: Entry =
    entry("Greater", |_| Ok(Arc::new(Compare::Greater)), |_| made(Compare::Greater));
pub(super) const GREATER_OR_EQUAL: Entry =
    entry("GreaterOrEqual", |_| Ok(Arc::new(Compare::GreaterOrEqual)), |_| made(Compare::GreaterOrEqual));
pub(super) const EQUAL: Entry = entry("Equal", |_| Ok(Arc::new(Compare::Equal)), |_| made(Compare::Equal));

impl Operator for Compare {
    fn name(&self) -> &'static str {
        match self {
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::Equal => "Equal",
        }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        broadcast::shapes(inputs)
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let difference = Sub.define(lower, inputs)?.swap_remove(0);
        let less = |lower: &mut Lower<'_>| lower.negative(&difference);
        let negated = |link: &Link| link.then(&whole(-1), &Ratio::zero());
        let greater = |lower: &mut Lower<'_>| {
            lower.negative(&Quantity { chain: difference.chain.map(negated), ..difference.clone() })
        };
        let not = |x: Quantity| Quantity { chain: x.chain.map(|link| link.then(&whole(-1), &whole(1))), ..x };
        Ok(vec![match self {
            Self::Less => less(lower)?,
            Self::Greater => greater(lower)?,
            Self::LessOrEqual => not(greater(lower)?),
            Self::GreaterOrEqual => not(less(lower)?),
            Self::Equal => {
                let (a, b) = (less(lower)?, greater(lower)?);
                let mut body = Expr::default();
                let (x, y) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
                // Never both.
                body.push(Op::Max(x, y));
                let at = a.position();
                let reads = vec![lower.read(&a, &at)?, lower.read(&b, &at)?];
                let draft = Draft::elementwise("", a.value_shape(), reads, body);
                let chain = Field::uniform(a.shape.len(), Link::identity());
                not(Quantity { codes: Codes::Value(lower.emit(draft)?), chain, ..a })
            }
        }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let holds = |a: f64, b: f64| match self {
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
            Self::Equal => a == b,
        };
        let results = broadcast::reference(inputs, |a, b| f64::from(u8::from(holds(a, b))))?;
        Ok(results.into_iter().map(|result| result.typed(true)).collect())
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }

    fn role(&self) -> Role {
        Role::Movement
    }
}

fn made(operator: Compare) -> Vec<Sample> {
    let two = sample(&["fixed<6,3>", "ufixed<3,1>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 2]), graph.input("b", &[1, 1, 2]));
        let y = graph.add("y", operator, &[a, b]);
        graph.output(y);
    });
    let constant = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 2]);
        let factor = graph.constant("factor", Tensor::new(vec![2], vec![-0.75, 1.1]));
        let limit = graph.constant("limit", Tensor::new(vec![2, 1], vec![0.375, 0.55]));
        let scaled = graph.add("scaled", super::Mul, &[x, factor]);
        let y = graph.add("y", operator, &[limit, scaled]);
        graph.output(y);
    });
    vec![two, constant]
}
