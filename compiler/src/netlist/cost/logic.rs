//! Look-up tables and flip-flops as `synth_xilinx -family xcup -nodsp` of Yosys 0.23 makes them.
//!
//! Each formula was fitted to small pieces synthesised alone (`tests/bench/primitives.py` prints both):
//!
//! | piece | look-up tables |
//! |---|---|
//! | a ± b | one for each bit where neither operand is constant, an extended sign counted once; nothing where one is |
//! | choice, table or comparison of up to six input bits | one for each result bit, with all that fits into it |
//! | a < b, n bits | 2·⌈n/3⌉ |
//! | a < constant, n > 6 bits | ⌈(n − 1)/5⌉ up to 12 bits, 2·⌈n/6⌉ above |
//! | max, min | the comparison, and one for each bit |
//! | table of n > 6 bits | one for each distinct part of six inputs, as many again of a third above nine inputs |
//! | a × b | w_a · w_b · f, where f grows with the narrower operand from 1 to 2.6, 3.3 if signed |
//! | n ≥ 3 registers in a row | ⌈n/32⌉ for each bit, a flip-flop instead of the last if n mod 32 is 1 or n mod 16 is 1 |
//! | memory of n words | ⌈n/64⌉ for each bit, one more if that is 3, 5, 6, 7, …; its counter |

use super::bits::{BitGraph, CONSTANT};
use crate::netlist::{Driver, Module, NetId};
use crate::schedule::cone::Support;

/// A module's own look-up tables and flip-flops.
pub fn count(module: &Module) -> (u64, u64) {
    let mut logic = Logic {
        module,
        graph: BitGraph::new(module),
        supports: vec![None; module.nets.len()],
        lut: 0,
        ff: 0,
    };
    for index in 0..module.nets.len() {
        logic.supports[index] = logic.support(index);
    }
    module.outputs.iter().flat_map(|(_, nets)| nets).for_each(|&net| logic.graph.read_all(net));
    let inputs = module.instances.iter().flat_map(|instance| instance.inputs.iter().flatten());
    inputs.for_each(|&net| logic.graph.read_all(net));
    let loops: Vec<usize> = (0..module.nets.len()).filter(|&index| logic.is_loop(index)).collect();
    loops.into_iter().for_each(|index| logic.register(index));
    for index in (0..module.nets.len()).rev() {
        logic.net(index);
    }
    logic.chains();
    (logic.lut, logic.ff)
}

struct Logic<'a> {
    module: &'a Module,
    graph: BitGraph<'a>,
    /// What the table of each bit reads, for nets that are small logic.
    supports: Vec<Option<Vec<Support>>>,
    lut: u64,
    ff: u64,
}

