//! What the operators of linear quantization (`QuantizeLinear` and its kin) share: codes `q` of values
//! `(q − zero) × scale`, which are integers in the model.

use std::sync::Arc;

use nn2hdl_runtime::Rounding;
use nn2hdl_runtime::index::points;

use super::quant::quanta;
use super::sample::sample;
use super::{Fault, Import, Known, Operator, Role, Sample, axis, broadcast, operand};
use crate::front::lower::{Codes, Field, Link, Lower, Mode, Quantity, Quantum, Ratio, Stairs, whole};
use crate::front::onnx::ElementType;
use crate::graph::{Action, Node, Tensor};

/// The domains under which quantization operators travel: ONNX's own, and ONNX Runtime's.
pub(super) const DOMAINS: &[&str] = &["", "com.microsoft"];

/// ONNX Runtime's own domain.
pub(super) const RUNTIME: &[&str] = &["com.microsoft"];

/// Where the parameters lie along a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Along {
    /// The axis, if the parameters are a list.
    pub(super) axis: i64,
    /// Elements that share a scale along it; 0 where parameters are no blocks.
    pub(super) block: usize,
}

impl Along {
    /// A list along `axis`.
    pub(super) fn axis(axis: i64) -> Self {
        Self { axis, block: 0 }
    }

    /// Reads `axis` and `block_size`.
    pub(super) fn import(import: &mut Import<'_>) -> Result<Self, Fault> {
        let block = import.attributes.or("block_size", 0i64)?;
        let block = usize::try_from(block).ok().filter(|&block| block < 1 << 26);
        let block = block
            .ok_or_else(|| Fault::unsupported("block_size is negative or too large", "use at least 0"))?;
        Ok(Self { axis: import.attributes.or("axis", 1i64)?, block })
    }

    /// The parameter at every element of a tensor of `shape`, over the tensor's axes.
    fn spread(
        self,
        values: &Field<Ratio>,
        extents: &[usize],
        shape: &[usize],
    ) -> Result<Field<Ratio>, Fault> {
        if extents.iter().product::<usize>() == 1 {
            return Ok(Field::uniform(shape.len(), values.entries()[0].clone()));
        }
        let fault = || {
            Fault::shape(format!("parameters of shape {extents:?} do not fit a tensor of shape {shape:?}"))
        };
        let axis = axis(self.axis, shape.len())?;
        if self.block == 0 {
            if extents != [shape[axis]] {
                return Err(fault());
            }
            let mut over = vec![1; shape.len()];
            over[axis] = values.shape()[0];
            return Ok(Field::new(over, values.entries().to_vec()));
        }
        let blocks = shape[axis].div_ceil(self.block);
        let fits = extents.len() == shape.len()
            && (0..shape.len()).all(|n| extents[n] == if n == axis { blocks } else { shape[n] });
        if !fits {
            return Err(fault());
        }
        let entry = |mut p: Vec<usize>| {
            p[axis] /= self.block;
            values.at(&p).clone()
        };
        Ok(Field::new(shape.to_vec(), points(shape).map(entry).collect()))
    }

    /// The parameter at `p`, for references.
    pub(super) fn element(self, tensor: &Tensor, p: &[usize]) -> f64 {
        if tensor.data.len() == 1 {
            return tensor.data[0];
        }
        let axis = if self.axis < 0 { (self.axis + p.len() as i64) as usize } else { self.axis as usize };
        if self.block == 0 {
            return tensor.data[p[axis]];
        }
        let mut p = p.to_vec();
        p[axis] /= self.block;
        broadcast::element(tensor, &p)
    }

    /// Scale and zero point at every element of a tensor of `shape`; without a zero point it is 0.
    pub(super) fn quanta(
        self,
        scale: &Quantity,
        zero: Option<&Quantity>,
        shape: &[usize],
    ) -> Result<Field<Quantum>, Fault> {
        let scales = self.spread(&scale.values()?, &scale.shape, shape)?;
        let zeros = match zero {
            Some(zero) => self.spread(&zero.values()?, &zero.shape, shape)?,
            None => Field::uniform(shape.len(), Ratio::default()),
        };
        quanta(&scales, &zeros, shape.len())
    }
}

/// An operand that holds codes: a constant's are taken out of its floats.
pub(super) fn codes(x: &Quantity) -> Quantity {
    match &x.codes {
        Codes::Real(tensor) => Quantity { codes: Codes::Const(tensor.to_ints().into()), ..x.clone() },
        _ => x.clone(),
    }
}

