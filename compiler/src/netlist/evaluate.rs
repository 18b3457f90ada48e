//! The cycle-accurate interpreter of a netlist.
//!
//! The hierarchy is flattened once and everything combinational is put in order; a step then is one pass over
//! a list of operations.

use std::sync::Arc;

use nn2hdl_runtime::interface::Signature;

use super::{Bits, Driver, Module, NetId, Netlist};

/// Why a netlist cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// A net depends on itself within one cycle.
    #[error("net {net} of `{place}` depends on itself within a cycle: this is a bug, please report it")]
    Loop {
        /// Instances that lead to the module, or the top module.
        place: String,
        /// The net.
        net: usize,
    },
}

/// A net of a flattened design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe(u32);

type Slot = u32;

#[derive(Clone, Debug)]
enum Op {
    Copy(Slot),
    Slice(Slot, u32),
    Shl(Slot, u32),
    Add { a: Slot, b: Slot, shift_a: u32, shift_b: u32, subtract: bool },
    Mul(Slot, Slot),
    Max(Slot, Slot),
    Min(Slot, Slot),
    Lt(Slot, Slot),
    Select(Slot, Slot, Slot),
    Concat(Box<[(Slot, u32)]>),
    Rom { a: Slot, mask: u64, data: Arc<[i64]> },
}

/// A design in some state. Registers power up as zero.
#[derive(Clone, Debug)]
pub struct Evaluator {
    signature: Signature,
    values: Vec<i64>,
    order: Vec<(Slot, Bits, Op)>,
    registers: Vec<(Slot, Slot, bool)>,
    lines: Vec<Line>,
    inputs: Vec<Vec<(Slot, Bits)>>,
    outputs: Vec<Vec<Slot>>,
    scopes: Vec<Scope>,
    next: Vec<i64>,
    pending: Option<bool>,
}

/// What a delayed net was in the last cycles, in a ring.
#[derive(Clone, Debug)]
struct Line {
    slot: Slot,
    d: Slot,
    past: Vec<i64>,
    at: usize,
}

/// An instance of the flattened design.
#[derive(Clone, Debug)]
struct Scope {
    name: String,
    base: Slot,
    children: Vec<usize>,
}

impl Evaluator {
    /// Flattens and orders a netlist.
    pub fn new(netlist: &Netlist) -> Result<Self, EvaluateError> {
        let mut flat = Flat {
            modules: &netlist.modules,
            scopes: Vec::new(),
            nets: Vec::new(),
            registers: Vec::new(),
            lines: Vec::new(),
        };
        let top = netlist.modules.len() - 1;
        flat.scope(top, netlist.top().name.clone());
        flat.connect(0, top, None);
        let order = flat.order()?;
        let module = netlist.top();
        let inputs = module.inputs.iter().map(|port| vec![(0, Bits::BIT); port.elements.len()]);
        let mut inputs: Vec<Vec<(Slot, Bits)>> = inputs.collect();
        for (slot, net) in module.nets.iter().enumerate() {
            if let Driver::Input { port, element } = net.driver {
                inputs[port as usize][element as usize] = (slot as Slot, net.bits);
            }
        }
        let outputs = module.outputs.iter().map(|(_, nets)| nets.iter().map(|net| net.0).collect()).collect();
        let values =
            flat.nets.iter().map(|node| if let Node::Fixed(value) = node.1 { value } else { 0 }).collect();
        let Flat { scopes, registers, lines, .. } = flat;
        let signature = netlist.signature.clone();
        Ok(Self {
            signature,
            values,
            order,
            registers,
            lines,
            inputs,
            outputs,
            scopes,
            next: Vec::new(),
            pending: None,
        })
    }

    /// One clock cycle: what the outputs are just before the rising edge, at which registers then change.
    /// `inputs` holds the elements of each data input port, after `in_valid`.
    pub fn step(&mut self, rst: bool, in_valid: bool, inputs: &[Vec<i64>]) -> (bool, Vec<Vec<i64>>) {
        self.edge();
        self.pending = Some(rst);
        let valid = [i64::from(in_valid)];
        let data = inputs.iter().map(Vec::as_slice);
        for (port, codes) in self.inputs.iter().zip(std::iter::once(valid.as_slice()).chain(data)) {
            for (&(slot, bits), &code) in port.iter().zip(codes) {
                self.values[slot as usize] = reduce(bits, code);
            }
        }
        for (slot, bits, op) in &self.order {
            self.values[*slot as usize] = reduce(*bits, value(op, &self.values));
        }
        let mut read =
            self.outputs.iter().map(|port| port.iter().map(|&slot| self.values[slot as usize]).collect());
        let valid: Vec<i64> = read.next().unwrap_or_default();
        let data = read.collect();
        (valid == [1], data)
    }

