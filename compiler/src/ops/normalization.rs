//! What the normalizations share: elements divided by a root of the sum of their squares.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::quantize::{self, Drop};
use nn2hdl_runtime::range::join;
use nn2hdl_runtime::{Expr, ExprId, Index, Op, Rounding, ValueId};

use super::argmax::without_offset;
use super::broadcast::{aligned, extend};
use super::group::{Group, members};
use super::{Fault, Known};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, Ratio, nearest, power_of_two};
use crate::graph::Tensor;

/// `y = d ÷ √(mean(d²) + ε)`, with `d = x − mean(x)` or `d = x`; or, without the mean, `y = d ÷ √(Σ d²)`.
///
/// `d` and the sum of squares are exact, as multiples of integers. The sum, with ε, is brought to `table_bits` bits by an
/// even shift, its inverse root is a table's, and half the shift is undone on the product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normalization {
    /// Whether the mean is subtracted.
    pub centre: bool,
    /// Whether the squares' mean is taken, and not their sum.
    pub mean: bool,
    /// What is added to the mean of squares.
    pub epsilon: f64,
}

/// The numbers of one table of inverse roots.
struct Plan {
    /// Bits of the table's index, and fraction bits of the result.
    bits: i64,
    /// Zero bits appended to the sum of squares, so that what is not zero fills the table's upper three quarters.
    lift: i64,
    /// Whether the lift is less than that, for lack of bits.
    limited: bool,
    /// ε in units of the lifted sum.
    epsilon: i64,
    /// The exact one.
    exact_epsilon: f64,
    /// Number of stages in which the sum is shifted.
    stages: u32,
    /// Fraction bits of the table's entries.
    frac: i64,
    /// What the quotient of integers is multiplied with.
    factor: f64,
}

impl Normalization {
    /// Refuses an ε that is not a number of at least 0.
    pub(super) fn checked(self) -> Result<Self, Fault> {
        if self.epsilon.is_finite() && self.epsilon >= 0.0 {
            return Ok(self);
        }
        Err(Fault::new("not-finite", "epsilon is negative or not a number", "export the model again"))
    }

    /// The normalized elements of `x` in the groups of `group`.
    pub(super) fn define(
        self,
        lower: &mut Lower<'_>,
        x: &Quantity,
        group: &Group,
    ) -> Result<Quantity, Fault> {
        let x = if self.centre { without_offset(x) } else { x.clone() };
        let x = lower.plain(&x)?;
        let scale = nearest(&x.chain.entries()[0].a);
        let d = if self.centre { self.centred(lower, &x, group)? } else { x.clone() };
        let plan = self.plan(lower, &d, group, scale)?;
        let squares = plan.squares(lower, &d, group)?;
        let plan = plan.staged(lower, squares);
        let packed = plan.packed(lower, &d, group, squares)?;
        let packed = group.of(&d, packed);
        let root = plan.root(lower, &d, group, &packed)?;
        let root = group.of(&d, root);
        let y = plan.product(lower, &d, group, &root, &packed)?;
        let node = lower.node_name().to_owned();
        lower.note(format!(
            "{node}: the normalized values, before scale and bias, differ from the real function by less than {:.1e}",
            plan.bound()
        ));
        let chain = Field::uniform(x.shape.len(), Link::scale(power_of_two(-plan.bits)));
        Ok(Quantity { codes: Codes::Value(y), chain, integer: false, ..x })
    }

    /// `n × x − Σ x`, for `n` elements.
    fn centred(self, lower: &mut Lower<'_>, x: &Quantity, group: &Group) -> Result<Quantity, Fault> {
        let read = lower.read(x, &group.along(x))?;
        let draft = Draft::sum("sum", &group.reduced(x), group.extent(), vec![read], Expr::read());
        let sum = lower.emit(draft.frac(x.frac()))?;
        let sum = group.of(x, sum);
        let mut body = Expr::default();
        let (code, total) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let count = body.constant(group.count() as i64);
        let product = body.push(Op::Mul(code, count));
        body.push(Op::Sub(product, total));
        let reads = vec![lower.read(x, &x.position())?, lower.read(&sum, &group.first(x))?];
        let value = lower.emit(Draft::elementwise("centred", x.value_shape(), reads, body))?;
        Ok(Quantity { codes: Codes::Value(value), ..x.clone() })
    }