/// The values of codes.
pub(super) fn dequantized(x: &Quantity, quanta: &Field<Quantum>) -> Result<Quantity, Fault> {
    let value =
        |link: &Link, quantum: &Quantum| link.then(&quantum.scale, &(-whole(quantum.zero) * &quantum.scale));
    let y = broadcast::extend(&codes(x), quanta, value)?;
    Ok(Quantity { integer: false, ..y })
}

/// The codes of values: rounded half to even, moved by the zero point, saturated. The program's codes are those without
/// the zero point.
pub(super) fn quantized(
    lower: &mut Lower<'_>,
    x: &Quantity,
    quanta: &Field<Quantum>,
    (lo, hi): (i64, i64),
) -> Result<Quantity, Fault> {
    if quanta.entries().iter().any(|quantum| !(lo..=hi).contains(&quantum.zero)) {
        return Err(Fault::new(
            "bad-zero-point",
            format!("a zero point is outside the codes {lo} to {hi}"),
            "use a zero point of the result's element type",
        ));
    }
    let ranges = quanta.map(|quantum| (lo - quantum.zero, hi - quantum.zero));
    let stairs = Stairs {
        quanta: quanta.map(|quantum| Quantum { zero: 0, ..quantum.clone() }),
        mode: Mode::Round(Rounding::RndConv),
        lo: ranges.entries().iter().map(|range| range.0).min().unwrap_or(lo),
        hi: ranges.entries().iter().map(|range| range.1).max().unwrap_or(hi),
    };
    let y = lower.quantize_within(x, &stairs, &ranges)?;
    let chain = quanta.map(|quantum| Link { b: whole(quantum.zero), ..Link::identity() });
    Ok(Quantity { chain, integer: true, ..y })
}

/// The same in floats.
pub(super) fn code(value: f64, scale: f64, zero: f64, (lo, hi): (i64, i64)) -> f64 {
    ((value / scale).round_ties_even() + zero).clamp(lo as f64, hi as f64)
}

/// Least and greatest code of an element type.
pub(super) fn range(dtype: Option<ElementType>) -> Result<(i64, i64), Fault> {
    use ElementType as E;
    match dtype {
        Some(known @ (E::UInt4 | E::Int4 | E::UInt8 | E::Int8 | E::UInt16 | E::Int16)) => Ok(known.range()),
        Some(other) => Err(Fault::unsupported(
            format!("quantization to {} is not supported", other.name()),
            "supported are int4, uint4, int8, uint8, int16 and uint16",
        )),
        None => Err(Fault::unsupported(
            "the element type of the zero point, and so of the result, is not known",
            "give the zero point as an initializer",
        )),
    }
}

/// `(q − zero) × scale` in floats.
pub(super) fn values(x: &Tensor, scale: Option<&Tensor>, zero: Option<&Tensor>, along: Along) -> Tensor {
    let at =
        |tensor: Option<&Tensor>, p: &[usize], none| tensor.map_or(none, |tensor| along.element(tensor, p));
    let data = points(&x.shape).zip(&x.data);
    let data = data.map(|(p, &q)| (q - at(zero, &p, 0.0)) * at(scale, &p, 1.0)).collect();
    Tensor::new(x.shape.clone(), data)
}

/// The values of the codes in input `first`, whose scale and zero point follow it.
pub(super) fn triple(inputs: &[Option<Quantity>], first: usize, along: Along) -> Result<Quantity, Fault> {
    let (x, scale) = (operand(inputs, first)?, operand(inputs, first + 1)?);
    let zero = inputs.get(first + 2).and_then(Option::as_ref);
    dequantized(&x, &along.quanta(&scale, zero, &x.shape)?)
}

/// The same in floats.
pub(super) fn triple_values(inputs: &[Option<&Tensor>], first: usize, along: Along) -> Result<Tensor, Fault> {
    let zero = inputs.get(first + 2).copied().flatten();
    Ok(values(operand(inputs, first)?, Some(operand(inputs, first + 1)?), zero, along))
}

/// `y` as codes of the scale in input `scale` and the zero point behind it, one for the tensor.
pub(super) fn result(
    lower: &mut Lower<'_>,
    inputs: &[Option<Quantity>],
    y: &Quantity,
    scale: usize,
    range: (i64, i64),
) -> Result<Quantity, Fault> {
    let zero = inputs.get(scale + 1).and_then(Option::as_ref);
    let quanta = Along::axis(0).quanta(&operand(inputs, scale)?, zero, &y.shape)?;
    quantized(lower, y, &quanta, range)
}

