//! Which axis of each tensor is spread over beats, and how many beats a frame has.

use nn2hdl_runtime::interface::Travel;
use nn2hdl_runtime::{Access, Block, Index, Kernel, Op, Program, Step, ValueId};

use crate::datapath::elaborate::Tap;
use crate::diagnostic::Diagnostic;

/// How the tensors of the main block are spread over time.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The streamed axis of each value; `None` for all if the design is unrolled.
    pub axes: Vec<Option<usize>>,
    /// Positions along it.
    pub positions: usize,
    /// Positions in one beat.
    pub lanes: usize,
    /// Beats of one frame: the initiation interval.
    pub beats: usize,
}

impl Plan {
    /// Everything in one beat.
    pub fn unrolled(values: usize) -> Self {
        Self { axes: vec![None; values], positions: 1, lanes: 1, beats: 1 }
    }

    /// How a value of `block` moves.
    pub fn travel(&self, block: &Block, id: ValueId, phase: u32) -> Travel {
        let rank = block.value(id).shape.len();
        match self.axes[id.index()] {
            Some(axis) => {
                let order = (0..rank).collect();
                Travel { order, axis: Some(axis), lanes: self.lanes, beats: self.beats, phase }
            }
            None => Travel::whole(rank, phase),
        }
    }

    /// The shape of one beat of a value.
    pub fn beat_shape(&self, block: &Block, id: ValueId) -> Vec<usize> {
        self.travel(block, id, 0).beat_shape(&block.value(id).shape)
    }

    /// Where a tap is: beat relative to the output's, flat element within that beat.
    pub fn locate(&self, block: &Block, tap: &Tap) -> (i64, usize) {
        let lanes = self.lanes as i64;
        let axis = self.axes[tap.value.index()];
        let beat = axis.map_or(0, |axis| tap.at[axis].div_euclid(lanes));
        let shape = self.beat_shape(block, tap.value);
        let flat = tap.at.iter().enumerate().zip(shape).fold(0, |flat, ((n, &at), extent)| {
            let at = if axis == Some(n) { at.rem_euclid(lanes) } else { at };
            flat * extent + at as usize
        });
        (beat, flat)
    }

    /// The beats in which a tap is inside the frame, from the first to before the last; `None` if always.
    pub fn inside(&self, tap: &Tap) -> Option<(i64, i64)> {
        let axis = self.axes[tap.value.index()]?;
        let (at, lanes, beats) = (tap.at[axis], self.lanes as i64, self.beats as i64);
        let first = -at.div_euclid(lanes);
        let end = -(at - self.positions as i64).div_euclid(lanes);
        let (first, end) = (first.clamp(0, beats), end.clamp(0, beats));
        (first > 0 || end < beats).then_some((first, end))
    }
}

/// A plan that takes a new frame every `ii` cycles, or a smaller achievable number.
pub fn plan(program: &Program, ii: u32) -> Result<Plan, Diagnostic> {
    let block = program.main();
    if ii <= 1 {
        return Ok(Plan::unrolled(block.values.len()));
    }
    let mut axes: Vec<Option<usize>> = vec![None; block.values.len()];
    for &param in &block.params {
        let value = block.value(param);
        axes[param.index()] =
            Some(value.shape.len().checked_sub(1).ok_or_else(|| refuse(&value.name, "it has no axis"))?);
    }
    for step in &block.steps {
        match step {
            Step::Kernel(kernel) => axes[kernel.out.index()] = Some(streamed_axis(block, kernel, &axes)?),
            Step::Call(call) => return Err(refuse(&call.name, "a call of a block")),
        }
    }
    let mut extents =
        block.value_ids().filter_map(|id| axes[id.index()].map(|axis| block.value(id).shape[axis]));
    let positions = extents.next().unwrap_or(1);
    if let Some(other) = extents.find(|&extent| extent != positions) {
        return Err(refuse(
            &program.name,
            &format!("tensors of {positions} and of {other} positions together"),
        ));
    }
    let lanes = positions.div_ceil(ii as usize);
    Ok(Plan { axes, positions, lanes, beats: positions.div_ceil(lanes) })
}

fn refuse(layer: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        "no-stream",
        layer,
        format!("{what} cannot be streamed"),
        "use `--ii 1`; streams carry layers that move along the last axis with stride 1 (convolutions, elementwise)",
    )
}

/// The output axis along which `kernel` follows its streamed inputs position by position.
fn streamed_axis(block: &Block, kernel: &Kernel, axes: &[Option<usize>]) -> Result<usize, Diagnostic> {
    let shape = &block.value(kernel.out).shape;
    let follows = |axis: usize| {
        kernel.reads.iter().all(|read| {
            let streamed: Option<usize> = axes[read.value.index()];
            read.index.iter().enumerate().all(|(n, access)| match access {
                Access::Affine(index) if streamed == Some(n) => is_shift(index, axis, shape, &kernel.extent),
                Access::Affine(index) | Access::Table { index, .. } => !uses(index, axis),
                Access::Runtime(_) => false,
            })
        }) && [&kernel.body, &kernel.finish].iter().all(|expr| {
            expr.nodes().iter().all(|op| match op {
                Op::Param { index, .. } | Op::Lut { row: index, .. } => !uses(index, axis),
                _ => true,
            })
        }) && kernel.scatter.is_none()
    };
    (0..shape.len()).find(|&axis| follows(axis)).ok_or_else(|| refuse(&kernel.name, "the layer"))
}

/// Whether the index is the coordinate `axis` plus something that does not depend on it.
fn is_shift(index: &Index, axis: usize, p: &[usize], r: &[usize]) -> bool {
    let (near, mut far) = (vec![0; p.len()], vec![0; p.len()]);
    far[axis] = 1;
    let origin = vec![0; r.len()];
    is_linear(index, axis) && index.at(&far, &origin) - index.at(&near, &origin) == 1
}

fn is_linear(index: &Index, axis: usize) -> bool {
    match index {
        Index::Const(_) | Index::P(_) | Index::R(_) => true,
        Index::Add(a, b) => is_linear(a, axis) && is_linear(b, axis),
        Index::Mul(a, _) => is_linear(a, axis),
        Index::Div(a, _) | Index::Mod(a, _) => !uses(a, axis),
    }
}

fn uses(index: &Index, axis: usize) -> bool {
    match index {
        Index::Const(_) | Index::R(_) => false,
        Index::P(p) => usize::from(*p) == axis,
        Index::Add(a, b) => uses(a, axis) || uses(b, axis),
        Index::Mul(a, _) | Index::Div(a, _) | Index::Mod(a, _) => uses(a, axis),
    }
}