    fn plan(self, lower: &mut Lower<'_>, d: &Quantity, group: &Group, scale: f64) -> Result<Plan, Fault> {
        let bits = i64::from(lower.options().table_bits.clamp(4, 16));
        let n = group.count() as f64;
        let power = match (self.centre, self.mean) {
            (true, _) => n.powi(3),
            (false, true) => n,
            (false, false) => 1.0,
        };
        let exact = self.epsilon * power / (scale * scale);
        let value = lower.value(d)?;
        let range = join(lower.elements(value));
        let most = range.lo.unsigned_abs().max(range.hi.unsigned_abs());
        let squares = most.saturating_mul(most).saturating_mul(group.count() as u128);
        let room = 60 - i64::from(128 - squares.leading_zeros());
        let wanted = (bits as f64 - (1.0 + exact).log2()).ceil().max(0.0) as i64;
        let lift = wanted.min(room).max(0);
        let epsilon = exact * 2f64.powi(lift as i32);
        if room < 0 || epsilon >= 2f64.powi(60) {
            return Err(Fault::new(
                "code-too-wide",
                "the sum of squares, with epsilon, has more than 60 bits",
                "put a quantizer of fewer bits before the normalization",
            ));
        }
        let factor = if self.mean { n.sqrt() } else { 1.0 };
        let whole = 1.5 * bits as f64 + 1.0 - factor.log2() - lift as f64 / 2.0;
        Ok(Plan {
            bits,
            lift,
            limited: lift < wanted,
            epsilon: epsilon.round() as i64,
            exact_epsilon: exact,
            stages: 0,
            frac: (whole.ceil() as i64).max(bits + 2),
            factor,
        })
    }

    /// The formula in floats; elements of one `key` belong to one group.
    pub(super) fn reference<K: Ord>(self, x: &Tensor, key: impl Fn(&[usize]) -> K) -> Tensor {
        let mut data = x.data.clone();
        for group in members(&x.shape, key) {
            let n = group.len() as f64;
            let mean = if self.centre { group.iter().map(|&at| x.data[at]).sum::<f64>() / n } else { 0.0 };
            let squares: f64 = group.iter().map(|&at| (x.data[at] - mean).powi(2)).sum();
            let root = (squares / if self.mean { n } else { 1.0 } + self.epsilon).sqrt();
            for at in group {
                data[at] = if x.data[at] == mean { 0.0 } else { (x.data[at] - mean) / root };
            }
        }
        Tensor::new(x.shape.clone(), data)
    }
}

impl Plan {
    /// `(Σ d² << lift) + ε`.
    fn squares(&self, lower: &mut Lower<'_>, d: &Quantity, group: &Group) -> Result<ValueId, Fault> {
        let mut body = Expr::default();
        let element = body.push(Op::Read(0));
        body.push(Op::Mul(element, element));
        let mut finish = Expr::acc();
        let sum = finish.result();
        // Squares are not negative, which the product of two intervals does not show.
        let zero = finish.constant(0);
        let sum = finish.push(Op::Max(sum, zero));
        let amount = finish.constant(self.lift);
        let lifted = finish.push(Op::Shl(sum, amount));
        let epsilon = finish.constant(self.epsilon);
        finish.push(Op::Add(lifted, epsilon));
        let read = lower.read(d, &group.along(d))?;
        let draft = Draft::sum("squares", &group.reduced(d), group.extent(), vec![read], body);
        lower.emit(Draft { finish, ..draft })
    }

    /// With as many stages as bring `squares` below 2^bits.
    fn staged(self, lower: &Lower<'_>, squares: ValueId) -> Self {
        let most = join(lower.elements(squares)).hi;
        let reaches = |stages: u32| most >> (self.bits + 2 * ((1 << stages) - 1)).min(126) == 0;
        let stages = (0..6).find(|&stages| reaches(stages)).unwrap_or(5);
        Self { stages, ..self }
    }

    /// `(j << bits) + (squares >> 2j)` with the least `j` for which the second part has `bits` bits.
    fn packed(
        &self,
        lower: &mut Lower<'_>,
        d: &Quantity,
        group: &Group,
        squares: ValueId,
    ) -> Result<ValueId, Fault> {
        let mut body = Expr::default();
        let mut x = body.push(Op::Read(0));
        let mut total: Option<ExprId> = None;
        for stage in (0..self.stages).rev() {
            let half = 1i64 << stage;
            let width = self.bits + 2 * half - 2;
            let most = body.constant((1i64 << width) - 1);
            let large = body.push(Op::Lt(most, x));
            let amount = body.constant(2 * half);
            let shifted = body.push(Op::Shr(x, amount));
            // Where it is not large nothing is cut off.
            let width = body.constant(width);
            let kept = body.push(Op::Wrap { a: x, signed: false, width });
            x = body.push(Op::Select(large, shifted, kept));
            let amount = body.constant(self.bits + i64::from(stage));
            let flag = body.push(Op::Shl(large, amount));
            total = Some(total.map_or(flag, |total| body.push(Op::Add(total, flag))));
        }
        if let Some(total) = total {
            body.push(Op::Add(total, x));
        }
        let squares = group.of(d, squares);
        let read = lower.read(&squares, &group.first(d))?;
        lower.emit(Draft::elementwise("packed", &group.reduced(d), vec![read], body))
    }

    /// The table's entry for an index: the inverse root in the middle of what has this index.
    fn entry(&self, index: i64) -> f64 {
        let quarter = 1i64 << (self.bits - 2);
        let x = match index {
            0 if self.limited || self.stages == 0 => return 0.0,
            index if self.stages == 0 || (self.limited && index < quarter) => index as f64,
            index => index.max(quarter) as f64 + 0.5,
        };
        self.factor * 2f64.powf(self.frac as f64 + self.lift as f64 / 2.0) / x.sqrt()
    }