    /// How the design is driven and read.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    fn edge(&mut self) {
        let Some(rst) = self.pending else { return };
        self.next.clear();
        let values = &self.values;
        self.next.extend(
            self.registers.iter().map(|&(_, d, reset)| if reset && rst { 0 } else { values[d as usize] }),
        );
        for line in &mut self.lines {
            let now = std::mem::replace(&mut line.past[line.at], self.values[line.d as usize]);
            line.at = (line.at + 1) % line.past.len();
            self.next.push(now);
        }
        let slots =
            self.registers.iter().map(|register| register.0).chain(self.lines.iter().map(|line| line.slot));
        for (slot, &value) in slots.zip(&self.next) {
            self.values[slot as usize] = value;
        }
    }

    /// The net `net` of the instance that `scope` leads to, outermost first; `None` if there is no such instance.
    pub fn probe(&self, scope: &[String], net: NetId) -> Option<Probe> {
        let mut at = &self.scopes[0];
        for name in scope {
            at = at.children.iter().map(|&child| &self.scopes[child]).find(|child| child.name == *name)?;
        }
        Some(Probe(at.base + net.0))
    }

    /// What a net was in the last step, just before the edge.
    pub fn read(&self, probe: Probe) -> i64 {
        self.values[probe.0 as usize]
    }
}

/// `value`'s low bits, read back.
fn reduce(bits: Bits, value: i64) -> i64 {
    let unused = 64 - bits.width;
    if bits.signed { value << unused >> unused } else { ((value as u64) << unused >> unused) as i64 }
}

fn value(op: &Op, values: &[i64]) -> i64 {
    let at = |slot: Slot| values[slot as usize];
    let shl = |value: i64, n: u32| value.checked_shl(n).unwrap_or(0);
    match *op {
        Op::Copy(a) => at(a),
        Op::Slice(a, lo) => at(a) >> lo.min(63),
        Op::Shl(a, n) => shl(at(a), n),
        Op::Add { a, b, shift_a, shift_b, subtract } => {
            let (a, b) = (shl(at(a), shift_a), shl(at(b), shift_b));
            if subtract { a.wrapping_sub(b) } else { a.wrapping_add(b) }
        }
        Op::Mul(a, b) => at(a).wrapping_mul(at(b)),
        Op::Max(a, b) => at(a).max(at(b)),
        Op::Min(a, b) => at(a).min(at(b)),
        Op::Lt(a, b) => (at(a) < at(b)).into(),
        Op::Select(a, b, c) => at(if at(a) & 1 == 1 { b } else { c }),
        Op::Concat(ref parts) => {
            let mut lo = 0;
            parts.iter().fold(0, |word, &(part, width)| {
                let bits = (at(part) as u64) << (64 - width) >> (64 - width);
                let word = word | (bits << lo) as i64;
                lo += width;
                word
            })
        }
        Op::Rom { a, mask, ref data } => data[(at(a) as u64 & mask) as usize],
    }
}

enum Node {
    Fixed(i64),
    State,
    Wire(Op),
}

struct Flat<'a> {
    modules: &'a [Module],
    scopes: Vec<Scope>,
    nets: Vec<(Bits, Node)>,
    registers: Vec<(Slot, Slot, bool)>,
    lines: Vec<Line>,
}

