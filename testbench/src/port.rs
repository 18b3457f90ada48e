use std::ops::Range;

/// Which way a port points, seen from the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Driven by the test bench.
    Input,
    /// Driven by the module.
    Output,
}

/// A port of the top module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The Verilog name.
    pub name: String,
    /// The width in bits, at least 1.
    pub width: u32,
    /// The direction.
    pub direction: Direction,
}

impl Port {
    /// An input port.
    pub fn input(name: impl Into<String>, width: u32) -> Self {
        Self { name: name.into(), width, direction: Direction::Input }
    }

    /// An output port.
    pub fn output(name: impl Into<String>, width: u32) -> Self {
        Self { name: name.into(), width, direction: Direction::Output }
    }

    /// The number of 32-bit words that hold one value of the port.
    pub fn words(&self) -> usize {
        self.width.div_ceil(32) as usize
    }
}

/// Where each port lies in a row: the ports in order, each padded to whole 32-bit words, low word first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    ports: Vec<Port>,
    ranges: Vec<Range<usize>>,
    words: usize,
}

impl Layout {
    /// Lays ports out in the order given.
    pub fn new(ports: Vec<Port>) -> Self {
        let mut words = 0;
        let ranges = ports
            .iter()
            .map(|port| {
                let start = words;
                words += port.words();
                start..words
            })
            .collect();
        Self { ports, ranges, words }
    }

    /// The ports, in the order of the row.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// The number of words in a row.
    pub fn words(&self) -> usize {
        self.words
    }

    /// The place of a port in [`Layout::ports`].
    pub fn position(&self, name: &str) -> Option<usize> {
        self.ports.iter().position(|port| port.name == name)
    }

    /// The words of a row that belong to the port at `position`.
    pub fn range(&self, position: usize) -> Range<usize> {
        self.ranges[position].clone()
    }
}

/// Values of a set of ports over consecutive clock cycles, one row of words per cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    width: usize,
    count: usize,
    words: Vec<u32>,
}

impl Rows {
    /// `count` rows of `width` zero words.
    pub fn zeroed(width: usize, count: usize) -> Self {
        Self { width, count, words: vec![0; width * count] }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Words per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[u32] {
        &self.words[index * self.width..][..self.width]
    }

    /// One row, to be written.
    pub fn row_mut(&mut self, index: usize) -> &mut [u32] {
        &mut self.words[index * self.width..][..self.width]
    }

    /// Adds a row of zeros at the end and returns it.
    pub fn push_zeroed(&mut self) -> &mut [u32] {
        self.words.resize(self.words.len() + self.width, 0);
        self.count += 1;
        self.row_mut(self.count - 1)
    }

    /// All words, row after row.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u32] {
        &mut self.words
    }
}