    fn root(
        &self,
        lower: &mut Lower<'_>,
        d: &Quantity,
        group: &Group,
        packed: &Quantity,
    ) -> Result<ValueId, Fault> {
        let table = (0..1i64 << self.bits).map(|index| self.entry(index).round() as i64).collect();
        let table = lower.table("root", table);
        let mut body = Expr::default();
        let packed_code = body.push(Op::Read(0));
        let width = body.constant(self.bits);
        let index = body.push(Op::Wrap { a: packed_code, signed: false, width });
        body.push(Op::Lut { table, row: Index::Const(0), len: 1 << self.bits, base: 0, a: index });
        let read = lower.read(packed, &group.first(d))?;
        lower.emit(Draft::elementwise("root", &group.reduced(d), vec![read], body))
    }

    /// `d × root >> j`, rounded to `bits` fraction bits.
    fn product(
        &self,
        lower: &mut Lower<'_>,
        d: &Quantity,
        group: &Group,
        root: &Quantity,
        packed: &Quantity,
    ) -> Result<ValueId, Fault> {
        // No element is larger than the root of the sum of squares, so that above these bits there are only signs.
        let peak = (self.factor * 2f64.powi(self.frac as i32) * 1.25).log2().ceil() as i64 + 2;
        let mut body = Expr::default();
        let (element, root_code) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let mut y = body.push(Op::Mul(element, root_code));
        let flags = (self.stages > 0).then(|| body.push(Op::Read(2)));
        for stage in (0..self.stages).rev() {
            let half = 1i64 << stage;
            let amount = body.constant(self.bits + i64::from(stage));
            let flag = body.push(Op::Shr(flags.unwrap_or(element), amount));
            let one = body.constant(1);
            let flag = body.push(Op::Wrap { a: flag, signed: false, width: one });
            let amount = body.constant(half);
            let shifted = body.push(Op::Shr(y, amount));
            y = body.push(Op::Select(flag, shifted, y));
            if peak + half - 1 < 63 {
                let width = body.constant(peak + half - 1);
                y = body.push(Op::Wrap { a: y, signed: true, width });
            }
        }
        quantize::round(&mut body, y, &Drop::Uniform((self.frac - self.bits) as i32), Rounding::Rnd);
        let first = group.first(d);
        let mut reads = vec![lower.read(d, &d.position())?, lower.read(root, &first)?];
        if self.stages > 0 {
            reads.push(lower.read(packed, &first)?);
        }
        lower.emit(Draft::elementwise("", d.value_shape(), reads, body).frac(self.bits as i32))
    }

    /// The greatest difference to the real function: of the table's middle to its ends, of its rounding, of ε's, and of
    /// the result's.
    fn bound(&self) -> f64 {
        let least = 2f64.powi(self.lift as i32) * (1.0 + self.exact_epsilon);
        let epsilon = (self.epsilon as f64 - self.exact_epsilon * 2f64.powi(self.lift as i32)).abs();
        let relative =
            2f64.powi(-(self.bits as i32)) + 0.5 / self.entry((1 << self.bits) - 1) + 0.5 * epsilon / least;
        let absolute = 2f64.powi(-(self.frac as i32)) + 2f64.powi(-(self.bits as i32) - 1);
        1.02 * self.factor * relative + absolute
    }
}

/// `y × scale + bias` with constants of shape `shape`, broadcast to the last axes of `y`.
pub(super) fn affine(
    y: &Quantity,
    scale: Option<&Quantity>,
    bias: Option<&Quantity>,
    shape: &[usize],
) -> Result<Quantity, Fault> {
    let field = |constant: &Quantity| -> Result<Field<Ratio>, Fault> {
        if !constant.is_constant() {
            return Err(Fault::unsupported(
                "the scale or bias of a normalization is computed at run time",
                "give it as a constant, or use Mul and Add",
            ));
        }
        let values = constant.values()?;
        let entries = points(&constant.shape).map(|p| values.at(&p).clone()).collect();
        Ok(aligned(&Field::new(shape.to_vec(), entries), y.shape.len()))
    };
    let (one, zero) = (power_of_two(0), Ratio::default());
    let mut y = y.clone();
    if let Some(scale) = scale {
        y = extend(&y, &field(scale)?, |link, factor| link.then(factor, &zero))?;
    }
    if let Some(bias) = bias {
        y = extend(&y, &field(bias)?, |link, summand| link.then(&one, summand))?;
    }
    Ok(y)
}

/// The naive counterpart of [`affine`]: the constant at `p`.
pub(super) fn parameter(constant: Option<&Tensor>, default: f64, at: impl Fn(&Tensor) -> usize) -> f64 {
    constant.map_or(default, |constant| constant.data[at(constant)])
}

/// Refuses a parameter whose shape is not `shape`.
pub(super) fn expect(parameter: Option<Known<'_>>, shape: &[usize]) -> Result<(), Fault> {
    match parameter {
        Some(known) if known.shape != shape => {
            Err(Fault::shape(format!("a parameter has the shape {:?} instead of {shape:?}", known.shape)))
        }
        _ => Ok(()),
    }
}
