//! The bits of a module: where each comes from once wiring is followed, and how often it is read.

use rustc_hash::FxHashMap;

use crate::netlist::{Driver, Module, NetId};

/// The origin of a constant bit.
pub const CONSTANT: u32 = u32::MAX;

/// Every bit of every net has a number; that of a net's lowest bit is `base` of the net.
pub struct BitGraph<'a> {
    module: &'a Module,
    base: Vec<u32>,
    /// The bit that drives this one through wiring alone: itself, or [`CONSTANT`].
    origin: Vec<u32>,
    /// How often it is read by logic, registers, instances or outputs.
    pub reads: Vec<u8>,
}

impl<'a> BitGraph<'a> {
    /// All bits, none of them read yet. Registers of equal inputs are one, as synthesis makes them, and so are equal
    /// columns of small tables.
    pub fn new(module: &'a Module) -> Self {
        let mut base = Vec::with_capacity(module.nets.len() + 1);
        let mut bits = 0u32;
        for net in &module.nets {
            base.push(bits);
            bits += net.bits.width;
        }
        base.push(bits);
        let mut graph =
            Self { module, base, origin: Vec::with_capacity(bits as usize), reads: vec![0; bits as usize] };
        let mut registers: FxHashMap<u32, u32> = FxHashMap::default();
        let mut columns: FxHashMap<(Vec<u32>, u64), u32> = FxHashMap::default();
        for (index, net) in module.nets.iter().enumerate() {
            let width = net.bits.width;
            let own = graph.base[index];
            let origins: Vec<u32> = match &net.driver {
                Driver::Const(_) => vec![CONSTANT; width as usize],
                Driver::Slice { a, lo } => (*lo..lo + width).map(|bit| graph.bit(*a, bit)).collect(),
                Driver::Extend(a) => (0..width).map(|bit| graph.bit(*a, bit)).collect(),
                Driver::Shl { a, n } => (0..width).map(|bit| graph.shifted(*a, *n, bit)).collect(),
                Driver::Concat(parts) => parts
                    .iter()
                    .flat_map(|&part| (0..module.bits(part).width).map(move |bit| (part, bit)))
                    .map(|(part, bit)| graph.bit(part, bit))
                    .collect(),
                Driver::Register { d, reset: false } if d.index() < index => (0..width)
                    .map(|bit| match graph.bit(*d, bit) {
                        CONSTANT => CONSTANT,
                        from => *registers.entry(from).or_insert(own + bit),
                    })
                    .collect(),
                Driver::Rom { a, data } if data.len() <= 64 => {
                    let address: Vec<u32> =
                        (0..module.bits(*a).width).map(|bit| graph.bit(*a, bit)).collect();
                    let ones = u64::MAX >> (64 - data.len());
                    (0..width)
                        .map(|bit| {
                            let column =
                                data.iter().rev().fold(0, |all, word| all << 1 | (word >> bit & 1) as u64);
                            match column {
                                0 => CONSTANT,
                                _ if column == ones => CONSTANT,
                                _ => *columns.entry((address.clone(), column)).or_insert(own + bit),
                            }
                        })
                        .collect()
                }
                _ => (own..own + width).collect(),
            };
            graph.origin.extend(origins);
        }
        graph
    }

    /// The number of a net's own lowest bit.
    pub fn base(&self, index: usize) -> u32 {
        self.base[index]
    }

    /// The net of a bit, and which of its bits it is.
    pub fn place(&self, bit: u32) -> (usize, u32) {
        let index = self.base.partition_point(|&base| base <= bit) - 1;
        (index, bit - self.base[index])
    }

    /// Where a bit of a net comes from; above its width, its sign or 0.
    pub fn bit(&self, id: NetId, bit: u32) -> u32 {
        let bits = self.module.bits(id);
        match bit {
            _ if bit < bits.width => self.origin[(self.base[id.index()] + bit) as usize],
            _ if bits.signed => self.origin[(self.base[id.index()] + bits.width - 1) as usize],
            _ => CONSTANT,
        }
    }

    /// The same of `id << shift`.
    pub fn shifted(&self, id: NetId, shift: u32, bit: u32) -> u32 {
        bit.checked_sub(shift).map_or(CONSTANT, |bit| self.bit(id, bit))
    }

    /// Counts a reader of a bit.
    pub fn read(&mut self, bit: u32) {
        if bit != CONSTANT {
            let reads = &mut self.reads[bit as usize];
            *reads = reads.saturating_add(1);
        }
    }

    /// Counts a reader of all bits of a net.
    pub fn read_all(&mut self, id: NetId) {
        for bit in 0..self.module.bits(id).width {
            self.read(self.bit(id, bit));
        }
    }

    /// Whether a bit that is its own origin is read.
    pub fn is_read(&self, index: usize, bit: u32) -> bool {
        self.reads[(self.base[index] + bit) as usize] > 0
    }
}
