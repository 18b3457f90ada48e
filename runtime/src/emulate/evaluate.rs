//! One kernel on one block of lanes.

use super::code::{Arg, Binary, Code, Instruction, PINNED, Places, Resolver, compile};
use super::lane::Lane;
use super::layer::{Body, BodySites, Layer, Lines, Terms, finish_words};
use super::simd::Level;
use super::store::{Place, UNSTORED};
use crate::index::point;
use crate::kernel::{Kernel, Reduction};
use crate::program::Step;

/// What one worker needs besides the values.
#[derive(Default)]
pub(super) struct Scratch<T, const L: usize> {
    registers: Vec<[T; L]>,
    line: Vec<[T; L]>,
}

/// A kernel to be run on a block of lanes.
pub(super) struct Task<'a, T, const L: usize> {
    pub layer: &'a Layer<T>,
    pub places: &'a Places<'a>,
    pub tables: &'a [Vec<T>],
    pub values: &'a mut [[T; L]],
    pub scratch: &'a mut Scratch<T, L>,
    pub level: Level,
}

enum Operand<'a, T, const L: usize> {
    Lanes(&'a [T; L]),
    Scalar(T),
}

/// Where an expression is evaluated.
struct At<'a, T, const L: usize> {
    values: &'a [[T; L]],
    tables: &'a [Vec<T>],
    words: &'a [i64],
    base: u32,
    acc: &'a [T; L],
}

impl<T: Lane, const L: usize> At<'_, T, L> {
    #[inline(always)]
    fn address(&self, fetch: usize) -> usize {
        let word = self.words[fetch];
        if word & PINNED == 0 { self.base.wrapping_add(word as u32) as usize } else { word as u32 as usize }
    }

    #[inline(always)]
    fn operand<'b>(&'b self, arg: Arg, registers: &'b [[T; L]]) -> Operand<'b, T, L> {
        match arg {
            Arg::Fetch(n) => Operand::Lanes(&self.values[self.address(n)]),
            Arg::Register(n) => Operand::Lanes(&registers[n]),
            Arg::Scalar(n) => Operand::Scalar(T::of(self.words[n])),
            Arg::Acc => Operand::Lanes(self.acc),
        }
    }

    /// The value of `arg` after every instruction has run.
    #[inline(always)]
    fn read(&self, arg: Arg, registers: &[[T; L]]) -> [T; L] {
        match self.operand(arg, registers) {
            Operand::Lanes(lanes) => *lanes,
            Operand::Scalar(value) => [value; L],
        }
    }

    #[inline(always)]
    fn run(&self, code: &Code, registers: &mut [[T; L]]) {
        for (n, gather) in code.gathers.iter().enumerate() {
            let start = self.words[gather.fetch];
            let mut out = [T::of(gather.outside); L];
            if start & PINNED == 0 {
                let start = self.base.wrapping_add(start as u32) as usize;
                for lane in 0..L {
                    let mut offset = Some(start);
                    for axis in &gather.axes {
                        let index = match self.operand(axis.slot, registers) {
                            Operand::Lanes(lanes) => lanes[lane].code(),
                            Operand::Scalar(value) => value.code(),
                        };
                        let inside = (index as u64) < axis.extent as u64;
                        offset = offset.filter(|_| inside).map(|o| o + index as usize * axis.stride);
                    }
                    if let Some(offset) = offset {
                        out[lane] = self.values[offset][lane];
                    }
                }
            }
            registers[n] = out;
        }
        for (n, instruction) in code.instructions.iter().enumerate() {
            let (earlier, rest) = registers.split_at_mut(code.gathers.len() + n);
            self.step(instruction, earlier, &mut rest[0]);
        }
    }

    #[inline(always)]
    fn step(&self, instruction: &Instruction, registers: &[[T; L]], out: &mut [T; L]) {
        let arg = |arg| self.operand(arg, registers);
        let amount = |word: usize| self.words[word] as u32;
        match *instruction {
            Instruction::Binary(op, a, b) => {
                let (a, b) = (arg(a), arg(b));
                match op {
                    Binary::Add => zip(out, &a, &b, T::add),
                    Binary::Sub => zip(out, &a, &b, T::sub),
                    Binary::Mul => zip(out, &a, &b, T::mul),
                    Binary::Max => zip(out, &a, &b, T::max),
                    Binary::Min => zip(out, &a, &b, T::min),
                    Binary::Lt => zip(out, &a, &b, |a, b| T::flag(a < b)),
                }
            }
            Instruction::Shl(a, n) => {
                let n = amount(n);
                map(out, &arg(a), |a| a.shl(n));
            }
            Instruction::Shr(a, n) => {
                let n = amount(n);
                map(out, &arg(a), |a| a.shr(n));
            }
            Instruction::Wrap { a, signed, width } => {
                let width = amount(width);
                map(out, &arg(a), |a| a.wrap(signed, width));
            }
            Instruction::Select(c, a, b) => {
                let c = self.read(c, registers);
                let zero = T::default();
                zip(out, &arg(a), &arg(b), |a, _| a);
                let chosen = *out;
                zip(out, &arg(b), &arg(a), |b, _| b);
                for lane in 0..L {
                    out[lane] = if c[lane] == zero { out[lane] } else { chosen[lane] };
                }
            }
            Instruction::Lut { table, a, row } => {
                let (table, row) = (self.tables[table].as_slice(), self.words[row]);
                map(out, &arg(a), |a| {
                    table.get(row.wrapping_add(a.code()) as usize).copied().unwrap_or_default()
                });
            }
        }
    }
}