impl Logic<'_> {
    fn width(&self, id: NetId) -> u32 {
        self.module.bits(id).width
    }

    /// A register that reads a later net, or that reset clears: it is taken as read.
    fn is_loop(&self, index: usize) -> bool {
        matches!(self.module.nets[index].driver, Driver::Register { d, .. } if d.index() >= index)
    }

    /// A bit as an input of a table, with its own table looked through if `deep`.
    fn input(&self, bit: u32, deep: bool) -> Support {
        if bit == CONSTANT {
            return Support::default();
        }
        let (index, at) = self.graph.place(bit);
        match &self.supports[index] {
            Some(supports) if deep => supports[at as usize],
            _ => Support::of(bit),
        }
    }

    fn joined(&self, bits: &[u32]) -> Option<Support> {
        let join = |deep: bool| {
            bits.iter().try_fold(Support::default(), |all, &bit| all.join(&self.input(bit, deep)))
        };
        join(true).or_else(|| join(false))
    }

    fn all_bits(&self, ids: &[NetId]) -> Vec<u32> {
        ids.iter().flat_map(|&id| (0..self.width(id)).map(move |bit| self.graph.bit(id, bit))).collect()
    }

    fn support(&self, index: usize) -> Option<Vec<Support>> {
        let net = &self.module.nets[index];
        let bits = 0..net.bits.width;
        match net.driver {
            Driver::Select(a, b, c) => bits
                .map(|bit| {
                    self.joined(&[self.graph.bit(a, 0), self.graph.bit(b, bit), self.graph.bit(c, bit)])
                })
                .collect(),
            Driver::Max(a, b) | Driver::Min(a, b) | Driver::Lt(a, b) => {
                Some(vec![self.joined(&self.all_bits(&[a, b]))?; net.bits.width as usize])
            }
            Driver::Rom { a, .. } => Some(vec![self.joined(&self.all_bits(&[a]))?; net.bits.width as usize]),
            _ => None,
        }
    }

    /// Counts a net whose readers are all counted.
    fn net(&mut self, index: usize) {
        let net = &self.module.nets[index];
        let read = (0..net.bits.width).filter(|&bit| self.graph.is_read(index, bit)).collect::<Vec<u32>>();
        let Some(&highest) = read.last() else { return };
        match &net.driver {
            Driver::Register { .. } if !self.is_loop(index) => self.register(index),
            Driver::Add { a, b, shift_a, shift_b, .. } => {
                self.add((*a, *shift_a), (*b, *shift_b), highest);
            }
            Driver::Delay { d, cycles } => {
                let words = u64::from(*cycles) - 1;
                let width = u64::from(net.bits.width);
                let blocks = words.div_ceil(64);
                let mux = if blocks.is_power_of_two() { 0 } else { width };
                let counter = u64::from(words.ilog2()) + 1;
                self.lut += width * blocks + mux + counter;
                self.ff += width + counter;
                self.graph.read_all(*d);
            }
            driver => match &self.supports[index] {
                Some(supports) => {
                    let tables: Vec<Support> = read.iter().map(|&bit| supports[bit as usize]).collect();
                    // Wires and inverters are free.
                    self.lut += tables.iter().filter(|table| table.count() > 1).count() as u64;
                    for bit in tables.iter().flat_map(Support::bits) {
                        self.graph.read(*bit);
                    }
                }
                None => self.large(driver, &read),
            },
        }
    }

    /// One table for each bit in front of the carry chain, where the two operands' bits meet.
    fn add(&mut self, a: (NetId, u32), b: (NetId, u32), highest: u32) {
        let mut last = (CONSTANT, CONSTANT);
        for bit in 0..=highest {
            let pair = (self.graph.shifted(a.0, a.1, bit), self.graph.shifted(b.0, b.1, bit));
            if pair == last {
                continue;
            }
            last = pair;
            if pair.0 == CONSTANT || pair.1 == CONSTANT {
                self.graph.read(pair.0);
                self.graph.read(pair.1);
                continue;
            }
            self.lut += 1;
            // One operand also feeds the chain itself; the other is only read by the table.
            self.graph.read(pair.0);
            let within = self.input(pair.1, true).join(&Support::of(pair.0));
            let inputs = within.unwrap_or(Support::of(pair.1));
            inputs.bits().iter().filter(|&&bit| bit != pair.0).for_each(|&bit| self.graph.read(bit));
        }
    }

    /// Logic of more than six inputs.
    fn large(&mut self, driver: &Driver, read: &[u32]) {
        let operands = driver.operands();
        let constant = |id: &NetId| matches!(self.module.net(*id).driver, Driver::Const(_));
        let less = |a: NetId, b: NetId| {
            let width = u64::from(self.width(a).max(self.width(b)));
            match constant(&a) || constant(&b) {
                true if width <= 12 => (width - 1).div_ceil(5),
                true => 2 * width.div_ceil(6),
                false => 2 * width.div_ceil(3),
            }
        };
        self.lut += match driver {
            Driver::Lt(a, b) => less(*a, *b),
            Driver::Max(a, b) | Driver::Min(a, b) => less(*a, *b) + read.len() as u64,
            Driver::Rom { data, .. } => rom(data, read),
            Driver::Mul(a, b) => {
                let (wa, wb) = (u64::from(self.width(*a)), u64::from(self.width(*b)));
                let signed = self.module.bits(*a).signed || self.module.bits(*b).signed;
                let (slope, most) = if signed { (42, 330) } else { (30, 260) };
                wa * wb * (slope * wa.min(wb)).clamp(100, most) / 100
            }
            _ => return,
        };
        operands.into_iter().for_each(|id| self.graph.read_all(id));
    }

    /// What a register reads; a choice that holds it, or clears it, is the flip-flop's own.
    fn register(&mut self, index: usize) {
        let Driver::Register { d, .. } = self.module.nets[index].driver else { return };
        let own = NetId(index as u32);
        let zero = |id: NetId| matches!(self.module.net(id).driver, Driver::Const(0));
        let inner = match self.module.net(d).driver {
            Driver::Select(a, b, c) if b == own || zero(b) => Some((a, c)),
            Driver::Select(a, b, c) if c == own || zero(c) => Some((a, b)),
            _ => None,
        };
        let looped = self.is_loop(index);
        for bit in 0..self.module.nets[index].bits.width {
            if !looped && !self.graph.is_read(index, bit) {
                continue;
            }
            match inner {
                Some((a, b)) => {
                    self.graph.read(self.graph.bit(a, 0));
                    self.graph.read(self.graph.bit(b, bit));
                }
                None => self.graph.read(self.graph.bit(d, bit)),
            }
        }
    }

    /// Flip-flops, those in rows of three and more as shift registers.
    fn chains(&mut self) {
        let module = self.module;
        let before = |graph: &BitGraph<'_>, bit: u32| {
            let (index, at) = graph.place(bit);
            match module.nets[index].driver {
                Driver::Register { d, reset: false } if d.index() < index => match module.net(d).driver {
                    Driver::Select(..) => None,
                    _ => Some(graph.bit(d, at)).filter(|&bit| bit != CONSTANT),
                },
                _ => None,
            }
        };
        let is_shifted = |bit: u32, graph: &BitGraph<'_>| before(graph, bit).is_some();
        // Registers whose only reader is another such register are inside a row.
        let mut inside = vec![false; self.graph.reads.len()];
        let registers: Vec<u32> = (0..module.nets.len())
            .filter(|&index| matches!(module.nets[index].driver, Driver::Register { .. }))
            .flat_map(|index| {
                let base = self.graph.base(index);
                base..base + module.nets[index].bits.width
            })
            .filter(|&bit| self.graph.reads[bit as usize] > 0)
            .collect();
        for &bit in &registers {
            if let Some(from) = before(&self.graph, bit)
                && self.graph.reads[from as usize] == 1
                && is_shifted(from, &self.graph)
            {
                inside[from as usize] = true;
            }
        }
        for &end in registers.iter().filter(|&&bit| !inside[bit as usize]) {
            let mut length = 1u64;
            let mut at = end;
            while let Some(from) = before(&self.graph, at).filter(|&from| inside[from as usize]) {
                length += 1;
                at = from;
            }
            let rest = length % 32;
            let spare = u64::from(rest == 1 || rest == 17);
            let (lut, ff) = if length < 3 { (0, length) } else { ((length - spare).div_ceil(32), spare) };
            self.lut += lut;
            self.ff += ff;
        }
    }
}

