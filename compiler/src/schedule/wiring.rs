//! Where the bits of a datapath come from once wiring is followed, and which cells read them.

use rustc_hash::FxHashMap;

use super::pipeline::BIT;
use crate::datapath::{Cell, Datapath, WireId};

/// Bits that each wire has a number for: those of wire `w` are from `w × BITS` on.
pub const BITS: u32 = 64;

/// The number of a constant bit.
pub const CONSTANT: u32 = u32::MAX;

/// For each wire its bits, the lowest first: of inputs or logic, or constant.
pub struct Wiring {
    bits: Vec<Vec<u32>>,
}

impl Wiring {
    /// The bits of every wire that is live.
    pub fn new(datapath: &Datapath) -> Self {
        let mut this = Self { bits: Vec::with_capacity(datapath.cells().len()) };
        let live = datapath.live();
        for wire in datapath.wires() {
            let bits = if live[wire.index()] { this.trace(datapath, wire) } else { Vec::new() };
            this.bits.push(bits);
        }
        this
    }

    /// The bits of a wire.
    pub fn bits(&self, wire: WireId) -> &[u32] {
        &self.bits[wire.index()]
    }

    /// `wire` in `width` bits: cut, or with its sign or zeros above.
    pub fn resized(&self, datapath: &Datapath, wire: WireId, width: u32) -> Vec<u32> {
        let mut bits = self.bits(wire).to_vec();
        let top = if datapath.interval(wire).width().0 { bits.last().copied() } else { None };
        bits.resize(width as usize, top.unwrap_or(CONSTANT));
        bits
    }

    fn trace(&self, datapath: &Datapath, wire: WireId) -> Vec<u32> {
        let (_, width) = datapath.interval(wire).width();
        if datapath.as_const(wire).is_some() {
            return vec![CONSTANT; width as usize];
        }
        let resized = |a: WireId, width: u32| self.resized(datapath, a, width);
        match *datapath.cell(wire) {
            Cell::Shl(a, n) => {
                let mut bits = vec![CONSTANT; n as usize];
                bits.extend(resized(a, width.saturating_sub(n)));
                bits.truncate(width as usize);
                bits
            }
            Cell::Shr(a, n) => resized(a, width + n).split_off(n as usize),
            Cell::Wrap { a, signed, width: kept } => {
                let mut bits = resized(a, kept);
                let top = if signed { bits.last().copied() } else { None };
                bits.resize(width as usize, top.unwrap_or(CONSTANT));
                bits
            }
            Cell::Concat(ref parts) => {
                let mut bits: Vec<u32> =
                    parts.iter().flat_map(|&part| self.bits(part).iter().copied()).collect();
                bits.resize(width as usize, CONSTANT);
                bits
            }
            _ => (0..width).map(|bit| wire.0 * BITS + bit).collect(),
        }
    }
}

/// Bits of one wire that the same cells read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The wire: an input or logic.
    pub wire: u32,
    /// What the bits take in a register.
    pub price: u64,
    /// The cells that read them, ascending; none of them is wiring.
    pub readers: Vec<u32>,
    /// Whether they leave the engine.
    pub leaves: bool,
}

/// What must be kept in registers between a wire and its readers: every bit that is read, once, for [`BIT`]; those of
/// input `n` for `prices[n]`.
pub fn bundles(datapath: &Datapath, wiring: &Wiring, prices: &[u64]) -> Vec<Bundle> {
    let count = datapath.cells().len();
    let live = datapath.live();
    let mut asked = vec![0u64; count];
    let mut readers: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let read = |bits: &[u32], reader: u32, asked: &mut [u64], readers: &mut FxHashMap<u32, Vec<u32>>| {
        for &bit in bits.iter().filter(|&&bit| bit != CONSTANT) {
            asked[(bit / BITS) as usize] |= 1 << (bit % BITS);
            let known = readers.entry(bit).or_default();
            if known.last() != Some(&reader) {
                known.push(reader);
            }
        }
    };
    for &output in &datapath.outputs {
        read(wiring.bits(output), u32::MAX, &mut asked, &mut readers);
    }
    for wire in datapath.wires().filter(|wire| live[wire.index()]).collect::<Vec<_>>().into_iter().rev() {
        let mask = asked[wire.index()];
        let cell = datapath.cell(wire);
        if cell.is_wiring() || mask == 0 {
            continue;
        }
        let width = 64 - mask.leading_zeros();
        let bits = match *cell {
            // A carry goes upwards only.
            Cell::Add { a, b, shift_a, shift_b, .. } => {
                let part = |a: WireId, shift: u32| {
                    let most = width.saturating_sub(shift).min(wiring.bits(a).len() as u32);
                    wiring.bits(a)[..most as usize].to_vec()
                };
                [part(a, shift_a), part(b, shift_b)].concat()
            }
            Cell::Select(a, b, c) => {
                let of = |a: WireId| {
                    let bits = wiring.resized(datapath, a, BITS).into_iter().enumerate();
                    bits.filter(|(n, _)| mask >> n & 1 == 1).map(|(_, bit)| bit).collect::<Vec<u32>>()
                };
                [wiring.bits(a).to_vec(), of(b), of(c)].concat()
            }
            _ => cell.operands().iter().flat_map(|&a| wiring.bits(a)).copied().collect(),
        };
        read(&bits, wire.0, &mut asked, &mut readers);
    }
    let mut bundles: FxHashMap<(u32, Vec<u32>), u64> = FxHashMap::default();
    for (bit, mut readers) in readers {
        readers.sort_unstable();
        readers.dedup();
        *bundles.entry((bit / BITS, readers)).or_insert(0) += 1;
    }
    let mut found: Vec<Bundle> = bundles
        .into_iter()
        .map(|((wire, mut readers), bits)| {
            let leaves = readers.last() == Some(&u32::MAX);
            readers.truncate(readers.len() - usize::from(leaves));
            let price = match datapath.cell(WireId(wire)) {
                Cell::Input(n) => prices[*n as usize],
                _ => BIT,
            };
            Bundle { wire, price: bits * price, readers, leaves }
        })
        .collect();
    found.sort_unstable_by(|a, b| (a.wire, &a.readers, a.leaves).cmp(&(b.wire, &b.readers, b.leaves)));
    found
}
