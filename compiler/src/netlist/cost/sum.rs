//! Additions as carry chains, and as trees of full adders in front of one where Yosys joins several.

use rustc_hash::FxHashMap;

use super::tables::{ONE, Signal, Tables, ZERO};

/// A summand.
#[derive(Clone, Debug)]
struct Port {
    /// Its bits without constant zeros above.
    word: Vec<Signal>,
    subtract: bool,
}

impl Port {
    fn bit(&self, bit: usize) -> Signal {
        self.word.get(bit).copied().unwrap_or(ZERO)
    }
}

/// The sum of its ports, modulo two to the power of its width.
#[derive(Debug)]
pub struct Sum {
    ports: Vec<Port>,
    outputs: Vec<Signal>,
    /// Bits up to the uppermost that is read.
    pub width: usize,
}

impl Sum {
    /// `a ± b`, of equal widths.
    pub fn new(a: &[Signal], b: &[Signal], subtract: bool, outputs: Vec<Signal>) -> Self {
        let port = |word: &[Signal], subtract| {
            let used = word.iter().rposition(|&bit| bit != ZERO).map_or(0, |last| last + 1);
            Port { word: word[..used].to_vec(), subtract }
        };
        let ports = [port(a, false), port(b, subtract)].into_iter().filter(|port| !port.word.is_empty());
        Self { ports: ports.collect(), width: outputs.len(), outputs }
    }

    /// The summands' bits of some places.
    pub fn operands(&self, from: usize, to: usize) -> impl Iterator<Item = Signal> {
        self.ports.iter().flat_map(move |port| port.word.iter().take(to).skip(from).copied())
    }

    /// Whether some sum of the ports does not fit.
    fn may_overflow(&self) -> bool {
        let most = |port: &Port| (1u128 << port.word.len()) - 1;
        self.ports.iter().any(|port| port.subtract)
            || self.ports.iter().map(most).sum::<u128>() >> self.width > 0
    }

    /// What the carry chain reads: at each bit the exclusive or of two, and one of the two.
    pub fn inputs(&self, tables: &mut Tables) -> Vec<Signal> {
        let is_bit = |port: &&Port| port.word.len() == 1 && !port.subtract;
        let (bits, words): (Vec<&Port>, Vec<&Port>) = self.ports.iter().partition(is_bit);
        let negative = words.iter().filter(|port| port.subtract).count();
        // A single bit is the chain's carry, unless a subtraction needs that or it is an operand itself.
        let operands: Vec<&Port> =
            words.iter().chain(bits.iter().take(2usize.saturating_sub(words.len()))).copied().collect();
        let carries = self.ports.len() - operands.len() + negative;
        if words.len() > 2 || carries > 1 || negative > 1 {
            return self.compressed(tables);
        }
        let (a, b) = match *operands.as_slice() {
            [] => return Vec::new(),
            [only] if only.subtract => return only.word.iter().take(self.width).map(|bit| bit ^ 1).collect(),
            [only] => return only.word.iter().take(self.width).copied().collect(),
            [a, b, ..] if a.subtract || !b.subtract && b.word.len() < a.word.len() => (b, a),
            [a, b, ..] => (a, b),
        };
        let mut inputs: Vec<Signal> = a.word.iter().take(self.width).copied().collect();
        inputs.extend((0..self.width).map(|bit| tables.xor(a.bit(bit), b.bit(bit))));
        inputs.extend(self.ports.iter().filter(is_bit).map(|port| port.bit(0)));
        inputs
    }

    /// The same with more than two summands.
    fn compressed(&self, tables: &mut Tables) -> Vec<Signal> {
        let mut columns: Vec<Vec<Signal>> = vec![Vec::new(); self.width];
        for port in &self.ports {
            for bit in 0..self.width {
                push(&mut columns, port.bit(bit) ^ u32::from(port.subtract), bit);
            }
            if port.subtract {
                push(&mut columns, ONE, 0);
            }
        }
        let mut rows: Vec<Vec<Signal>> = Vec::new();
        // Bits that fill the carries' free lowest places.
        let mut spare: Vec<Signal> = Vec::new();
        while columns.iter().any(|column| !column.is_empty()) {
            rows.push(columns.iter_mut().map(|column| column.pop().unwrap_or(ZERO)).collect());
            let mut free = rows.len().saturating_sub(2).saturating_sub(spare.len());
            for (bit, column) in columns.iter_mut().enumerate().take(16) {
                while 1 << bit <= free
                    && let Some(signal) = column.pop()
                {
                    spare.extend(std::iter::repeat_n(signal, 1 << bit));
                    free -= 1 << bit;
                }
            }
        }
        while rows.len() > 2 {
            let mut fewer: Vec<Vec<Signal>> = Vec::new();
            for group in rows.chunks(3) {
                let [a, b, c] = group else {
                    fewer.extend_from_slice(group);
                    continue;
                };
                let (mut sums, mut carries) = (Vec::new(), vec![spare.pop().unwrap_or(ZERO)]);
                for ((&a, &b), &c) in a.iter().zip(b).zip(c) {
                    let (sum, carry) = tables.full_adder(a, b, c);
                    sums.push(sum);
                    carries.push(carry);
                }
                carries.pop();
                fewer.extend([sums, carries]);
            }
            rows = fewer;
        }
        let [a, b] = rows.as_slice() else { return rows.pop().unwrap_or_default() };
        let exclusive: Vec<Signal> = a.iter().zip(b).map(|(&a, &b)| tables.xor(a, b)).collect();
        a.iter().copied().chain(exclusive).collect()
    }
}

/// A bit of a column; two equal ones are one in the next.
fn push(columns: &mut [Vec<Signal>], signal: Signal, at: usize) {
    let Some(column) = columns.get_mut(at).filter(|_| signal != ZERO) else { return };
    match column.iter().position(|&known| known == signal) {
        Some(known) => {
            column.remove(known);
            push(columns, signal, at + 1);
        }
        None => column.push(signal),
    }
}

/// Joins each sum whose only reader is another sum that takes it as it is with that one. `reads` is how often cells
/// read each node.
pub fn merge(sums: &mut [Sum], reads: &[u8]) {
    let found: FxHashMap<Signal, usize> =
        sums.iter().enumerate().map(|(number, sum)| (sum.outputs[0], number)).collect();
    for outer in 0..sums.len() {
        let mut at = 0;
        while at < sums[outer].ports.len() {
            let port = &sums[outer].ports[at];
            let inner = port.word.first().and_then(|first| found.get(first)).map(|&inner| &sums[inner]);
            let joins = inner.filter(|inner| {
                let outputs = &inner.outputs[..inner.width];
                port.word == outputs
                    && outputs.iter().all(|&output| reads[output as usize >> 1] == 1)
                    && (inner.width == sums[outer].width || !inner.may_overflow())
            });
            let Some(inner) = joins else {
                at += 1;
                continue;
            };
            let subtract = port.subtract;
            let ports = inner
                .ports
                .iter()
                .map(|port| Port { word: port.word.clone(), subtract: port.subtract != subtract });
            let ports: Vec<Port> = ports.collect();
            sums[outer].ports.splice(at..=at, ports);
        }
    }
}
