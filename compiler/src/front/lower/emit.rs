//! Writing kernels and tables.

use nn2hdl_runtime::range::{self, Context, RangeError, join};
use nn2hdl_runtime::validate::ELEMENT_LIMIT;
use nn2hdl_runtime::{Expr, Format, Interval, Kernel, Op, Read, Reduction, Scatter, Step, TableId, ValueId};

use super::{Codes, Field, Lower, Quantity};
use crate::ops::Fault;

/// Most operations of one layer: what an emulator does in half a minute.
const OPERATION_LIMIT: usize = 1 << 32;

/// What can be done about a layer that is too large.
pub(super) const SMALLER: &str =
    "reduce what the layer works on: a smaller or cropped input, fewer channels, a stride before it";

/// A kernel to be emitted; the value it writes is made by [`Lower::emit`].
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it is within its node; empty for the node's own kernel.
    pub part: &'static str,
    /// Extents of the output, without the frame axis.
    pub shape: Vec<usize>,
    /// Read slots.
    pub reads: Vec<Read>,
    /// Extents of the reduction.
    pub extent: Vec<usize>,
    /// Reduction.
    pub reduction: Reduction,
    /// Scatter.
    pub scatter: Option<Scatter>,
    /// Value at each reduction point.
    pub body: Expr,
    /// Value of the output.
    pub finish: Expr,
    /// Fraction bits of the output's format.
    pub frac: i32,
}

impl Draft {
    /// A kernel without reduction.
    pub fn elementwise(part: &'static str, shape: &[usize], reads: Vec<Read>, body: Expr) -> Self {
        Self {
            part,
            shape: shape.to_vec(),
            reads,
            extent: Vec::new(),
            reduction: Reduction::Sum,
            scatter: None,
            body,
            finish: Expr::acc(),
            frac: 0,
        }
    }

    /// A sum over `extent` of `body`.
    pub fn sum(
        part: &'static str,
        shape: &[usize],
        extent: Vec<usize>,
        reads: Vec<Read>,
        body: Expr,
    ) -> Self {
        Self { extent, ..Self::elementwise(part, shape, reads, body) }
    }

    /// With fraction bits.
    #[must_use]
    pub fn frac(mut self, frac: i32) -> Self {
        self.frac = frac;
        self
    }
}

