//! Look-up tables and flip-flops as `synth_xilinx -family xcup -nodsp` of Yosys 0.23 makes them: the module's bits
//! become tables ([`Tables`]) between registers, carry chains and blocks, and those are covered as its mapper does.
//!
//! What is not tables was fitted to small pieces synthesised alone (`tests/bench/primitives.py` prints both):
//!
//! | piece | look-up tables |
//! |---|---|
//! | a ± b | where both operands have a bit their exclusive or, in front of the carry chain; the chain's other input |
//! | a < b | two for each three bits |
//! | a < constant, n > 6 bits | ⌈(n − 1)/5⌉ up to 12 bits, 2·⌈n/6⌉ above |
//! | table of n > 6 bits | one for each distinct part of six inputs, as many again of a fifth above nine inputs |
//! | a × b | w_a · w_b · f, where f grows with the narrower operand from 1 to 2.6, 3.3 if signed |
//! | n ≥ 3 registers in a row | ⌈n/32⌉ for each bit, a flip-flop instead of the last if n mod 32 is 1 or n mod 16 is 1 |
//! | memory of n words | ⌈n/64⌉ for each bit, one more if that is 3, 5, 6, 7, …; its counter |

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::mapping::look_up_tables;
use super::registers::{Register, rows};
use super::sum::{Sum, merge};
use super::tables::{ONE, Signal, Tables, ZERO};
use crate::netlist::{Driver, Module, NetId};

/// A module's own look-up tables and flip-flops.
pub fn count(module: &Module) -> (u64, u64) {
    let mut logic = Logic::new(module);
    let mut roots: Vec<Signal> =
        module.outputs.iter().flat_map(|(_, nets)| nets).flat_map(|&net| logic.word(net).to_vec()).collect();
    let inputs = module.instances.iter().flat_map(|instance| instance.inputs.iter().flatten());
    roots.extend(inputs.flat_map(|&net| logic.word(net).to_vec()));
    let cells = logic.reach(roots.clone(), true);
    merge(&mut logic.sums, &cells.reads);
    let found = logic.reach(roots, false);
    let (row_lut, ff) = rows(&logic.registers, &found.registers, &found.reads);
    let blocks = || found.blocks.iter().map(|&block| &logic.blocks[block]);
    let lut =
        look_up_tables(&logic.tables, &found.roots) + row_lut + blocks().map(|block| block.lut).sum::<u64>();
    (lut, ff + blocks().map(|block| block.ff).sum::<u64>())
}

/// What drives a node that is not a table.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Sum(usize, usize),
    Register(usize),
    Block(usize),
}

/// Hardware that is counted as a whole.
struct Block {
    inputs: Vec<Signal>,
    lut: u64,
    ff: u64,
}

/// What is needed for some roots.
struct Reach {
    /// Signals that tables have to deliver.
    roots: Vec<Signal>,
    /// How often each node is read.
    reads: Vec<u8>,
    registers: Vec<usize>,
    blocks: Vec<usize>,
}

struct Logic<'a> {
    module: &'a Module,
    tables: Tables,
    /// Signals of all nets' bits, those of a net from its base on.
    bits: Vec<Signal>,
    base: Vec<usize>,
    origins: FxHashMap<u32, Origin>,
    sums: Vec<Sum>,
    registers: Vec<Register>,
    blocks: Vec<Block>,
    known: FxHashMap<[Signal; 3], Signal>,
    reset: Signal,
}

impl<'a> Logic<'a> {
    fn new(module: &'a Module) -> Self {
        let mut tables = Tables::default();
        let reset = tables.source();
        let mut logic = Self {
            module,
            tables,
            bits: Vec::new(),
            base: vec![0],
            origins: FxHashMap::default(),
            sums: Vec::new(),
            registers: Vec::new(),
            blocks: Vec::new(),
            known: FxHashMap::default(),
            reset,
        };
        let mut later: Vec<(usize, usize)> = Vec::new();
        for index in 0..module.nets.len() {
            let word = match module.nets[index].driver {
                Driver::Register { d, .. } if d.index() >= index => {
                    later.push((index, logic.registers.len()));
                    (0..module.nets[index].bits.width).map(|_| logic.loose_register()).collect()
                }
                _ => logic.net(index),
            };
            debug_assert_eq!(word.len(), module.nets[index].bits.width as usize);
            logic.bits.extend(word);
            logic.base.push(logic.bits.len());
        }
        for (index, first) in later {
            for bit in 0..module.nets[index].bits.width {
                let (d, enable, clear) = logic.registered(index, bit);
                let register = &mut logic.registers[first + bit as usize];
                (register.d, register.enable, register.clear) = (d, enable, clear);
            }
        }
        logic
    }

