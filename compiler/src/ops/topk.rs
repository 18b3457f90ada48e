//! `TopK`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Access, Expr, Index, Op, Read, ValueId};
use num_traits::Signed;

use super::argmax::place;
use super::sample::sample;
use super::sorting::{Cell, Network};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, ints, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// The `k` largest (or smallest) elements along an axis in descending (ascending) order, and their indices; of equal
/// elements the one with the lower index comes first.
///
/// A sorting network on `x × 2^b + (n − 1 − i)`, or `x × 2^b + i` for the smallest, of which only those comparators are
/// made that reach a result. Where ONNX leaves the order open (`sorted = 0`) it is the same.
#[derive(Clone, Copy, Debug)]
pub struct TopK {
    /// The axis.
    pub axis: i64,
    /// Whether the largest are sought.
    pub largest: bool,
    /// The number of elements, where it is an attribute (before operator set 10).
    pub k: Option<i64>,
}

pub(super) const ENTRY: Entry = Entry { name: "TopK", domains: ONNX, import, samples };

/// More comparators than this are not what firmware has room for.
const CELLS: usize = 1 << 16;

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let k = if import.opset < 10 { Some(attributes.required("k")?) } else { None };
    let largest = attributes.or("largest", 1i64)? != 0;
    attributes.ignore("sorted");
    Ok(Arc::new(TopK { axis: attributes.or("axis", -1)?, largest, k }))
}

impl TopK {
    fn target(self, shape: &[usize], k: Option<i64>) -> Result<(usize, Vec<usize>), Fault> {
        let axis = axis(self.axis, shape.len())?;
        let k = k.or(self.k).ok_or_else(|| Fault::shape("the number of elements is missing"))?;
        let mut target = shape.to_vec();
        target[axis] =
            usize::try_from(k).ok().filter(|k| (1..=shape[axis]).contains(k)).ok_or_else(|| {
                Fault::unsupported(
                    format!("{k} of {} elements", shape[axis]),
                    format!("k must be 1 to {}", shape[axis]),
                )
            })?;
        Ok((axis, target))
    }

    /// The keys: the elements of one positive scale with their places.
    fn keys(self, lower: &mut Lower<'_>, x: &Quantity, axis: usize, bits: i64) -> Result<ValueId, Fault> {
        let extent = x.shape[axis] as i64;
        let order = (0..extent).map(|i| if self.largest { extent - 1 - i } else { i }).collect();
        let table = lower.table("order", order);
        let mut body = Expr::default();
        let value = body.push(Op::Read(0));
        let amount = body.constant(bits);
        let high = body.push(Op::Shl(value, amount));
        let low = body.push(Op::Param { table, index: x.position()[axis].clone() });
        body.push(Op::Add(high, low));
        let read = lower.read(x, &x.position())?;
        lower.emit(Draft::elementwise("keys", x.value_shape(), vec![read], body))
    }

    /// One stage along value axis `axis`.
    fn stage(
        self,
        lower: &mut Lower<'_>,
        keys: ValueId,
        shape: &mut [usize],
        axis: usize,
        cells: &[Cell],
    ) -> Result<ValueId, Fault> {
        shape[axis] = cells.len();
        let list = |f: &dyn Fn(&Cell) -> i64| cells.iter().map(f).collect::<Vec<i64>>();
        let a = lower.table("first", list(&|cell| cell.a as i64));
        let b = lower.table("second", list(&|cell| cell.b as i64));
        let larger = lower.table("larger", list(&|cell| i64::from(cell.first == self.largest)));
        let read = |table| {
            let index = (0..shape.len())
                .map(|n| match n {
                    n if n == axis => Access::Table { table, index: Index::p(n) },
                    n => Access::Affine(Index::p(n)),
                })
                .collect();
            Read { value: keys, index, outside: 0 }
        };
        let mut body = Expr::default();
        let (x, y) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        // Both outputs of a comparator share its comparison.
        let below = body.push(Op::Lt(x, y));
        let (max, min) = (body.push(Op::Select(below, y, x)), body.push(Op::Select(below, x, y)));
        let which = body.push(Op::Param { table: larger, index: Index::p(axis) });
        body.push(Op::Select(which, max, min));
        lower.emit(Draft::elementwise("stage", shape, vec![read(a), read(b)], body))
    }
}