impl Lower<'_> {
    /// Adds a table named after the node.
    pub fn table(&mut self, part: &str, data: Vec<i64>) -> TableId {
        let name = if part.is_empty() { self.node.clone() } else { format!("{}/{part}", self.node) };
        self.program.add_table(name, data)
    }

    /// Emits a kernel; the new value has the narrowest format.
    pub fn emit(&mut self, draft: Draft) -> Result<ValueId, Fault> {
        affordable(&draft.shape, &draft.extent)?;
        self.writer.held = self.writer.held.saturating_add(draft.shape.iter().product());
        if self.writer.held > ELEMENT_LIMIT {
            return Err(Fault::new(
                "program-too-large",
                format!("with this layer the network's tensors have more than {ELEMENT_LIMIT} elements"),
                SMALLER,
            ));
        }
        let name = match (draft.part, self.kernels) {
            ("", 0) => self.node.clone(),
            ("", n) => format!("{}/{n}", self.node),
            (part, _) => format!("{}/{part}", self.node),
        };
        self.kernels += 1;
        let tensor = match (draft.part, self.outputs.first()) {
            ("", Some((output, _))) => output.clone(),
            (part, Some((output, _))) => format!("{output}/{part}"),
            (_, None) => name.clone(),
        };
        let placeholder = Format { signed: true, width: 64, frac: 0 };
        let out = self.writer.block.add_value(tensor, draft.shape, placeholder);
        let kernel = Kernel {
            name,
            out,
            reads: draft.reads,
            extent: draft.extent,
            reduction: draft.reduction,
            scatter: draft.scatter,
            body: draft.body,
            finish: draft.finish,
        };
        let elements = &self.writer.elements;
        let context = Context {
            program: &self.program,
            block: &self.writer.block,
            elements: &|id| &elements[id.index()],
        };
        let found = match range::kernel(&kernel, &context) {
            Ok(found) => found,
            Err(error @ RangeError::Large { .. }) => {
                self.writer.block.values.pop();
                return Err(Fault::new("kernel-too-large", error.to_string(), SMALLER));
            }
            Err(error) => {
                self.writer.block.values.pop();
                let help = "put a quantizer before this layer, or use fewer bits";
                return Err(Fault::new("code-too-wide", error.to_string(), help));
            }
        };
        let interval = join(&found.out);
        self.writer.block.values[out.index()].format = narrowest(interval, draft.frac);
        self.writer.elements.push(found.out);
        self.writer.block.steps.push(Step::Kernel(kernel));
        Ok(out)
    }

    /// Appends the constants `entries`, one for each place of a field, as seen from `quantity`'s element at the output
    /// position: a literal if they agree, else a parameter.
    pub fn parameter(
        &mut self,
        expr: &mut Expr,
        part: &str,
        entries: &Field<i64>,
        quantity: &Quantity,
    ) -> nn2hdl_runtime::ExprId {
        match entries.single() {
            Some(&value) => expr.constant(value),
            None => {
                let index = entries.index(&quantity.position());
                let table = self.table(part, entries.entries().to_vec());
                expr.push(Op::Param { table, index })
            }
        }
    }

    /// The block's value that holds a quantity's codes; constants are written out, hosts are refused.
    pub fn value(&mut self, quantity: &Quantity) -> Result<ValueId, Fault> {
        match &quantity.codes {
            Codes::Value(value) => Ok(*value),
            Codes::Const(codes) => {
                let table = self.table("constant", codes.as_ref().clone());
                let shape = quantity.value_shape().to_vec();
                let index = nn2hdl_runtime::Index::flatten(&quantity.position(), &quantity.shape);
                let mut body = Expr::default();
                body.push(Op::Param { table, index });
                self.emit(Draft::elementwise("constant", &shape, Vec::new(), body).frac(quantity.frac()))
            }
            Codes::Real(_) => {
                let quantity = self.coded(quantity)?;
                self.value(&quantity)
            }
            Codes::Host(source, _) => Err(self.uncoded(*source)),
        }
    }

    /// The fault of an input that arithmetic meets before any quantizer.
    pub(super) fn uncoded(&self, source: usize) -> Fault {
        let name = self.writer.sources.get(source).map_or("", |source| source.name.as_str());
        Fault::new(
            "missing-input-format",
            format!("input `{name}` is used before it is quantized"),
            "state its format with --input-format, such as fixed<16,6>, or start the model with a quantizer",
        )
    }

    /// A read of the element of `quantity` at full coordinates, the frame axis included.
    pub fn read(&mut self, quantity: &Quantity, at: &[nn2hdl_runtime::Index]) -> Result<Read, Fault> {
        let value = self.value(quantity)?;
        Ok(Read::affine(value, at[usize::from(quantity.framed)..].iter().cloned()))
    }
}

/// Refuses a kernel of no or of too many operations.
pub(super) fn affordable(shape: &[usize], extent: &[usize]) -> Result<(), Fault> {
    let evaluations = shape.iter().chain(extent).try_fold(1usize, |n, &extent| n.checked_mul(extent));
    let axes = shape.len() <= 8;
    if axes && evaluations.is_some_and(|n| n > 0 && n <= OPERATION_LIMIT) {
        return Ok(());
    }
    let (fault, help) = match evaluations {
        _ if !axes => ("has more than 8 axes", "merge axes before it"),
        Some(0) => ("is empty", "give every axis an extent of at least 1"),
        _ => ("takes more than 2^32 operations, which is the most that is accepted", SMALLER),
    };
    Err(Fault::new("kernel-too-large", format!("a kernel over {shape:?} × {extent:?} {fault}"), help))
}

/// The narrowest legal format.
pub(super) fn narrowest(interval: Interval, frac: i32) -> Format {
    interval.format(frac)
}