    fn width(&self, id: NetId) -> u32 {
        self.module.bits(id).width
    }

    fn word(&self, id: NetId) -> &[Signal] {
        &self.bits[self.base[id.index()]..self.base[id.index() + 1]]
    }

    /// A bit of a net; above its width its sign or 0.
    fn bit(&self, id: NetId, bit: u32) -> Signal {
        let word = self.word(id);
        match word.get(bit as usize) {
            Some(&signal) => signal,
            None if self.module.bits(id).signed => word[word.len() - 1],
            None => ZERO,
        }
    }

    fn resized(&self, id: NetId, width: u32) -> Vec<Signal> {
        (0..width).map(|bit| self.bit(id, bit)).collect()
    }

    fn sources(&mut self, width: u32, origin: impl Fn(usize) -> Origin) -> Vec<Signal> {
        (0..width as usize)
            .map(|bit| {
                let signal = self.tables.source();
                self.origins.insert(signal >> 1, origin(bit));
                signal
            })
            .collect()
    }

    fn block(&mut self, width: u32, inputs: &[NetId], lut: u64, ff: u64) -> Vec<Signal> {
        let inputs = inputs.iter().flat_map(|&id| self.word(id).to_vec()).collect();
        self.blocks.push(Block { inputs, lut, ff });
        let number = self.blocks.len() - 1;
        self.sources(width, |_| Origin::Block(number))
    }

    fn net(&mut self, index: usize) -> Vec<Signal> {
        let bits = self.module.nets[index].bits;
        let width = bits.width;
        match &self.module.nets[index].driver {
            Driver::Input { .. } | Driver::Output { .. } => {
                (0..width).map(|_| self.tables.source()).collect()
            }
            &Driver::Const(value) => (0..width).map(|bit| (value >> bit & 1) as Signal).collect(),
            &Driver::Slice { a, lo } => (lo..lo + width).map(|bit| self.bit(a, bit)).collect(),
            &Driver::Extend(a) => self.resized(a, width),
            &Driver::Shl { a, n } => {
                (0..width).map(|bit| bit.checked_sub(n).map_or(ZERO, |bit| self.bit(a, bit))).collect()
            }
            Driver::Concat(parts) => {
                let mut word: Vec<Signal> = parts.iter().flat_map(|&part| self.word(part).to_vec()).collect();
                word.resize(width as usize, ZERO);
                word
            }
            &Driver::Add { a, b, shift_a, shift_b, subtract } => {
                let shifted = |id: NetId, shift: u32| -> Vec<Signal> {
                    (0..width)
                        .map(|bit| bit.checked_sub(shift).map_or(ZERO, |bit| self.bit(id, bit)))
                        .collect()
                };
                let (a, b) = (shifted(a, shift_a), shifted(b, shift_b));
                self.sum(&a, &b, subtract)
            }
            &Driver::Select(a, b, c) => {
                let condition = self.bit(a, 0);
                (0..width)
                    .map(|bit| {
                        let (b, c) = (self.bit(b, bit), self.bit(c, bit));
                        self.tables.choose(condition, b, c)
                    })
                    .collect()
            }
            &Driver::Lt(a, b) => vec![self.less(a, b)],
            &Driver::Max(a, b) | &Driver::Min(a, b) => {
                let less = self.less(a, b);
                let is_max = matches!(self.module.nets[index].driver, Driver::Max(..));
                let (upper, lower) = if is_max { (b, a) } else { (a, b) };
                (0..width)
                    .map(|bit| {
                        let (upper, lower) = (self.bit(upper, bit), self.bit(lower, bit));
                        self.tables.choose(less, upper, lower)
                    })
                    .collect()
            }
            Driver::Rom { a, data } => {
                let address = self.word(*a).to_vec();
                let found = self.tables.function(&[&address], width, |words| data[words[0] as usize] as u64);
                found.unwrap_or_else(|| self.block(width, &[*a], rom(data, width), 0))
            }
            &Driver::Mul(a, b) => self.product(a, b, width),
            Driver::Delay { d, cycles } => {
                let words = u64::from(*cycles) - 1;
                let wide = u64::from(width);
                let blocks = words.div_ceil(64);
                let choice = if blocks.is_power_of_two() { 0 } else { wide };
                let counter = u64::from(words.ilog2()) + 1;
                self.block(width, &[*d], wide * blocks + choice + counter, wide + counter)
            }
            Driver::Register { .. } => (0..width)
                .map(|bit| {
                    let (d, enable, clear) = self.registered(index, bit);
                    self.register(d, enable, clear)
                })
                .collect(),
        }
    }