#[inline(always)]
fn map<T: Lane, const L: usize>(out: &mut [T; L], a: &Operand<'_, T, L>, f: impl Fn(T) -> T) {
    match a {
        Operand::Lanes(a) => (0..L).for_each(|lane| out[lane] = f(a[lane])),
        Operand::Scalar(a) => *out = [f(*a); L],
    }
}

#[inline(always)]
fn zip<T: Lane, const L: usize>(
    out: &mut [T; L],
    a: &Operand<'_, T, L>,
    b: &Operand<'_, T, L>,
    f: impl Fn(T, T) -> T,
) {
    match (a, b) {
        (Operand::Lanes(a), Operand::Lanes(b)) => (0..L).for_each(|lane| out[lane] = f(a[lane], b[lane])),
        (Operand::Lanes(a), Operand::Scalar(b)) => (0..L).for_each(|lane| out[lane] = f(a[lane], *b)),
        (Operand::Scalar(a), Operand::Lanes(b)) => (0..L).for_each(|lane| out[lane] = f(*a, b[lane])),
        (Operand::Scalar(a), Operand::Scalar(b)) => *out = [f(*a, *b); L],
    }
}

#[inline(always)]
fn combine<T: Lane, const L: usize>(reduction: Reduction, acc: &mut [T; L], value: &[T; L]) {
    match reduction {
        Reduction::Sum => (0..L).for_each(|lane| acc[lane] = acc[lane].add(value[lane])),
        Reduction::Max => (0..L).for_each(|lane| acc[lane] = acc[lane].max(value[lane])),
        Reduction::Min => (0..L).for_each(|lane| acc[lane] = acc[lane].min(value[lane])),
    }
}

