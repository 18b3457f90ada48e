//! Functions become blocks: one for all calls that pass the same constants.

use std::collections::BTreeMap;

use nn2hdl_runtime::range::{Elements, join};
use nn2hdl_runtime::{
    BlockId, Call, Encoder, Expr, Format, Interval, Op, Overflow, Quantizer, Rounding, Step, ValueId,
};
use num_traits::Zero;

use super::field::{gcd, log2, to_i64};
use super::watch::Watched;
use super::{Chain, Codes, Draft, Field, Link, Lower, Quantity, Ratio, Writer, whole};
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, TensorId};
use crate::ops::Fault;
use crate::pass;

/// One use of a function: its constants and shapes are fixed, its formats are the join over its calls.
pub(super) struct Instance {
    pub(super) name: String,
    function: usize,
    args: Vec<Argument>,
    /// The function's graph with this use's shapes.
    graph: Graph,
    /// Codes of each parameter over all calls, `None` for constants and for indices.
    params: Vec<Option<Boundary>>,
    /// Extents that the indices among the parameters address, as far as known.
    extents: BTreeMap<usize, usize>,
    /// Set when the block has been written in this round.
    pub(super) block: Option<Written>,
    /// Whether a boundary grew in this round.
    pub(super) grew: bool,
}

/// A block and what its results mean.
#[derive(Clone)]
pub(super) struct Written {
    id: BlockId,
    /// Extents that the parameters index.
    extents: BTreeMap<usize, usize>,
    results: Vec<Quantity>,
    watched: Vec<Watched>,
}

/// What tells the uses of a function apart.
#[derive(Clone)]
enum Argument {
    Constant(Quantity),
    Value { shape: Vec<usize>, framed: bool, offset: Option<Chain> },
    Indices { shape: Vec<usize>, framed: bool },
}

/// Codes at a parameter: `value = step × code`, or any fixed chain where that has an offset.
#[derive(Clone, Debug, PartialEq)]
struct Boundary {
    chain: Chain,
    range: Interval,
}

impl Argument {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => {
                let codes = match (&a.codes, &b.codes) {
                    (Codes::Const(a), Codes::Const(b)) => a == b,
                    (Codes::Real(a), Codes::Real(b)) => a == b,
                    _ => false,
                };
                codes && a.shape == b.shape && a.chain == b.chain
            }
            (
                Self::Value { shape: a, framed: b, offset: c },
                Self::Value { shape: x, framed: y, offset: z },
            ) => (a, b, c) == (x, y, z),
            (Self::Indices { shape: a, framed: b }, Self::Indices { shape: x, framed: y }) => {
                (a, b) == (x, y)
            }
            _ => false,
        }
    }
}