    fn sum(&mut self, a: &[Signal], b: &[Signal], subtract: bool) -> Vec<Signal> {
        let through = |(a, b): (&Signal, &Signal)| match (*a, *b) {
            (a, ZERO) => Some(a),
            (ZERO, b) if !subtract => Some(b),
            _ => None,
        };
        let mut word: Vec<Signal> = a.iter().zip(b).map_while(through).collect();
        let rest = a.len() - word.len();
        if rest > 0 {
            let (a, b) = (&a[word.len()..], &b[word.len()..]);
            let number = self.sums.len();
            let outputs = self.sources(rest as u32, |bit| Origin::Sum(number, bit));
            self.sums.push(Sum::new(a, b, subtract, outputs.clone()));
            word.extend(outputs);
        }
        word
    }

    fn less(&mut self, a: NetId, b: NetId) -> Signal {
        let (bits_a, bits_b) = (self.module.bits(a), self.module.bits(b));
        let (word_a, word_b) = (self.word(a).to_vec(), self.word(b).to_vec());
        let compared = |words: &[u64]| u64::from(bits_a.read(words[0].into()) < bits_b.read(words[1].into()));
        if let Some(found) = self.tables.function(&[&word_a, &word_b], 1, compared) {
            return found[0];
        }
        let signed = bits_a.signed || bits_b.signed;
        let width = bits_a.width.max(bits_b.width) + u32::from(signed && bits_a.signed != bits_b.signed);
        let (mut a, mut b) = (self.resized(a, width), self.resized(b, width));
        if signed {
            let top = width as usize - 1;
            (a[top], b[top]) = (b[top], a[top]);
        }
        let constant = a.iter().all(|&bit| bit <= ONE) || b.iter().all(|&bit| bit <= ONE);
        let step = match constant {
            true if width <= 12 => 5,
            true => 6,
            false => 3,
        };
        if step == 5 {
            // Constants are compared from table to table.
            let mut less = self.tables.and(a[0] ^ 1, b[0]);
            for (a, b) in a[1..].chunks(step).zip(b[1..].chunks(step)) {
                let words: [&[Signal]; 3] = [a, b, &[less]];
                let next = self.tables.function(&words, 1, |words| match words[0].cmp(&words[1]) {
                    Ordering::Equal => words[2],
                    order => u64::from(order == Ordering::Less),
                });
                less = next.map_or(less, |next| next[0]);
            }
            return less;
        }
        // A carry chain goes from part to part.
        let mut inputs = Vec::new();
        for (a, b) in a.chunks(step).zip(b.chunks(step)) {
            let words: [&[Signal]; 2] = [a, b];
            let less = self.tables.function(&words, 1, |words| u64::from(words[0] < words[1]));
            let equal = self.tables.function(&words, 1, |words| u64::from(words[0] == words[1]));
            inputs.extend([less, equal].into_iter().flatten().flatten());
        }
        self.blocks.push(Block { inputs, lut: 0, ff: 0 });
        let number = self.blocks.len() - 1;
        self.sources(1, |_| Origin::Block(number))[0]
    }

