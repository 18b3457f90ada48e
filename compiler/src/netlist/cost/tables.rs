//! Logic as functions of at most six signals, equal ones made once.

use rustc_hash::FxHashMap;

/// Inputs of a table.
pub const INPUTS: usize = 6;

/// A node, twice its number, or its inverse: one more.
pub type Signal = u32;

/// The constants.
pub const ZERO: Signal = 0;
/// The inverse of [`ZERO`].
pub const ONE: Signal = 1;

/// Where each of the six inputs of a truth table is 0.
const LOW: [u64; INPUTS] = [
    0x5555_5555_5555_5555,
    0x3333_3333_3333_3333,
    0x0f0f_0f0f_0f0f_0f0f,
    0x00ff_00ff_00ff_00ff,
    0x0000_ffff_0000_ffff,
    0x0000_0000_ffff_ffff,
];

/// A node: a source, if it has no inputs, or a function of earlier nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Node {
    size: u8,
    inputs: [u32; INPUTS],
    truth: u64,
}

/// Nodes, each after those it reads; the first is the constant.
#[derive(Debug)]
pub struct Tables {
    nodes: Vec<Node>,
    known: FxHashMap<Node, u32>,
}

impl Default for Tables {
    fn default() -> Self {
        Self { nodes: vec![Node { size: 0, inputs: [0; INPUTS], truth: 0 }], known: FxHashMap::default() }
    }
}

impl Tables {
    /// How many nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A signal that something else than a table drives.
    pub fn source(&mut self) -> Signal {
        self.nodes.push(Node { size: 0, inputs: [0; INPUTS], truth: 0 });
        2 * (self.nodes.len() as u32 - 1)
    }

    /// The nodes that a node reads; none if it is a source.
    pub fn inputs(&self, node: u32) -> &[u32] {
        let node = &self.nodes[node as usize];
        &node.inputs[..usize::from(node.size)]
    }

    /// The function of `inputs` whose value is the bit of `truth` that they number, the first lowest.
    pub fn table(&mut self, inputs: &[Signal], truth: u64) -> Signal {
        let mut nodes = [0u32; INPUTS];
        let mut size = 0;
        for node in inputs.iter().map(|input| input >> 1).filter(|&node| node != 0) {
            if let Err(at) = nodes[..size].binary_search(&node) {
                nodes.copy_within(at..size, at + 1);
                nodes[at] = node;
                size += 1;
            }
        }
        let mut found = 0u64;
        let places: Vec<Option<usize>> =
            inputs.iter().map(|input| nodes[..size].binary_search(&(input >> 1)).ok()).collect();
        for pattern in 0..1u64 << size {
            let index = inputs.iter().zip(&places).enumerate().fold(0, |index, (n, (input, place))| {
                let value = place.map_or(0, |place| pattern >> place & 1) ^ u64::from(input & 1);
                index | value << n
            });
            found |= (truth >> index & 1) << pattern;
        }
        self.normalized(nodes, size, found)
    }

    /// Drops inputs that do not matter; a function is 0 where all inputs are.
    fn normalized(&mut self, mut nodes: [u32; INPUTS], mut size: usize, mut truth: u64) -> Signal {
        let mut input = 0;
        while input < size {
            let rows = u64::MAX >> (64 - (1u64 << size));
            let low = LOW[input] & rows;
            if truth >> (1 << input) & low != truth & low {
                input += 1;
                continue;
            }
            let kept = (0..1u64 << size).filter(|row| row >> input & 1 == 0);
            truth = kept.enumerate().fold(0, |all, (at, row)| all | (truth >> row & 1) << at);
            nodes.copy_within(input + 1..size, input);
            size -= 1;
            nodes[size] = 0;
        }
        let inverted = (truth & 1) as u32;
        if inverted == 1 {
            truth = !truth & u64::MAX >> (64 - (1u64 << size));
        }
        match size {
            0 => inverted,
            1 => nodes[0] << 1 | inverted,
            _ => {
                let node = Node { size: size as u8, inputs: nodes, truth };
                let number = *self.known.entry(node).or_insert_with(|| {
                    self.nodes.push(node);
                    self.nodes.len() as u32 - 1
                });
                number << 1 | inverted
            }
        }
    }

    /// `a` or `b`.
    pub fn or(&mut self, a: Signal, b: Signal) -> Signal {
        self.table(&[a, b], 0b1110)
    }

    /// `a` and `b`.
    pub fn and(&mut self, a: Signal, b: Signal) -> Signal {
        self.table(&[a, b], 0b1000)
    }

    /// Whether `a` and `b` differ.
    pub fn xor(&mut self, a: Signal, b: Signal) -> Signal {
        self.table(&[a, b], 0b0110)
    }

    /// `b` if `a`, else `c`.
    pub fn choose(&mut self, a: Signal, b: Signal, c: Signal) -> Signal {
        self.table(&[a, b, c], 0b1101_1000)
    }

    /// Sum and carry of three bits.
    pub fn full_adder(&mut self, a: Signal, b: Signal, c: Signal) -> (Signal, Signal) {
        (self.table(&[a, b, c], 0b1001_0110), self.table(&[a, b, c], 0b1110_1000))
    }

    /// The bits of a function of words, `None` if it depends on more than six signals.
    pub fn function(
        &mut self,
        words: &[&[Signal]],
        width: u32,
        function: impl Fn(&[u64]) -> u64,
    ) -> Option<Vec<Signal>> {
        let mut inputs: Vec<Signal> = Vec::new();
        for &signal in words.iter().copied().flatten().filter(|&&signal| signal > ONE) {
            if !inputs.contains(&(signal & !1)) {
                inputs.push(signal & !1);
            }
            if inputs.len() > INPUTS {
                return None;
            }
        }
        let mut truths = vec![0u64; width as usize];
        for pattern in 0..1u64 << inputs.len() {
            let value = |signal: Signal| {
                let place = inputs.iter().position(|&input| input == signal & !1);
                place.map_or(0, |place| pattern >> place & 1) ^ u64::from(signal & 1)
            };
            let read = |word: &&[Signal]| {
                word.iter().enumerate().fold(0, |all, (bit, &signal)| all | value(signal) << bit)
            };
            let result = function(&words.iter().map(read).collect::<Vec<u64>>());
            for (bit, truth) in truths.iter_mut().enumerate() {
                *truth |= (result >> bit & 1) << pattern;
            }
        }
        Some(truths.into_iter().map(|truth| self.table(&inputs, truth)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_functions_are_one_node() {
        let mut tables = Tables::default();
        let (a, b, c) = (tables.source(), tables.source(), tables.source());
        let both = tables.and(a, b);
        assert_eq!(tables.and(b, a), both);
        assert_eq!(tables.or(a ^ 1, b ^ 1), both ^ 1);
        // The first input does not matter.
        assert_eq!(tables.table(&[c, a, b], 0b1100_0000), both);
        assert_eq!(tables.choose(a, b, ZERO), both);
        assert_eq!(tables.choose(c, b, b), b);
        assert_eq!(tables.xor(a, ONE), a ^ 1);
        assert_eq!(tables.and(a, a ^ 1), ZERO);
        let (sum, carry) = tables.full_adder(a, b, ONE);
        assert_eq!((sum, carry), (tables.xor(a, b) ^ 1, tables.or(a, b)));
        let less = tables.function(&[&[a, b], &[ONE, ONE]], 1, |words| u64::from(words[0] < words[1]));
        assert_eq!(less, Some(vec![both ^ 1]));
    }
}