impl<T: Lane, const L: usize> Task<'_, T, L> {
    /// Runs the kernel.
    #[inline(always)]
    pub fn run(self) {
        let Self { layer, places, tables, values, scratch, level } = self;
        let kernel = match &places.block.steps[layer.step] {
            Step::Kernel(kernel) => kernel,
            Step::Call(_) => return,
        };
        let registers = |code: &Code| code.gathers.len() + code.instructions.len();
        let body_registers = if let Body::General { code, .. } = &layer.body { registers(code) } else { 0 };
        let wanted = body_registers.max(layer.finish.as_ref().map_or(0, |(code, _)| registers(code)));
        if scratch.registers.len() < wanted {
            scratch.registers.resize(wanted, [T::default(); L]);
        }
        let mut late = layer.is_partial().then(|| Late::new(places, kernel));
        let (extent, stride) = layer.scatter.as_ref().map_or((1, 1), |lines| (lines.extent, lines.stride));
        for (number, place) in layer.body_places.iter().enumerate() {
            let first = layer.scatter.as_ref().map_or(number, |lines| lines.first(number));
            let Scratch { registers, line } = &mut *scratch;
            line.clear();
            match &layer.body {
                Body::Linear(lists) => line.push(match late.as_mut().filter(|_| place.list == UNSTORED) {
                    None => T::sum(level, values, place.base, &lists[place.list as usize]),
                    Some(late) => T::sum(level, values, place.base, &Terms::new(late.body(first), false)),
                }),
                Body::General { code, lists } => {
                    let words = match late.as_mut().filter(|_| place.list == UNSTORED) {
                        None => &lists[place.list as usize],
                        Some(late) => late.body(first),
                    };
                    let general = General { layer, code, tables, values, words, place: *place };
                    match &layer.scatter {
                        None => line.push(general.reduce(registers)),
                        Some(lines) => general.scatter(lines, first, registers, line),
                    }
                }
            }
            for n in 0..extent {
                let position = first + n * stride;
                let mut out = scratch.line[n];
                if let Some((code, lists)) = &layer.finish {
                    let place = layer.finish_places[position];
                    let words = match late.as_mut().filter(|_| place.list == UNSTORED) {
                        None => &lists[place.list as usize],
                        Some(late) => late.finish(position),
                    };
                    let at = At { values, tables, words, base: place.base, acc: &out };
                    at.run(code, &mut scratch.registers);
                    out = at.read(code.result, &scratch.registers);
                }
                values[layer.out as usize + position] = out;
            }
        }
    }
}

struct General<'a, T, const L: usize> {
    layer: &'a Layer<T>,
    code: &'a Code,
    tables: &'a [Vec<T>],
    values: &'a [[T; L]],
    words: &'a [i64],
    place: Place,
}

impl<T: Lane, const L: usize> General<'_, T, L> {
    #[inline(always)]
    fn at<'b>(&'b self, number: usize, acc: &'b [T; L]) -> At<'b, T, L> {
        let words = &self.words[number * self.code.words..][..self.code.words];
        At { values: self.values, tables: self.tables, words, base: self.place.base, acc }
    }

    #[inline(always)]
    fn reduce(&self, registers: &mut [[T; L]]) -> [T; L] {
        let none = [T::default(); L];
        let mut acc = none;
        for number in 0..self.layer.points {
            let at = self.at(number, &none);
            at.run(self.code, registers);
            let value = at.read(self.code.result, registers);
            if number == 0 {
                acc = value;
            } else {
                combine(self.layer.reduction, &mut acc, &value);
            }
        }
        acc
    }

    #[inline(always)]
    fn scatter(&self, lines: &Lines<T>, first: usize, registers: &mut [[T; L]], line: &mut Vec<[T; L]>) {
        line.extend((0..lines.extent).map(|n| [lines.empty[first + n * lines.stride]; L]));
        let none = [T::default(); L];
        for number in 0..self.layer.points {
            let at = self.at(number, &none);
            at.run(self.code, registers);
            let value = at.read(self.code.result, registers);
            let target = self.code.selector.map_or(none, |arg| at.read(arg, registers));
            for lane in 0..L {
                let index = target[lane].code();
                if (index as u64) < lines.extent as u64 {
                    let acc = &mut line[index as usize][lane];
                    *acc = match self.layer.reduction {
                        Reduction::Sum => acc.add(value[lane]),
                        Reduction::Max => (*acc).max(value[lane]),
                        Reduction::Min => (*acc).min(value[lane]),
                    };
                }
            }
        }
    }
}

/// Resolves sites that the plan had no room for.
struct Late<'a> {
    shape: &'a [usize],
    body: BodySites<'a>,
    finish: Resolver<'a>,
    words: Vec<i64>,
}

impl<'a> Late<'a> {
    fn new(places: &Places<'a>, kernel: &'a Kernel) -> Self {
        Self {
            shape: &places.block.value(kernel.out).shape,
            body: BodySites::new(places, kernel),
            finish: compile(places, kernel, &kernel.finish, &[], None).1,
            words: Vec::new(),
        }
    }

    fn body(&mut self, position: usize) -> &[i64] {
        self.body.words(&point(position, self.shape), &mut self.words);
        &self.words
    }

    fn finish(&mut self, position: usize) -> &[i64] {
        finish_words(&mut self.finish, &point(position, self.shape), &mut self.words);
        &self.words
    }
}