    fn product(&mut self, a: NetId, b: NetId, width: u32) -> Vec<Signal> {
        let (bits_a, bits_b) = (self.module.bits(a), self.module.bits(b));
        for (bit, other) in [(a, b), (b, a)] {
            if self.module.bits(bit) == crate::netlist::Bits::BIT {
                let bit = self.bit(bit, 0);
                return self
                    .resized(other, width)
                    .into_iter()
                    .map(|other| self.tables.and(bit, other))
                    .collect();
            }
        }
        let (wa, wb) = (u64::from(bits_a.width), u64::from(bits_b.width));
        let (slope, most) = if bits_a.signed || bits_b.signed { (42, 330) } else { (30, 260) };
        self.block(width, &[a, b], wa * wb * (slope * wa.min(wb)).clamp(100, most) / 100, 0)
    }

    /// What a register's bit reads, when it does, and what clears it: a choice that holds or settles it is the
    /// flip-flop's own.
    fn registered(&mut self, index: usize, bit: u32) -> (Signal, Signal, Signal) {
        let Driver::Register { d, reset } = self.module.nets[index].driver else { return (ZERO, ONE, ZERO) };
        let own = self.base.get(index + 1).map(|_| self.bits[self.base[index] + bit as usize]);
        let (mut enable, mut clear) = (ONE, if reset { self.reset } else { ZERO });
        let mut settled = reset.then_some(ZERO);
        let (mut at, mut bit) = (d, bit);
        loop {
            match self.module.net(at).driver {
                Driver::Select(a, b, c) => {
                    let condition = self.bit(a, 0);
                    let (then, other) = (self.bit(b, bit), self.bit(c, bit));
                    let constant =
                        |signal: Signal| signal <= ONE && settled.is_none_or(|settled| settled == signal);
                    if Some(then) == own {
                        enable = self.tables.and(enable, condition ^ 1);
                        at = c;
                    } else if Some(other) == own {
                        enable = self.tables.and(enable, condition);
                        at = b;
                    } else if constant(then) && enable == ONE {
                        clear = self.tables.or(clear, condition);
                        settled = Some(then);
                        at = c;
                    } else if constant(other) && enable == ONE {
                        clear = self.tables.or(clear, condition ^ 1);
                        settled = Some(other);
                        at = b;
                    } else {
                        break;
                    }
                }
                Driver::Slice { a, lo } => (at, bit) = (a, bit + lo),
                Driver::Extend(a) if bit < self.width(a) => at = a,
                _ => break,
            }
        }
        (self.bit(at, bit), enable, clear)
    }

    /// A flip-flop; equal ones are one.
    fn register(&mut self, d: Signal, enable: Signal, clear: Signal) -> Signal {
        if d <= ONE && clear == ZERO {
            return d;
        }
        if let Some(&known) = self.known.get(&[d, enable, clear]) {
            return known;
        }
        let signal = self.loose_register();
        self.known.insert([d, enable, clear], signal);
        let register = self.registers.last_mut().expect("the register was just made");
        (register.d, register.enable, register.clear) = (d, enable, clear);
        signal
    }

    /// A flip-flop whose input is yet to be set.
    fn loose_register(&mut self) -> Signal {
        let number = self.registers.len();
        let signal = self.sources(1, |_| Origin::Register(number))[0];
        self.registers.push(Register { d: ZERO, enable: ONE, clear: ZERO, signal });
        signal
    }