/// The same in floats.
pub(super) fn result_values(
    inputs: &[Option<&Tensor>],
    y: &Tensor,
    scale: usize,
    range: (i64, i64),
) -> Result<Tensor, Fault> {
    let zero = inputs.get(scale + 1).copied().flatten().map_or(0.0, |zero| zero.data[0]);
    let scale = operand(inputs, scale)?.data[0];
    let data = y.data.iter().map(|&v| code(v, scale, zero, range)).collect();
    Ok(Tensor::new(y.shape.clone(), data).typed(true))
}

/// An operator on codes: an ordinary operator between dequantized operands and a quantized result.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    /// Name in ONNX.
    pub(super) name: &'static str,
    /// What is computed on values.
    pub(super) inner: Arc<dyn Operator>,
    /// First input of each operand (codes, scale, zero point) and the axis of its parameters.
    pub(super) operands: [(usize, i64); 2],
    /// The result's scale, which its zero point follows.
    pub(super) scale: usize,
    /// Least and greatest code of the result.
    pub(super) range: (i64, i64),
    /// Input of the bias: integers on the scale that is the product of the operands'.
    pub(super) bias: Option<usize>,
}

impl Linear {
    fn bias(&self, inputs: &[Option<Quantity>]) -> Result<Option<Quantity>, Fault> {
        let Some(bias) = self.bias.and_then(|index| inputs.get(index).cloned().flatten()) else {
            return Ok(None);
        };
        let [(x, _), (w, _)] = self.operands;
        let x = operand(inputs, x + 1)?.values()?;
        let w = operand(inputs, w + 1)?.values()?;
        let x = x.single().cloned().ok_or_else(|| Fault::shape("the input has more than one scale"))?;
        let scale = Field::new(vec![w.entries().len()], w.entries().to_vec());
        let scale = scale.map(|w| Quantum { scale: w * &x, zero: 0 });
        dequantized(&bias, &scale).map(Some)
    }
}

impl Operator for Linear {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let [(x, _), (w, _)] = self.operands;
        self.inner.shapes(&[Some(operand(inputs, x)?), Some(operand(inputs, w)?)])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let mut operands = Vec::new();
        for (first, axis) in self.operands {
            operands.push(Some(triple(inputs, first, Along::axis(axis))?));
        }
        operands.extend(self.bias(inputs)?.map(Some));
        let y = self.inner.define(lower, &operands)?;
        Ok(vec![result(lower, inputs, &y[0], self.scale, self.range)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let [(x, x_axis), (w, w_axis)] = self.operands;
        let a = triple_values(inputs, x, Along::axis(x_axis))?;
        let b = triple_values(inputs, w, Along::axis(w_axis))?;
        let bias = self.bias.and_then(|index| inputs.get(index).copied().flatten()).map(|bias| {
            let (x, w) = (&inputs[x + 1], &inputs[w + 1]);
            let scale = |n: usize| w.map_or(1.0, |w| w.data[n % w.data.len()]) * x.map_or(1.0, |x| x.data[0]);
            Tensor { data: bias.data.iter().enumerate().map(|(n, b)| b * scale(n)).collect(), ..bias.clone() }
        });
        let y = self.inner.reference(&[Some(&a), Some(&b), bias.as_ref()])?;
        Ok(vec![result_values(inputs, &y[0], self.scale, self.range)?])
    }

    fn folds(&self) -> bool {
        false
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }

    fn role(&self) -> Role {
        Role::Quantizer
    }
}

/// A network of one operator on codes of 5 bits: `x`, a constant operand or a second input, and their parameters, two
/// at a time.
pub(super) fn example(operator: Linear, x: &[usize], w: Option<Tensor>, rest: &[(usize, Tensor)]) -> Sample {
    let formats: &[&str] = if w.is_some() { &["fixed<5,5>"] } else { &["fixed<5,5>", "fixed<5,5>"] };
    sample(formats, |graph| {
        let [(a, _), (b, _)] = operator.operands;
        let last = rest.iter().map(|(index, _)| *index).max().unwrap_or(0).max(a).max(b);
        let mut inputs = vec![None; last + 1];
        inputs[a] = Some(graph.input("x", x));
        inputs[b] = Some(match w {
            Some(w) => graph.constant("w", w.typed(true)),
            None => graph.input("w", x),
        });
        for (index, value) in rest {
            inputs[*index] = Some(graph.constant(format!("parameter{index}"), value.clone()));
        }
        let y = graph.tensor("y");
        graph.nodes.push(Node {
            name: "y".into(),
            action: Action::Operator(Arc::new(operator)),
            inputs,
            outputs: vec![y],
        });
        graph.output(y);
    })
}