/// A table of more than six inputs: its distinct parts of six inputs and what chooses among them.
fn rom(data: &[i64], read: &[u32]) -> u64 {
    let mut parts: Vec<u64> = Vec::new();
    for &bit in read {
        for part in data.chunks(64) {
            let word =
                part.iter().enumerate().fold(0u64, |all, (n, word)| all | ((word >> bit & 1) as u64) << n);
            if word != 0 && word != u64::MAX {
                parts.push(word);
            }
        }
    }
    parts.sort_unstable();
    parts.dedup();
    let parts = parts.len() as u64;
    if data.len() > 512 { parts + parts / 5 } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlist::Bits;

    fn bits(signed: bool, width: u32) -> Bits {
        Bits { signed, width }
    }

    fn module(inputs: Vec<Bits>, make: impl Fn(&mut Module, &[NetId]) -> NetId) -> (u64, u64) {
        let mut module = Module::new("piece");
        let inputs = module.add_input("x", inputs);
        let output = make(&mut module, &inputs);
        module.add_output("y", vec![output]);
        count(&module)
    }

    fn add(a: NetId, b: NetId) -> Driver {
        Driver::Add { a, b, shift_a: 0, shift_b: 0, subtract: false }
    }

    #[test]
    fn pieces_take_what_yosys_makes_of_them() {
        let sum = |a: Bits, b: Bits, width: u32| {
            module(vec![a, b], |m, x| m.add(bits(true, width), add(x[0], x[1]))).0
        };
        assert_eq!(sum(bits(true, 8), bits(true, 8), 9), 8);
        assert_eq!(sum(bits(true, 12), bits(true, 8), 13), 12);
        assert_eq!(sum(bits(true, 12), bits(false, 8), 13), 8);
        assert_eq!(sum(bits(true, 12), bits(false, 1), 13), 1);
        let row = |cycles: u32| {
            module(vec![bits(false, 4)], |m, x| (0..cycles).fold(x[0], |net, _| m.register(net, false)))
        };
        assert_eq!(
            [2, 3, 16, 17, 32, 33, 64].map(row),
            [(0, 8), (4, 0), (4, 0), (4, 4), (4, 0), (4, 4), (8, 0)]
        );
        let less = module(vec![bits(false, 12); 2], |m, x| m.add(Bits::BIT, Driver::Lt(x[0], x[1])));
        assert_eq!(less, (8, 0));
    }

    #[test]
    fn what_fits_one_table_is_one() {
        // A value clamped from below and above: sign, two upper bits and the bit itself.
        let clamped = module(vec![bits(true, 9)], |m, x| {
            let (zero, most, one) = (m.constant(0), m.constant(63), m.constant(1));
            let sign = m.add(Bits::BIT, Driver::Slice { a: x[0], lo: 8 });
            let raised = m.add(bits(false, 8), Driver::Select(sign, zero, x[0]));
            let upper = m.add(bits(false, 2), Driver::Slice { a: raised, lo: 6 });
            let low = m.add(Bits::BIT, Driver::Lt(upper, one));
            m.add(bits(false, 6), Driver::Select(low, raised, most))
        });
        assert_eq!(clamped, (6, 0));
        // Nothing is made of what is not read, or read only in part.
        let part = module(vec![bits(true, 8); 2], |m, x| {
            let sum = m.add(bits(true, 9), add(x[0], x[1]));
            m.add(bits(true, 9), add(x[1], x[0]));
            m.add(bits(false, 3), Driver::Slice { a: sum, lo: 0 })
        });
        assert_eq!(part, (3, 0));
    }
}
