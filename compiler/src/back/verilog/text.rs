//! Expression text, the bits that it reads, and tables that are modules of their own.

use std::collections::BTreeMap;

use askama::Template;

use super::File;
use super::bits::{Piece, Run};
use super::wires::{Wire, Wires};
use crate::netlist::Netlist;
use crate::netlist::name::Names;

/// Columns of a line.
pub(super) const COLUMNS: usize = 110;

/// Text of runs of bits in one module; remembers which bits were read.
pub(super) struct Text<'a> {
    wires: &'a [Wire],
    read: Vec<Vec<bool>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(wires: &'a Wires) -> Self {
        let read = wires.wires.iter().map(|wire| vec![false; wire.width as usize]).collect();
        Self { wires: &wires.wires, read }
    }

    /// The run as one expression of its width.
    pub(super) fn of(&mut self, run: &Run) -> String {
        let parts: Vec<String> = run.pieces.iter().rev().map(|&piece| self.piece(piece)).collect();
        match parts.as_slice() {
            [part] => part.clone(),
            _ => format!("{{{}}}", wrap(&parts)),
        }
    }

    fn piece(&mut self, piece: Piece) -> String {
        match piece {
            Piece::Wire { wire, lo, width } => self.part(wire, lo, width),
            Piece::Const { pattern, width } => constant(pattern, width),
            Piece::Repeat { wire, bit, width } => {
                let bit = self.part(wire, bit, 1);
                if width > 1 { format!("{{{width}{{{bit}}}}}") } else { bit }
            }
        }
    }

    fn part(&mut self, wire: usize, lo: u32, width: u32) -> String {
        self.read[wire][lo as usize..][..width as usize].fill(true);
        part(&self.wires[wire], lo, width)
    }

    /// The bits of declared wires that nothing has read.
    pub(super) fn unread(&self, declared: impl IntoIterator<Item = usize>) -> Vec<String> {
        let mut found = Vec::new();
        for wire in declared {
            let mut lo = 0;
            for bits in self.read[wire].chunk_by(|a, b| a == b) {
                if !bits[0] {
                    found.push(part(&self.wires[wire], lo, bits.len() as u32));
                }
                lo += bits.len() as u32;
            }
        }
        found
    }
}

fn part(wire: &Wire, lo: u32, width: u32) -> String {
    match (lo, width) {
        (0, _) if width == wire.width => wire.name.clone(),
        (_, 1) => format!("{}[{lo}]", wire.name),
        _ => format!("{}[{}:{lo}]", wire.name, lo + width - 1),
    }
}

/// A literal.
pub(super) fn constant(pattern: u64, width: u32) -> String {
    if width > 32 { format!("{width}'h{pattern:x}") } else { format!("{width}'d{pattern}") }
}

/// Parts with commas, in lines of bounded length.
pub(super) fn wrap(parts: &[String]) -> String {
    let mut text = String::new();
    let mut column = 0;
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            text.push(',');
            if column + part.len() > COLUMNS - 10 {
                text.push_str("\n        ");
                column = 0;
            } else {
                text.push(' ');
            }
        }
        column += part.len() + 2;
        text.push_str(part);
    }
    text
}

/// The declaration of a vector's range, with a space behind, or nothing for one bit.
pub(super) fn range(width: u32) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}

/// Contents of a table: address bits, word bits, words.
type Contents = (u32, u32, Vec<u64>);

/// The tables of a design that are modules of their own, each distinct one once.
pub(super) struct Tables {
    names: Names,
    known: BTreeMap<Contents, String>,
    files: Vec<File>,
}

#[derive(Template)]
#[template(path = "table.v")]
struct TableView {
    name: String,
    address: String,
    word: String,
    entries: Vec<(String, String)>,
    default: String,
}

impl Tables {
    pub(super) fn new(netlist: &Netlist) -> Self {
        let mut names = Names::default();
        netlist.modules.iter().for_each(|module| {
            names.reserve(&module.name);
        });
        Self { names, known: BTreeMap::new(), files: Vec::new() }
    }

    /// The name of a table's module; `name` is what it is like.
    pub(super) fn module(&mut self, name: &str, address: u32, word: u32, words: Vec<u64>) -> String {
        let key = (address, word, words);
        if let Some(name) = self.known.get(&key) {
            return name.clone();
        }
        let name = self.names.claim(name);
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        key.2.iter().for_each(|&word| *counts.entry(word).or_default() += 1);
        let most = counts.iter().max_by_key(|(_, count)| **count).map_or(0, |(&word, _)| word);
        // Yosys 0.23 takes a table of which less than a quarter is listed for comparisons with each entry: 8 times the
        // cells of an exponential function of 13 bits.
        let differing = key.2.len() - counts.get(&most).copied().unwrap_or(0);
        let is_sparse = differing < key.2.len() / 4;
        let entries = key.2.iter().zip(0u64..).filter(|&(&pattern, _)| is_sparse || pattern != most);
        let view = TableView {
            name: name.clone(),
            address: range(address),
            word: range(word),
            entries: entries.map(|(&pattern, at)| (constant(at, address), constant(pattern, word))).collect(),
            default: constant(most, word),
        };
        let text = view.render().expect("a template that only substitutes cannot fail") + "\n";
        self.files.push(File { name: format!("{name}.v"), text });
        self.known.insert(key, name.clone());
        name
    }

    /// The files made since the last call.
    pub(super) fn take(&mut self) -> Vec<File> {
        std::mem::take(&mut self.files)
    }
}
