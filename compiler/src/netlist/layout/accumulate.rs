//! Reductions over a whole stream: a running total by beats.

use nn2hdl_runtime::interface::Spread;
use nn2hdl_runtime::{Expr, Interval, Kernel, Op, Read, Reduction, ValueId};

use super::kernel::{Task, Wired, readers};
use super::{Layout, Signal};
use crate::datapath::Datapath;
use crate::datapath::elaborate::Tap;
use crate::datapath::form::Form;
use crate::diagnostic::Diagnostic;
use crate::netlist::plan::{Flow, Together, Total, total};
use crate::netlist::{Bits, Driver, NetId};
use nn2hdl_runtime::index::points;

impl Layout<'_, '_, '_> {
    /// What each beat contributes, the register that adds it up, and the function of the total.
    pub(super) fn accumulate(&mut self, kernel: &Kernel) -> Result<(), Diagnostic> {
        let value = first_read(kernel);
        let way = self.plan.ways[value.index()].clone();
        let steps = way.iter().map(|spread| spread.lanes).collect();
        let flow =
            Flow::Follow(Together { spread: way.clone(), steps: [(value, steps)].into_iter().collect() });
        let found = total(self.design.program, kernel, &self.plan).expect("the plan has looked at it");
        let part = match found {
            Total::Same { points } => self.same(kernel, &flow, points)?,
            Total::Weighted { elements, weights, constants } => {
                self.weighted(kernel, &flow, &elements, &weights, &constants)?
            }
        };
        let sum = self.running(kernel.reduction, part, &way);
        self.signals[kernel.out.index()] = Some(sum);
        let finish = finish(kernel, self.block.value(kernel.out).shape.len());
        let shape = self.block.value(kernel.out).shape.clone();
        let task = Task { kernel: &finish, flow: &Flow::Whole, shape, reduction: None };
        let signal = self.together(&task)?;
        self.deliver(kernel, signal);
        Ok(())
    }

    fn same(&mut self, kernel: &Kernel, flow: &Flow, points: Vec<Vec<usize>>) -> Result<Signal, Diagnostic> {
        let mut part = Kernel { finish: Expr::acc(), ..kernel.clone() };
        for read in &mut part.reads {
            let bounds = self.signal(read.value).intervals.iter().copied().reduce(Interval::join);
            let bounds = bounds.unwrap_or(Interval::point(0));
            read.outside = kernel.reduction.identity(bounds) as i64;
        }
        let shape = self.block.value(kernel.out).shape.clone();
        self.together(&Task { kernel: &part, flow, shape, reduction: Some(points) })
    }

    /// Products of a beat's elements with weights from memories that the beat addresses.
    fn weighted(
        &mut self,
        kernel: &Kernel,
        flow: &Flow,
        elements: &[Tap],
        weights: &[Vec<Vec<i64>>],
        constants: &[i64],
    ) -> Result<Signal, Diagnostic> {
        let shape = self.block.value(kernel.out).shape.clone();
        let phase = elements.iter().map(|tap| self.signal(tap.value).phase).max().unwrap_or(0);
        // One cycle for the counter's address to reach the memories' registers.
        let base = phase + 1;
        let address = self.clockwork.address(&mut self.module, phase, flow.spread());
        let inputs: Vec<(NetId, f64)> = elements.iter().map(|tap| self.tap(flow, tap, base)).collect();
        let intervals: Vec<Interval> = elements
            .iter()
            .map(|tap| self.signal(tap.value).intervals[self.plan.locate(self.block, tap).1])
            .collect();
        let mut outputs = vec![None; weights.len()];
        let mut groups = Vec::with_capacity(weights.len());
        let clock_to_q = self.design.target.delays.clock_to_q;
        for ((p, rows), &constant) in points(&shape).zip(weights).zip(constants) {
            let mut datapath = Datapath::default();
            let mut nets = Vec::new();
            let mut sum = Form::default();
            let mut once = vec![0; flow.spread().iter().map(|spread| spread.beats).product()];
            once[0] = constant;
            let unit = datapath.constant(1);
            let terms = rows.iter().enumerate().map(|(n, row)| (Some(n), row)).chain([(None, &once)]);
            for (element, row) in terms.filter(|(_, row)| row.iter().any(|&weight| weight != 0)) {
                let x = match element {
                    Some(n) => {
                        nets.push(inputs[n]);
                        datapath.input(intervals[n])
                    }
                    None => unit,
                };
                let range = row.iter().map(|&weight| Interval::point(weight.into())).reduce(Interval::join);
                let range = range.unwrap_or(Interval::point(0));
                let product = if range.lo == range.hi {
                    let weight = datapath.constant(row[0]);
                    datapath.mul(x, weight)
                } else {
                    let word = self.clockwork.memory(&mut self.module, address, row);
                    nets.push((word, clock_to_q));
                    let weight = datapath.input(range);
                    datapath
                        .product(x, weight, &mut self.design.optimizer)
                        .map_err(|error| too_wide(kernel, &error))?
                };
                sum.accumulate(&Form::wire(product), 1)
                    .ok_or_else(|| too_wide(kernel, &"a sum beyond 64 bits"))?;
            }
            let wires = datapath
                .materialize(&[sum], &mut self.design.optimizer)
                .map_err(|error| too_wide(kernel, &error))?;
            datapath.outputs = wires;
            let wired = Wired { datapath, nets, positions: vec![p] };
            groups.push(wired);
        }
        let readers = readers(&groups);
        for wired in groups {
            self.group(&kernel.name, &[wired], &readers, base, &shape, &mut outputs)?;
        }
        Ok(self.together_in_time(outputs, base))
    }

    /// The total after the last beat.
    fn running(&mut self, reduction: Reduction, part: Signal, way: &[Spread]) -> Signal {
        let clock_to_q = self.design.target.delays.clock_to_q;
        let late = part.ready.iter().any(|&ready| ready > clock_to_q);
        let phase = part.phase + u32::from(late);
        let beats: i128 = way.iter().map(|spread| spread.beats as i128).product();
        let reach: usize = way.iter().map(Spread::reach).sum();
        let first = self.clockwork.start(&mut self.module, phase);
        let beat = self.clockwork.beat(&mut self.module, phase, way);
        let mut sum = Signal {
            nets: Vec::new(),
            ready: vec![clock_to_q; part.nets.len()],
            intervals: Vec::new(),
            phase: phase + reach as u32 + 1,
        };
        for (&net, &Interval { lo, hi }) in part.nets.iter().zip(&part.intervals) {
            let net = self.clockwork.delay(&mut self.module, net, u32::from(late));
            let interval = match reduction {
                Reduction::Sum => Interval::new(lo.min(lo * beats), hi.max(hi * beats)),
                Reduction::Max | Reduction::Min => Interval::new(lo, hi),
            };
            let module = &mut self.module;
            let bits = Bits::of(interval);
            let register = module.add(bits, Driver::Register { d: NetId(0), reset: false });
            let more = match reduction {
                Reduction::Sum => {
                    Driver::Add { a: register, b: net, shift_a: 0, shift_b: 0, subtract: false }
                }
                Reduction::Max => Driver::Max(register, net),
                Reduction::Min => Driver::Min(register, net),
            };
            let more = module.add(bits, more);
            let next = module.add(bits, Driver::Select(first, net, more));
            let next = module.add(bits, Driver::Select(beat, next, register));
            module.nets[register.index()].driver = Driver::Register { d: next, reset: false };
            sum.nets.push(register);
            sum.intervals.push(interval);
        }
        sum
    }
}

fn first_read(kernel: &Kernel) -> ValueId {
    let slot =
        kernel.body.nodes().iter().find_map(|op| if let Op::Read(slot) = op { Some(*slot) } else { None });
    kernel.reads[slot.unwrap_or(0) as usize].value
}

fn too_wide(kernel: &Kernel, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(
        "code-too-wide",
        &kernel.name,
        error.to_string(),
        "quantize what the layer reads to fewer bits",
    )
}

/// The function of the total, which for the moment stands where the result will be.
fn finish(kernel: &Kernel, rank: usize) -> Kernel {
    let mut reads = kernel.reads.clone();
    reads.push(Read::same(kernel.out, rank));
    let slot = reads.len() as u32 - 1;
    let mut body = Expr::default();
    for op in kernel.finish.nodes() {
        body.push(if *op == Op::Acc { Op::Read(slot) } else { op.clone() });
    }
    Kernel::elementwise(kernel.name.clone(), kernel.out, reads, body)
}