impl Flat<'_> {
    /// Gives every net below `module` a slot.
    fn scope(&mut self, module: usize, name: String) -> usize {
        let modules = self.modules;
        let index = self.scopes.len();
        self.scopes.push(Scope { name, base: self.nets.len() as Slot, children: Vec::new() });
        self.nets.extend(modules[module].nets.iter().map(|net| (net.bits, Node::State)));
        for instance in &modules[module].instances {
            let child = self.scope(instance.module, instance.name.clone());
            self.scopes[index].children.push(child);
        }
        index
    }

    fn connect(&mut self, scope: usize, index: usize, above: Option<(Slot, &[Vec<NetId>])>) {
        let modules = self.modules;
        let module = &modules[index];
        let base = self.scopes[scope].base;
        let children = self.scopes[scope].children.clone();
        let at = |net: &NetId| base + net.0;
        for (n, net) in module.nets.iter().enumerate() {
            let slot = base + n as Slot;
            let op = match &net.driver {
                Driver::Input { port, element } => match above {
                    Some((above, ports)) => Op::Copy(above + ports[*port as usize][*element as usize].0),
                    None => continue,
                },
                Driver::Output { instance, port, element } => {
                    let child = *instance as usize;
                    let inner = &modules[module.instances[child].module].outputs[*port as usize].1;
                    Op::Copy(self.scopes[children[child]].base + inner[*element as usize].0)
                }
                Driver::Const(value) => {
                    self.nets[slot as usize].1 = Node::Fixed(reduce(net.bits, *value));
                    continue;
                }
                Driver::Register { d, reset } => {
                    self.registers.push((slot, at(d), *reset));
                    continue;
                }
                Driver::Delay { d, cycles } => {
                    let past = vec![0; *cycles as usize - 1];
                    self.lines.push(Line { slot, d: at(d), past, at: 0 });
                    continue;
                }
                Driver::Slice { a, lo } => Op::Slice(at(a), *lo),
                Driver::Shl { a, n } => Op::Shl(at(a), *n),
                Driver::Extend(a) => Op::Copy(at(a)),
                Driver::Concat(parts) => {
                    Op::Concat(parts.iter().map(|part| (at(part), module.bits(*part).width)).collect())
                }
                Driver::Add { a, b, shift_a, shift_b, subtract } => {
                    Op::Add { a: at(a), b: at(b), shift_a: *shift_a, shift_b: *shift_b, subtract: *subtract }
                }
                Driver::Mul(a, b) => Op::Mul(at(a), at(b)),
                Driver::Max(a, b) => Op::Max(at(a), at(b)),
                Driver::Min(a, b) => Op::Min(at(a), at(b)),
                Driver::Lt(a, b) => Op::Lt(at(a), at(b)),
                Driver::Select(a, b, c) => Op::Select(at(a), at(b), at(c)),
                Driver::Rom { a, data } => {
                    let mask = u64::MAX >> (64 - module.bits(*a).width);
                    Op::Rom { a: at(a), mask, data: data.as_slice().into() }
                }
            };
            self.nets[slot as usize].1 = Node::Wire(op);
        }
        for (instance, child) in module.instances.iter().zip(children) {
            self.connect(child, instance.module, Some((base, &instance.inputs)));
        }
    }

    /// The combinational operations, each after what it reads.
    fn order(&mut self) -> Result<Vec<(Slot, Bits, Op)>, EvaluateError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            No,
            Open,
            Done,
        }
        let mut seen = vec![Seen::No; self.nets.len()];
        let mut order = Vec::new();
        let mut stack: Vec<(Slot, bool)> = Vec::new();
        for root in 0..self.nets.len() as Slot {
            stack.push((root, false));
            while let Some((slot, complete)) = stack.pop() {
                let (bits, Node::Wire(op)) = &self.nets[slot as usize] else { continue };
                let state = &mut seen[slot as usize];
                match (*state, complete) {
                    (_, true) => {
                        *state = Seen::Done;
                        order.push((slot, *bits, op.clone()));
                    }
                    (Seen::Done, false) => {}
                    (Seen::Open, false) => return Err(self.looped(slot)),
                    (Seen::No, false) => {
                        *state = Seen::Open;
                        stack.push((slot, true));
                        operands(op, &mut |a| {
                            if seen[a as usize] != Seen::Done {
                                stack.push((a, false));
                            }
                        });
                    }
                }
            }
        }
        Ok(order)
    }

    fn looped(&self, slot: Slot) -> EvaluateError {
        let scope = self.scopes.iter().rev().find(|scope| scope.base <= slot);
        let (place, base) = scope.map_or((String::new(), 0), |scope| (scope.name.clone(), scope.base));
        EvaluateError::Loop { place, net: (slot - base) as usize }
    }
}

fn operands(op: &Op, visit: &mut impl FnMut(Slot)) {
    match op {
        Op::Copy(a) | Op::Slice(a, _) | Op::Shl(a, _) | Op::Rom { a, .. } => visit(*a),
        Op::Add { a, b, .. } | Op::Mul(a, b) | Op::Max(a, b) | Op::Min(a, b) | Op::Lt(a, b) => {
            visit(*a);
            visit(*b);
        }
        Op::Select(a, b, c) => [a, b, c].into_iter().for_each(|&a| visit(a)),
        Op::Concat(parts) => parts.iter().for_each(|part| visit(part.0)),
    }
}
