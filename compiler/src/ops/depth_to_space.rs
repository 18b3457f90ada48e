//! `DepthToSpace` and `SpaceToDepth`.

use std::sync::Arc;

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, operand};
use crate::front::lower::{Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[0, c, h × b + i, w × b + j] = x[0, k, h, w]` with `k = (i × b + j) × C + c`, or `k = c × b² + i × b + j`.
///
/// `SpaceToDepth` is the inverse of the first form.
#[derive(Clone, Copy, Debug)]
pub struct DepthToSpace {
    /// Extent of a block.
    pub block: usize,
    /// Which way it goes, and how channels are ordered.
    pub order: Order,
}

/// How blocks and channels correspond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To space; the position in the block is slower than the channel.
    DepthColumnRow,
    /// To space; the channel is slower.
    ColumnRowDepth,
    /// To depth; the position in the block is slower.
    ToDepth,
}

pub(super) const TO_SPACE: Entry = Entry {
    name: "DepthToSpace",
    domains: ONNX,
    import: |import| {
        let order = match import.attributes.or("mode", "DCR")? {
            "DCR" => Order::DepthColumnRow,
            "CRD" => Order::ColumnRowDepth,
            other => {
                return Err(Fault::unsupported(format!("the mode is {other}"), "use DCR or CRD"));
            }
        };
        imported(import, order)
    },
    samples: |_| samples(&[Order::DepthColumnRow, Order::ColumnRowDepth]),
};
pub(super) const TO_DEPTH: Entry = Entry {
    name: "SpaceToDepth",
    domains: ONNX,
    import: |import| imported(import, Order::ToDepth),
    samples: |_| samples(&[Order::ToDepth]),
};

fn imported(import: &mut Import<'_>, order: Order) -> Result<Arc<dyn Operator>, Fault> {
    let block: i64 = import.attributes.required("blocksize")?;
    if !(1..1 << 16).contains(&block) {
        return Err(Fault::shape(format!("the block size is {block}")));
    }
    Ok(Arc::new(DepthToSpace { block: block as usize, order }))
}

impl DepthToSpace {
    fn target(self, shape: &[usize]) -> Result<Vec<usize>, Fault> {
        let b = self.block;
        let fault = || Fault::shape(format!("{shape:?} has no blocks of {b} × {b}"));
        let &[frames, channels, rows, columns] = shape else { return Err(fault()) };
        match self.order {
            Order::ToDepth if rows % b == 0 && columns % b == 0 => {
                Ok(vec![frames, channels * b * b, rows / b, columns / b])
            }
            Order::DepthColumnRow | Order::ColumnRowDepth if channels % (b * b) == 0 => {
                Ok(vec![frames, channels / (b * b), rows * b, columns * b])
            }
            _ => Err(fault()),
        }
    }
}

impl Operator for DepthToSpace {
    fn name(&self) -> &'static str {
        if self.order == Order::ToDepth { "SpaceToDepth" } else { "DepthToSpace" }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.target(operand(inputs, 0)?.shape)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let shape = self.target(&x.shape)?;
        let b = self.block as i64;
        let at = coordinates(4, x.framed);
        let [frame, c, h, w] = <[Index; 4]>::try_from(at).map_err(|_| Fault::shape("not four axes"))?;
        let channel = |position: Index, channels: usize, c: Index| position * channels as i64 + c;
        let place = match self.order {
            Order::ToDepth => {
                let channels = x.shape[1] as i64;
                let position = c.clone().div(channels);
                let (i, j) = (position.clone().div(b), position.modulo(b));
                vec![frame, c.modulo(channels), h * b + i, w * b + j]
            }
            order => {
                let (i, j) = (h.clone().modulo(b), w.clone().modulo(b));
                let k = match order {
                    Order::DepthColumnRow => channel(i * b + j, shape[1], c),
                    _ => c * (b * b) + i * b + j,
                };
                vec![frame, k, h.div(b), w.div(b)]
            }
        };
        Ok(vec![lower.moved(&x, &shape, place)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let shape = self.target(&x.shape)?;
        let b = self.block;
        let mut y = Tensor::new(shape.clone(), vec![0.0; x.data.len()]).typed(x.integer);
        for (p, &value) in points(&x.shape).zip(&x.data) {
            let (k, h, w) = (p[1], p[2], p[3]);
            let at = match self.order {
                Order::DepthColumnRow => {
                    let (block, c) = (k / shape[1], k % shape[1]);
                    [p[0], c, h * b + block / b, w * b + block % b]
                }
                Order::ColumnRowDepth => {
                    let (c, block) = (k / (b * b), k % (b * b));
                    [p[0], c, h * b + block / b, w * b + block % b]
                }
                Order::ToDepth => [p[0], (h % b * b + w % b) * x.shape[1] + k, h / b, w / b],
            };
            y.data[at.iter().zip(&shape).fold(0, |flat, (&at, &n)| flat * n + at)] = value;
        }
        Ok(vec![y])
    }
}

fn samples(orders: &[Order]) -> Vec<Sample> {
    let one = |&order: &Order| {
        sample(&["fixed<6,3>"], |graph| {
            let shape = if order == Order::ToDepth { [1, 2, 4, 2] } else { [1, 8, 2, 1] };
            let x = graph.input("x", &shape);
            let y = graph.add("y", DepthToSpace { block: 2, order }, &[x]);
            graph.output(y);
        })
    };
    orders.iter().map(one).collect()
}