impl Operator for TopK {
    fn name(&self) -> &'static str {
        "TopK"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let k = ints(inputs, 1, "number of elements (k)")?.and_then(|k| k.first().copied());
        Ok(vec![self.target(operand(inputs, 0)?.shape, k)?.1; 2])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let shape = lower.output_shape(0);
        let axis = axis(self.axis, x.shape.len())?;
        let frame = usize::from(x.framed);
        if axis < frame {
            return Err(Fault::unsupported("the elements are chosen over frames", "choose another axis"));
        }
        // Codes rank as values do under one increasing function without a clamp.
        let x = match x.chain.single() {
            Some(link) if link.is_affine() && link.a.is_positive() && !x.is_constant() => lower.affine(&x)?,
            _ => lower.plain(&x)?,
        };
        let extent = x.shape[axis];
        let bits = i64::from(usize::BITS - (extent - 1).leading_zeros());
        let limit = || {
            Fault::unsupported(
                format!("the order of {extent} elements"),
                "choose among fewer elements: at most 1024",
            )
        };
        let network =
            (extent <= 1024).then(|| Network::top(extent, shape[axis])).filter(|n| n.size() <= CELLS);
        let network = network.ok_or_else(limit)?;
        let node = lower.node_name().to_owned();
        lower.note(format!(
            "{node}: a sorting network of {} comparators in {} stages",
            network.comparators(),
            network.stages.len()
        ));
        let mut keys = self.keys(lower, &x, axis, bits)?;
        let mut extents = x.value_shape().to_vec();
        for cells in &network.stages {
            keys = self.stage(lower, keys, &mut extents, axis - frame, cells)?;
        }
        let key = Read::affine(keys, coordinates(shape.len(), x.framed)[frame..].iter().cloned());
        let mut body = Expr::default();
        let (code, amount) = (body.push(Op::Read(0)), body.constant(bits));
        body.push(Op::Shr(code, amount));
        let values = lower.emit(Draft::elementwise("", &extents, vec![key.clone()], body).frac(x.frac()))?;
        let mut body = Expr::default();
        if bits == 0 {
            body.constant(0);
        } else {
            let code = body.push(Op::Read(0));
            place(&mut body, code, bits, extent, !self.largest);
        }
        let reads = if bits == 0 { Vec::new() } else { vec![key] };
        let indices = lower.emit(Draft::elementwise("indices", &extents, reads, body))?;
        let link = x.chain.entries()[0].clone();
        let values = Quantity {
            codes: Codes::Value(values),
            chain: Field::uniform(shape.len(), link),
            shape: shape.clone(),
            ..x.clone()
        };
        let chain = Field::uniform(shape.len(), Link::identity());
        let indices =
            Quantity { codes: Codes::Value(indices), chain, shape, framed: x.framed, integer: true };
        Ok(vec![values, indices])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let k = inputs.get(1).copied().flatten().and_then(|k| k.to_ints().first().copied());
        let (axis, shape) = self.target(&x.shape, k)?;
        let inner: usize = shape[axis + 1..].iter().product();
        let size = shape.iter().product();
        let (mut values, mut indices) = (vec![0.0; size], vec![0.0; size]);
        let mut outer = x.shape.clone();
        outer[axis] = 1;
        for (number, p) in points(&outer).enumerate() {
            let first = p.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at);
            let mut found: Vec<(f64, usize)> =
                (0..x.shape[axis]).map(|i| (x.data[first + i * inner], i)).collect();
            found.sort_by(|a, b| if self.largest { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
            for (rank, &(value, index)) in found[..shape[axis]].iter().enumerate() {
                let at = number / inner * shape[axis] * inner + rank * inner + number % inner;
                (values[at], indices[at]) = (value, index as f64);
            }
        }
        let values = Tensor::new(shape.clone(), values).typed(x.integer);
        Ok(vec![values, Tensor::new(shape, indices).typed(true)])
    }

    fn integer_at(&self, n: usize, inputs: &[bool]) -> bool {
        n == 1 || self.integer(inputs)
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let cases: [(&[usize], i64, bool, i64, f64); 5] = [
        (&[1, 6], -1, true, 3, 1.0),
        (&[1, 7], 1, false, 2, 1.0),
        (&[1, 5, 2], 1, true, 5, 1.0),
        (&[1, 2, 4], 2, true, 1, -0.5),
        (&[1, 3], 1, false, 3, -1.0),
    ];
    cases
        .into_iter()
        .map(|(shape, axis, largest, k, factor)| {
            sample(&["fixed<3,2>"], |graph| {
                let x = graph.input("x", shape);
                let factor = graph.constant("factor", Tensor::scalar(factor));
                let scaled = graph.add("scaled", super::Mul, &[x, factor]);
                let k = graph.constant("k", Tensor::ints(&[k]));
                let operator = TopK { axis, largest, k: None };
                let outputs = graph.add_all("top", &["values", "indices"], operator, &[scaled, k]);
                outputs.into_iter().for_each(|output| graph.output(output));
            })
        })
        .collect()
}
