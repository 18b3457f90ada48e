//! The cycle-accurate interpreter of a netlist.

use nn2hdl_runtime::interface::Signature;

use super::{Bits, Driver, Module, NetId, Netlist};

/// A netlist with its state.
pub struct Evaluator {
    signature: Signature,
    cells: Vec<Cell>,
    values: Vec<i64>,
    registers: Vec<Register>,
    inputs: Vec<(Vec<usize>, Vec<Bits>)>,
    outputs: Vec<Vec<usize>>,
}

struct Cell {
    out: usize,
    bits: Bits,
    op: Op,
}

enum Op {
    Const(i64),
    Move(usize, u32),
    Shl(usize, u32),
    Concat(Vec<(usize, u32)>),
    Add(usize, usize, u32, u32, bool),
    Mul(usize, usize),
    Max(usize, usize),
    Min(usize, usize),
    Lt(usize, usize),
    Select(usize, usize, usize),
    Rom(usize, u32, Vec<i64>),
}

struct Register {
    out: usize,
    d: usize,
    reset: bool,
}

impl Evaluator {
    /// The netlist with all registers at zero.
    pub fn new(netlist: &Netlist) -> Result<Self, String> {
        let mut flat = Flat { modules: &netlist.modules, cells: Vec::new(), registers: Vec::new(), count: 0 };
        let top = netlist.top();
        let inputs: Vec<Vec<usize>> =
            top.inputs.iter().map(|port| port.elements.iter().map(|_| flat.fresh()).collect()).collect();
        let outputs = flat.module(top, &inputs);
        let shapes = top.inputs.iter().map(|port| port.elements.clone());
        Ok(Self {
            signature: netlist.signature.clone(),
            values: vec![0; flat.count],
            cells: flat.cells,
            registers: flat.registers,
            inputs: inputs.into_iter().zip(shapes).collect(),
            outputs,
        })
    }

    /// One clock cycle: the outputs as a register would sample them at the edge that ends it.
    pub fn step(&mut self, rst: bool, in_valid: bool, inputs: &[Vec<i64>]) -> (bool, Vec<Vec<i64>>) {
        let valid = vec![i64::from(in_valid)];
        for ((nets, bits), codes) in self.inputs.iter().zip(std::iter::once(&valid).chain(inputs)) {
            for ((&net, bits), &code) in nets.iter().zip(bits).zip(codes) {
                self.values[net] = bits.read(code.into());
            }
        }
        for cell in &self.cells {
            let at = |net: usize| i128::from(self.values[net]);
            let result = match &cell.op {
                Op::Const(value) => i128::from(*value),
                Op::Move(a, lo) => at(*a) >> lo,
                Op::Shl(a, n) => at(*a) << n,
                Op::Concat(parts) => {
                    let mut word = 0i128;
                    let mut shift = 0;
                    for &(part, width) in parts {
                        word |= (at(part) & ((1 << width) - 1)) << shift;
                        shift += width;
                    }
                    word
                }
                Op::Add(a, b, m, n, false) => (at(*a) << m) + (at(*b) << n),
                Op::Add(a, b, m, n, true) => (at(*a) << m) - (at(*b) << n),
                Op::Mul(a, b) => at(*a) * at(*b),
                Op::Max(a, b) => at(*a).max(at(*b)),
                Op::Min(a, b) => at(*a).min(at(*b)),
                Op::Lt(a, b) => i128::from(at(*a) < at(*b)),
                Op::Select(a, b, c) => if at(*a) == 0 { at(*c) } else { at(*b) },
                Op::Rom(a, width, data) => data[(at(*a) & ((1 << width) - 1)) as usize].into(),
            };
            self.values[cell.out] = cell.bits.read(result);
        }
        let mut sampled: Vec<Vec<i64>> =
            self.outputs.iter().map(|nets| nets.iter().map(|&net| self.values[net]).collect()).collect();
        let next: Vec<i64> =
            self.registers.iter().map(|r| if rst && r.reset { 0 } else { self.values[r.d] }).collect();
        for (register, value) in self.registers.iter().zip(next) {
            self.values[register.out] = value;
        }
        let valid = sampled.remove(0)[0] == 1;
        (valid, sampled)
    }

    /// How the design is driven and read.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

struct Flat<'a> {
    modules: &'a [Module],
    cells: Vec<Cell>,
    registers: Vec<Register>,
    count: usize,
}

impl Flat<'_> {
    fn fresh(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }

    fn module(&mut self, module: &Module, inputs: &[Vec<usize>]) -> Vec<Vec<usize>> {
        let mut map: Vec<usize> = Vec::with_capacity(module.nets.len());
        let mut instances: Vec<Option<Vec<Vec<usize>>>> = vec![None; module.instances.len()];
        let mut registers: Vec<(usize, NetId, bool)> = Vec::new();
        for net in &module.nets {
            let at = |id: NetId| map[id.index()];
            let op = match &net.driver {
                Driver::Input { port, element } => {
                    map.push(inputs[*port as usize][*element as usize]);
                    continue;
                }
                Driver::Output { instance, port, element } => {
                    let index = *instance as usize;
                    let found = match instances[index].take() {
                        Some(found) => found,
                        None => {
                            let instance = &module.instances[index];
                            let connected: Vec<Vec<usize>> =
                                instance.inputs.iter().map(|nets| nets.iter().map(|&id| at(id)).collect()).collect();
                            self.module(&self.modules[instance.module], &connected)
                        }
                    };
                    map.push(found[*port as usize][*element as usize]);
                    instances[index] = Some(found);
                    continue;
                }
                Driver::Register { d, reset } => {
                    let out = self.fresh();
                    registers.push((out, *d, *reset));
                    map.push(out);
                    continue;
                }
                Driver::Const(value) => Op::Const(*value),
                Driver::Slice { a, lo } => Op::Move(at(*a), *lo),
                Driver::Shl { a, n } => Op::Shl(at(*a), *n),
                Driver::Extend(a) => Op::Move(at(*a), 0),
                Driver::Concat(parts) => Op::Concat(parts.iter().map(|&id| (at(id), module.bits(id).width)).collect()),
                Driver::Add { a, b, shift_a, shift_b, subtract } => Op::Add(at(*a), at(*b), *shift_a, *shift_b, *subtract),
                Driver::Mul(a, b) => Op::Mul(at(*a), at(*b)),
                Driver::Max(a, b) => Op::Max(at(*a), at(*b)),
                Driver::Min(a, b) => Op::Min(at(*a), at(*b)),
                Driver::Lt(a, b) => Op::Lt(at(*a), at(*b)),
                Driver::Select(a, b, c) => Op::Select(at(*a), at(*b), at(*c)),
                Driver::Rom { a, data } => Op::Rom(at(*a), module.bits(*a).width, data.clone()),
            };
            let out = self.fresh();
            self.cells.push(Cell { out, bits: net.bits, op });
            map.push(out);
        }
        self.registers.extend(registers.into_iter().map(|(out, d, reset)| Register { out, d: map[d.index()], reset }));
        let outputs = module.outputs.iter();
        outputs.map(|(_, nets)| nets.iter().map(|id| map[id.index()]).collect()).collect()
    }
}
