//! `Abs`, `Neg` and `Sign`.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Op};
use num_traits::Zero;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, Ratio, whole};
use crate::graph::Tensor;

/// `y = |x|`, `y = −x`, or `y` = 1, 0, −1 as `x` is positive, zero, negative.
///
/// All exact on inputs of any width: an absolute value is the greater of `x` and `−x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `|x|`
    Abs,
    /// `−x`
    Neg,
    /// `1`, `0` or `−1`
    Sign,
}

pub(super) const ABS: Entry = entry("Abs", |_| Ok(Arc::new(Sign::Abs)), |_| made(Sign::Abs));
pub(super) const NEG: Entry = entry("Neg", |_| Ok(Arc::new(Sign::Neg)), |_| made(Sign::Neg));
pub(super) const SIGN: Entry = entry("Sign", |_| Ok(Arc::new(Sign::Sign)), |_| made(Sign::Sign));

type Importer = fn(&mut super::Import<'_>) -> Result<Arc<dyn Operator>, Fault>;

const fn entry(name: &'static str, import: Importer, samples: fn(u64) -> Vec<Sample>) -> Entry {
    Entry { name, domains: ONNX, import, samples }
}

impl Operator for Sign {
    fn name(&self) -> &'static str {
        match self {
            Self::Abs => "Abs",
            Self::Neg => "Neg",
            Self::Sign => "Sign",
        }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = lower.shallow(&operand(inputs, 0)?)?;
        let negated = |link: &Link| link.then(&whole(-1), &Ratio::zero());
        let chain = match self {
            Self::Neg => x.chain.map(negated),
            Self::Abs => x.chain.map(|link| Link::max(link.clone(), negated(link))),
            Self::Sign => {
                let below = lower.negative(&x)?;
                let above = lower.negative(&Quantity { chain: x.chain.map(negated), ..x })?;
                let mut body = Expr::default();
                let (a, b) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
                body.push(Op::Sub(a, b));
                let at = above.position();
                let reads = vec![lower.read(&above, &at)?, lower.read(&below, &at)?];
                let draft = Draft::elementwise("", above.value_shape(), reads, body);
                let chain = Field::uniform(above.shape.len(), Link::identity());
                return Ok(vec![Quantity { codes: Codes::Value(lower.emit(draft)?), chain, ..above }]);
            }
        };
        Ok(vec![Quantity { chain, ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let value = |v: f64| match self {
            Self::Abs => v.abs(),
            Self::Neg => 0.0 - v,
            Self::Sign if v == 0.0 => 0.0,
            Self::Sign => v.signum(),
        };
        Ok(vec![Tensor::new(x.shape.clone(), x.data.iter().map(|&v| value(v)).collect()).typed(x.integer)])
    }

    fn role(&self) -> Role {
        Role::Activation
    }

    fn affine(&self, input: usize) -> bool {
        *self == Self::Neg && input == 0
    }
}

fn made(operator: Sign) -> Vec<Sample> {
    let open = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 2]);
        let y = graph.add("y", operator, &[x]);
        graph.output(y);
    });
    let closed = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 2]);
        let factor = graph.constant("factor", Tensor::new(vec![2], vec![0.75, -1.25]));
        let offset = graph.constant("offset", Tensor::new(vec![2, 1], vec![0.3, -1.5]));
        let scaled = graph.add("scaled", super::Mul, &[x, factor]);
        let moved = graph.add("moved", super::Add, &[scaled, offset]);
        let y = graph.add("y", operator, &[moved]);
        let y = super::leaky_relu::quantized(graph, y, 0.2307, 5.0);
        graph.output(y);
    });
    vec![open, Sample { tolerance: 1e-12, ..closed }]
}