impl Lower<'_> {
    pub(super) fn call(
        &mut self,
        function: usize,
        inputs: &[Option<Quantity>],
    ) -> Result<Vec<Quantity>, Fault> {
        let mut given = Vec::with_capacity(inputs.len());
        for input in inputs {
            let input = input
                .as_ref()
                .ok_or_else(|| Fault::unsupported("an argument is left out", "pass every argument"))?;
            given.push(match &input.codes {
                Codes::Value(_) if input.is_clamped() => self.plain(input)?,
                Codes::Host(source, _) if !input.integer => return Err(self.uncoded(*source)),
                _ => input.clone(),
            });
        }
        let args: Vec<Argument> = given.iter().map(argument).collect();
        let (node, outputs) = (self.node.clone(), self.outputs.clone());
        let number = self.instance(function, args, &given)?;
        self.join(number, &given)?;
        let written = self.written(number, &given)?;
        (self.node, self.outputs) = (node, outputs);
        self.kernels = 1;
        let mut values = Vec::new();
        for (position, quantity) in given.iter().enumerate() {
            if let Some(&extent) = written.extents.get(&position) {
                let quantity = self.indices(quantity, extent)?;
                let format = Interval::new(0, extent as i128).format(0);
                values.push(self.passed(&quantity, &quantity.chain.clone(), format)?);
            } else if let Some(boundary) = self.instances[number].params[position].clone() {
                let frac = Quantity { chain: boundary.chain.clone(), ..quantity.clone() }.frac();
                values.push(self.passed(quantity, &boundary.chain, boundary.range.format(frac))?);
            }
        }
        let mut results = Vec::new();
        let mut targets = Vec::new();
        for (result, (name, _)) in written.results.into_iter().zip(self.outputs.clone()) {
            let Codes::Value(inner) = result.codes else {
                results.push(result);
                continue;
            };
            let value = self.program.block(written.id).value(inner).clone();
            let elements = Elements::uniform(&value.shape, value.format.interval());
            let outer = self.writer.block.add_value(name, value.shape, value.format);
            self.writer.elements.push(elements);
            targets.push(outer);
            results.push(Quantity { codes: Codes::Value(outer), ..result });
        }
        for watched in &written.watched {
            let name =
                format!("{}/{}", self.node, self.program.block(written.id).value(watched.codes()).name);
            let (program, writer) = (&self.program, &mut self.writer);
            let outer = watched.called(&self.node, |inner| {
                let value = program.block(written.id).value(inner).clone();
                let elements = Elements::uniform(&value.shape, value.format.interval());
                let outer = writer.block.add_value(name.clone(), value.shape, value.format);
                writer.elements.push(elements);
                targets.push(outer);
                outer
            });
            self.writer.watched.push(outer);
        }
        let name = self.node.clone();
        let call = Call { name, block: written.id, repeat: 1, carried: 0, args: values, results: targets };
        self.writer.block.steps.push(Step::Call(call));
        Ok(results)
    }

    fn instance(&mut self, function: usize, args: Vec<Argument>, given: &[Quantity]) -> Result<usize, Fault> {
        let same = |instance: &Instance| {
            instance.function == function && instance.args.iter().zip(&args).all(|(a, b)| a.same(b))
        };
        if let Some(number) = self.instances.iter().position(same) {
            return Ok(number);
        }
        let mut graph = self.functions[function].clone();
        for (&id, quantity) in graph.inputs.clone().iter().zip(given) {
            let info = &mut graph.tensors[id.index()];
            info.shape = Some(quantity.shape.clone());
            info.integer = quantity.integer;
            if let Codes::Real(tensor) = &quantity.codes {
                info.constant = Some(tensor.clone());
            }
        }
        let functions = self.functions;
        pass::infer(&mut graph, functions).map_err(|problems| first(problems, &self.node))?;
        let params = vec![None; args.len()];
        let name = graph.name.clone();
        self.instances.push(Instance {
            name,
            function,
            args,
            graph,
            params,
            extents: BTreeMap::new(),
            block: None,
            grew: false,
        });
        Ok(self.instances.len() - 1)
    }

    /// Widens the instance's boundary to this call's arguments.
    fn join(&mut self, number: usize, given: &[Quantity]) -> Result<(), Fault> {
        for (position, quantity) in given.iter().enumerate() {
            let Codes::Value(value) = quantity.codes else { continue };
            let range = join(self.elements(value));
            let new = Boundary { chain: quantity.chain.clone(), range };
            let known = self.instances[number].params[position].clone();
            let joined = match &known {
                None => Boundary { range: new.range.format(0).interval(), ..new },
                Some(known) => known.join(&new).ok_or_else(|| {
                    Fault::new(
                        "scales-differ",
                        "the calls of a function pass codes of different scales",
                        "use the same quantizer before each call",
                    )
                })?,
            };
            if known.as_ref() != Some(&joined) {
                let instance = &mut self.instances[number];
                instance.params[position] = Some(joined);
                // A block that is already written in this round has the narrower boundary.
                if instance.block.is_some() {
                    instance.grew = true;
                    instance.block = None;
                    self.grown = true;
                }
            }
        }
        Ok(())
    }

    /// The instance's block, written now if it is not there yet.
    fn written(&mut self, number: usize, given: &[Quantity]) -> Result<Written, Fault> {
        if let Some(written) = &self.instances[number].block {
            return Ok(written.clone());
        }
        let graph = self.instances[number].graph.clone();
        let node = self.node.clone();
        let outer = std::mem::replace(&mut self.writer, Writer::new(&graph.name));
        self.writer.extents.clone_from(&self.instances[number].extents);
        let problems = std::mem::take(&mut self.problems);
        let mut values: BTreeMap<TensorId, Quantity> = BTreeMap::new();
        for (position, (&id, quantity)) in graph.inputs.iter().zip(given).enumerate() {
            let name = &graph.info(id).name;
            let host = self.source(name, &quantity.shape, quantity.framed, quantity.integer);
            let parameter = match self.instances[number].params[position].clone() {
                _ if quantity.is_constant() => quantity.clone(),
                Some(boundary) => {
                    let chain = boundary.chain;
                    let frac = Quantity { chain: chain.clone(), ..quantity.clone() }.frac();
                    let format = boundary.range.format(frac);
                    let value = self.set_source(position, Encoder::Fixed(exactly(format)), format)?;
                    Quantity { codes: Codes::Value(value), chain, ..quantity.clone() }
                }
                None => host,
            };
            values.insert(id, parameter);
        }
        self.nodes(&graph, &mut values);
        let mut results: Vec<Quantity> = Vec::new();
        for id in &graph.outputs {
            let Some(quantity) = values.get(id) else { continue };
            match self.delivered(quantity) {
                Ok(quantity) => results.push(quantity),
                Err(fault) => self.problems.push(fault.at(&graph.info(*id).name)),
            }
        }
        let body = std::mem::replace(&mut self.writer, outer);
        let found = std::mem::replace(&mut self.problems, problems);
        if !found.is_empty() {
            let path =
                |problem: Diagnostic| Diagnostic { node: format!("{node}/{}", problem.node), ..problem };
            let mut found: Vec<Diagnostic> = found.into_iter().map(path).collect();
            let last = found.remove(0);
            self.problems.extend(found);
            return Err(Fault::new(last.code, format!("in {}: {}", last.node, last.message), last.help));
        }
        let mut block = body.block;
        // Indices that nothing uses have no value and are not passed.
        block.params =
            body.sources.iter().filter_map(|source| source.value.as_ref().map(|(value, _)| *value)).collect();
        block.results = results.iter().filter_map(value_of).collect();
        block.results.extend(body.watched.iter().flat_map(Watched::values));
        self.program.blocks.push(block);
        let written = Written {
            id: BlockId::new(self.program.blocks.len() - 1),
            extents: body.extents,
            results,
            watched: body.watched,
        };
        self.instances[number].extents.clone_from(&written.extents);
        self.instances[number].block = Some(written.clone());
        Ok(written)
    }

    /// A result as it leaves a block: with clamps carried out.
    fn delivered(&mut self, quantity: &Quantity) -> Result<Quantity, Fault> {
        match &quantity.codes {
            Codes::Value(_) if quantity.is_clamped() => self.plain(quantity),
            Codes::Host(..) => Err(Fault::unsupported(
                "a function hands an index input back",
                "use the caller's tensor instead",
            )),
            _ => Ok(quantity.clone()),
        }
    }

    /// The caller's value in exactly the parameter's chain and format.
    fn passed(&mut self, quantity: &Quantity, chain: &Chain, format: Format) -> Result<ValueId, Fault> {
        let value = self.value(quantity)?;
        if quantity.chain == *chain {
            if self.format(value) == format {
                return Ok(value);
            }
            let written = self
                .writer
                .block
                .steps
                .iter()
                .any(|step| matches!(step, Step::Kernel(kernel) if kernel.out == value));
            let known = self.writer.block.value(value).format;
            if written && known.frac == format.frac && format.interval().contains(known.interval()) {
                self.writer.block.values[value.index()].format = format;
                return Ok(value);
            }
        }
        let ratio = ratio(&quantity.chain, chain).unwrap_or(1);
        let mut body = Expr::default();
        let x = body.push(Op::Read(0));
        self.scaled(&mut body, x, &Field::uniform(quantity.shape.len(), ratio), quantity);
        let read = self.read(quantity, &quantity.position())?;
        let passed = self.emit(Draft::elementwise("argument", quantity.value_shape(), vec![read], body))?;
        self.writer.block.values[passed.index()].format = format;
        Ok(passed)
    }
}