    /// Follows everything that `roots` need. `cells`: readers are counted before additions become carry chains, and
    /// each addition is cut above the uppermost bit that is read.
    fn reach(&mut self, mut roots: Vec<Signal>, cells: bool) -> Reach {
        let mut found =
            Reach { roots: Vec::new(), reads: Vec::new(), registers: Vec::new(), blocks: Vec::new() };
        let mut seen: Vec<bool> = Vec::new();
        let mut widths = vec![0; self.sums.len()];
        let mut blocks = vec![false; self.blocks.len()];
        let mut stack: Vec<u32> = Vec::new();
        loop {
            let Some(node) = stack.pop() else {
                let Some(root) = roots.pop() else { break };
                found.roots.push(root);
                stack.push(root >> 1);
                continue;
            };
            let at = node as usize;
            if seen.len() < self.tables.len() {
                seen.resize(self.tables.len(), false);
                found.reads.resize(self.tables.len(), 0);
            }
            found.reads[at] = found.reads[at].saturating_add(1);
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            stack.extend(self.tables.inputs(node));
            match self.origins.get(&node) {
                None => {}
                Some(&Origin::Register(number)) => {
                    let register = &self.registers[number];
                    found.registers.push(number);
                    roots.extend([register.d, register.enable, register.clear]);
                }
                Some(&Origin::Block(number)) if std::mem::replace(&mut blocks[number], true) => {}
                Some(&Origin::Block(number)) => {
                    found.blocks.push(number);
                    roots.extend(&self.blocks[number].inputs);
                }
                Some(&Origin::Sum(number, bit)) => {
                    let from = widths[number];
                    widths[number] = from.max(bit + 1);
                    let sum = &self.sums[number];
                    match cells {
                        true => roots.extend(sum.operands(from, widths[number])),
                        false if from == 0 => roots.extend(sum.inputs(&mut self.tables)),
                        false => {}
                    }
                }
            }
        }
        if cells {
            self.sums.iter_mut().zip(widths).for_each(|(sum, width)| sum.width = width);
        }
        found.reads.resize(self.tables.len(), 0);
        found.registers.sort_unstable();
        found
    }
}
/// A table of more than six inputs: its distinct parts of six inputs and what chooses among them.
fn rom(data: &[i64], width: u32) -> u64 {
    let mut parts: Vec<u64> = Vec::new();
    for bit in 0..width {
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

    #[test]
    fn flip_flops_hold_and_clear_by_themselves() {
        // A counter that steps while it is told to and begins again: 3 bits of a chain, one table that clears.
        let counter = module(vec![Bits::BIT; 2], |m, x| {
            let (zero, one) = (m.constant(0), m.constant(1));
            let count = m.add(bits(false, 3), Driver::Register { d: NetId(0), reset: true });
            let next = m.add(bits(false, 3), add(count, one));
            let next = m.add(bits(false, 3), Driver::Select(x[1], zero, next));
            let next = m.add(bits(false, 3), Driver::Select(x[0], next, count));
            m.nets[count.index()].driver = Driver::Register { d: next, reset: true };
            count
        });
        // As by Yosys 0.23: what is cleared behind an enable is left to tables.
        assert_eq!(counter, (3, 3));
        // A choice of zero, or of the value that is held, is an input of the flip-flop; as a result it is a table.
        let masked = |registered: bool| {
            module(vec![Bits::BIT, bits(false, 4)], |m, x| {
                let zero = m.constant(0);
                let masked = m.add(bits(false, 4), Driver::Select(x[0], x[1], zero));
                if registered { m.register(masked, false) } else { masked }
            })
        };
        assert_eq!((masked(true), masked(false)), ((0, 4), (4, 0)));
        // The same twice is there once, and a register of a constant is none.
        let twice = module(vec![bits(false, 4)], |m, x| {
            let (first, second) = (m.register(x[0], false), m.register(x[0], false));
            let three = m.constant(3);
            let constant = m.register(three, false);
            m.add(bits(false, 10), Driver::Concat(vec![first, second, constant]))
        });
        assert_eq!(twice, (0, 4));
    }

    #[test]
    fn additions_that_only_feed_another_are_joined() {
        // By Yosys 0.23: two chains of four tables each if the inner sum is read elsewhere too, else full adders, and
        // one chain.
        let sum = |shared: bool| {
            module(vec![bits(false, 4); 3], |m, x| {
                let inner = m.add(bits(false, 5), add(x[0], x[1]));
                let outer = m.add(bits(false, 6), add(inner, x[2]));
                let parts = if shared { vec![outer, inner] } else { vec![outer] };
                m.add(bits(false, if shared { 11 } else { 6 }), Driver::Concat(parts))
            })
        };
        assert_eq!((sum(true), sum(false)), ((8, 0), (8, 0)));
        // A single bit beside two words is the chain's carry.
        let carry = module(vec![bits(false, 4), bits(false, 4), Bits::BIT], |m, x| {
            let inner = m.add(bits(false, 5), add(x[0], x[1]));
            m.add(bits(false, 6), add(inner, x[2]))
        });
        assert_eq!(carry, (4, 0));
    }
}