impl Boundary {
    /// The join: on the finer of two scales, in a format that holds both.
    fn join(&self, other: &Self) -> Option<Self> {
        if self.chain == other.chain {
            let range = self.range.join(other.range).format(0).interval();
            return Some(Self { range, ..self.clone() });
        }
        let (a, b) = (plain(&self.chain)?, plain(&other.chain)?);
        log2(&(a / b))?;
        let step = gcd(a, b);
        let scaled = |range: Interval, scale: &Ratio| -> Option<Interval> {
            let factor = i128::from(to_i64(&(scale / &step))?);
            Some(Interval::new(range.lo.checked_mul(factor)?, range.hi.checked_mul(factor)?))
        };
        let range = scaled(self.range, a)?.join(scaled(other.range, b)?).format(0).interval();
        range
            .fits_code()
            .then(|| Self { chain: Field::uniform(self.chain.shape().len(), Link::scale(step)), range })
    }
}

fn plain(chain: &Chain) -> Option<&Ratio> {
    chain.single().filter(|link| link.is_affine() && link.b.is_zero()).map(|link| &link.a)
}

fn ratio(from: &Chain, to: &Chain) -> Option<i64> {
    to_i64(&(plain(from)? / plain(to)?))
}

fn argument(quantity: &Quantity) -> Argument {
    let (shape, framed) = (quantity.shape.clone(), quantity.framed);
    match &quantity.codes {
        Codes::Const(_) | Codes::Real(_) => Argument::Constant(quantity.clone()),
        Codes::Host(..) => Argument::Indices { shape, framed },
        Codes::Value(_) => {
            // Scales that differ by a power of two share a block; anything else is a use of its own.
            let odd = plain(&quantity.chain).map(|step| {
                let power = num_traits::Signed::is_positive(step).then(|| odd_part(step));
                Field::uniform(shape.len(), Link::scale(power.unwrap_or_else(|| step.clone())))
            });
            Argument::Value { shape, framed, offset: Some(odd.unwrap_or_else(|| quantity.chain.clone())) }
        }
    }
}

/// The value divided by the power of two in it.
fn odd_part(value: &Ratio) -> Ratio {
    let zeros = |n: &num_bigint::BigInt| n.trailing_zeros().unwrap_or(0);
    let (numerator, denominator) = (value.numer(), value.denom());
    whole(numerator >> zeros(numerator)) / whole(denominator >> zeros(denominator))
}

fn exactly(format: Format) -> Quantizer {
    Quantizer { format, rounding: Rounding::Trn, overflow: Overflow::Sat }
}

fn value_of(quantity: &Quantity) -> Option<ValueId> {
    match quantity.codes {
        Codes::Value(value) => Some(value),
        _ => None,
    }
}

fn first(problems: Vec<Diagnostic>, node: &str) -> Fault {
    let internal = || {
        Diagnostic::new("internal", node, "shapes could not be inferred", "this is a bug, please report it")
    };
    let problem = problems.into_iter().next().unwrap_or_else(internal);
    Fault::new(problem.code, format!("in {}: {}", problem.node, problem.message), problem.help)
}
