//! Random valid programs, from a seed.

#![allow(dead_code)]

use nn2hdl_runtime::program::Table;
use nn2hdl_runtime::quantize;
use nn2hdl_runtime::*;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `lo..=hi`.
    pub fn range(&mut self, lo: i64, hi: i64) -> i64 {
        lo + (self.next() % (hi - lo + 1) as u64) as i64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

const ENTRIES: usize = 24;

/// A program with up to two called blocks. `wide` asks for intermediates beyond 32 bits.
pub fn program(seed: u64, wide: bool) -> Program {
    let mut dice = Dice(seed);
    let mut program = Program::new("random");
    for (number, (lo, hi)) in [(-5, 5), (-40, 40), (0, 3), (-1, 4)].into_iter().enumerate() {
        let data = (0..ENTRIES).map(|_| dice.range(lo, hi)).collect();
        program.tables.push(Table { name: format!("table{number}"), data });
    }
    let blocks = dice.below(3);
    for number in 0..=blocks {
        let block = Maker { dice: &mut dice, program: &program, wide }.block(number, blocks);
        program.blocks.push(block);
    }
    let main = program.main().clone();
    for &id in &main.params {
        let value = main.value(id);
        let quantizer = Quantizer::from(value.format);
        program.inputs.push(Input { name: value.name.clone(), encoder: Encoder::Fixed(quantizer) });
    }
    for &id in &main.results {
        let value = main.value(id);
        program.outputs.push(Output { name: value.name.clone(), decoder: Decoder::fixed(value.format.frac) });
    }
    program
}

/// Random codes for every input of `program`.
pub fn inputs(program: &Program, frames: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut dice = Dice(seed ^ 0xabcd);
    (0..program.inputs.len())
        .map(|n| {
            let value = program.input_value(n);
            let Interval { lo, hi } = value.format.interval();
            (0..frames * value.len())
                .map(|_| match dice.below(8) {
                    0 => lo as i64,
                    1 => hi as i64,
                    _ => dice.range(lo as i64, hi as i64),
                })
                .collect()
        })
        .collect()
}

struct Maker<'a> {
    dice: &'a mut Dice,
    program: &'a Program,
    wide: bool,
}

impl Maker<'_> {
    fn format(&mut self) -> Format {
        let width =
            if self.wide && self.dice.chance(40) { self.dice.range(8, 40) } else { self.dice.range(1, 6) };
        Format::new(self.dice.chance(60), width as u32, self.dice.range(-1, 3) as i32).unwrap()
    }

    fn shape(&mut self) -> Vec<usize> {
        (0..self.dice.below(4)).map(|_| 1 + self.dice.below(4)).collect()
    }

    fn block(&mut self, number: usize, main: usize) -> Block {
        let mut block = Block::new(if number == main { "main".into() } else { format!("block{number}") });
        for n in 0..=self.dice.below(3) {
            let id = block.add_value(format!("in{n}"), self.shape(), self.format());
            block.params.push(id);
        }
        let steps = 1 + self.dice.below(4);
        for _ in 0..steps {
            if number > 0 && self.dice.chance(50) {
                self.call(&mut block, number);
            } else {
                let (shape, format) = (self.shape(), self.format());
                self.kernel(&mut block, shape, format);
            }
        }
        // The leading results match parameters, so that a call can carry them.
        for n in 0..self.dice.below(block.params.len() + 1) {
            let param = block.value(block.params[n]).clone();
            let id = if self.dice.chance(25) && block.params.len() > 1 {
                let same = |id: &&ValueId| {
                    let other = block.value(**id);
                    other.shape == param.shape && other.format == param.format
                };
                *block.params.iter().rev().find(same).unwrap()
            } else {
                self.kernel(&mut block, param.shape, param.format)
            };
            block.results.push(id);
        }
        let last = ValueId::new(block.values.len() - 1);
        block.results.push(last);
        block
    }

    fn call(&mut self, block: &mut Block, number: usize) {
        let callee = self.dice.below(number);
        let other = &self.program.blocks[callee];
        let mut args = Vec::new();
        for &param in &other.params {
            let value = other.value(param).clone();
            args.push(self.kernel(block, value.shape, value.format));
        }
        let results = other
            .results
            .iter()
            .map(|&id| {
                let value = other.value(id);
                block.add_value(format!("call{}", block.values.len()), value.shape.clone(), value.format)
            })
            .collect();
        let pairs = other.results.iter().zip(&other.params);
        let carryable = pairs
            .take_while(|(result, param)| {
                let (result, param) = (other.value(**result), other.value(**param));
                result.shape == param.shape && result.format == param.format
            })
            .count();
        block.steps.push(Step::Call(Call {
            name: format!("call{}", block.steps.len()),
            block: BlockId::new(callee),
            repeat: 1 + self.dice.below(3) as u32,
            carried: self.dice.below(carryable + 1),
            args,
            results,
        }));
    }

    fn index(&mut self, depth: usize, p: &[usize], r: usize) -> Index {
        if depth == 0 {
            return match self.dice.below(3) {
                0 if !p.is_empty() => Index::p(*self.dice.pick(p)),
                1 if r > 0 => Index::r(self.dice.below(r)),
                _ => Index::Const(self.dice.range(-1, 2)),
            };
        }
        let a = self.index(depth - 1, p, r);
        match self.dice.below(5) {
            0 => a,
            1 => Index::Mul(Box::new(a), self.dice.range(-2, 3)),
            2 => Index::Div(Box::new(a), self.dice.range(1, 3)),
            3 => Index::Mod(Box::new(a), self.dice.range(1, 4)),
            _ => Index::Add(Box::new(a), Box::new(self.index(depth - 1, p, r))),
        }
    }

    fn table_index(&mut self, p: &[usize], r: usize, room: usize) -> Index {
        Index::Mod(Box::new(self.index(2, p, r)), (ENTRIES - room + 1) as i64)
    }

    /// Appends a kernel that writes a new value of `shape` and `format`.
    fn kernel(&mut self, block: &mut Block, shape: Vec<usize>, format: Format) -> ValueId {
        loop {
            let mut trial = block.clone();
            let out = trial.add_value(format!("v{}", block.values.len()), shape.clone(), format);
            let kernel = self.attempt(block, out, &shape, format);
            trial.steps.push(Step::Kernel(kernel));
            let mut program = self.program.clone();
            program.blocks.push(Block { results: Vec::new(), ..trial.clone() });
            program.inputs = trial
                .params
                .iter()
                .map(|&id| {
                    let encoder = Encoder::Fixed(Quantizer::from(trial.value(id).format));
                    Input { name: String::new(), encoder }
                })
                .collect();
            if validate::validate(&program).is_ok() {
                *block = trial;
                return out;
            }
        }
    }

    fn attempt(&mut self, block: &Block, out: ValueId, shape: &[usize], format: Format) -> Kernel {
        let extent: Vec<usize> = (0..self.dice.below(3)).map(|_| 1 + self.dice.below(4)).collect();
        let scatter_axis = (!shape.is_empty() && self.dice.chance(25)).then(|| self.dice.below(shape.len()));
        let axes: Vec<usize> = (0..shape.len()).filter(|&axis| Some(axis) != scatter_axis).collect();
        let all: Vec<usize> = (0..shape.len()).collect();
        let written: Vec<ValueId> = block
            .params
            .iter()
            .copied()
            .chain(block.steps.iter().flat_map(|step| step.writes().iter().copied()))
            .collect();
        let mut reads: Vec<Read> = Vec::new();
        let (count, late) = (1 + self.dice.below(3), 1 + self.dice.below(2));
        for slot in 0..count + late {
            let value = *self.dice.pick(&written);
            // The later slots are for `finish`.
            let (p, r) = if slot < count { (&axes, extent.len()) } else { (&all, 0) };
            let index = (0..block.value(value).shape.len())
                .map(|_| match self.dice.below(6) {
                    0 => Access::Table { table: TableId::new(3), index: self.table_index(p, r, 1) },
                    1 if slot > 0 && slot < count => Access::Runtime(self.dice.below(slot) as u32),
                    2 if slot > count => Access::Runtime((count + self.dice.below(slot - count)) as u32),
                    _ => Access::Affine(self.index(2, p, r)),
                })
                .collect();
            reads.push(Read { value, index, outside: self.dice.range(-3, 3) });
        }
        let reduction = *self.dice.pick(&[Reduction::Sum, Reduction::Sum, Reduction::Max, Reduction::Min]);
        let slots: Vec<u32> = (0..count as u32).collect();
        let mut body = Expr::default();
        self.grow(&mut body, &slots, &axes, extent.len(), false);
        let late_slots: Vec<u32> = (count as u32..(count + late) as u32).collect();
        let mut finish = Expr::default();
        let x = self.grow(&mut finish, &late_slots, &all, 0, true);
        let rounding = *self.dice.pick(Rounding::ALL);
        let overflow = *self.dice.pick(Overflow::ALL);
        let frac = format.frac + self.dice.range(-1, 3) as i32;
        quantize::quantize(&mut finish, x, frac, Quantizer { format, rounding, overflow });
        let scatter = scatter_axis.map(|axis| Scatter { axis, slot: self.dice.below(count) as u32 });
        Kernel {
            name: format!("k{}", block.steps.len()),
            out,
            reads,
            extent,
            reduction,
            scatter,
            body,
            finish,
        }
    }

    fn grow(&mut self, expr: &mut Expr, slots: &[u32], p: &[usize], r: usize, finish: bool) -> ExprId {
        if finish {
            expr.push(Op::Acc);
            if self.dice.chance(30) {
                return expr.result();
            }
        } else {
            expr.push(Op::Read(*self.dice.pick(slots)));
            if self.dice.chance(40) {
                let index = self.table_index(p, r, 1);
                let weight = expr.push(Op::Param { table: TableId::new(0), index });
                return expr.push(Op::Mul(weight, ExprId(0)));
            }
        }
        for _ in 0..1 + self.dice.below(6) {
            let any = |dice: &mut Dice, expr: &Expr| ExprId(dice.below(expr.nodes().len()) as u32);
            let (a, b) = (any(self.dice, expr), any(self.dice, expr));
            let recent = expr.result();
            match self.dice.below(13) {
                0 => expr.push(Op::Read(*self.dice.pick(slots))),
                1 => {
                    let most = if self.wide && self.dice.chance(50) { 1 << 33 } else { 9 };
                    expr.constant(self.dice.range(-most, most))
                }
                2 => {
                    let index = self.table_index(p, r, 1);
                    expr.push(Op::Param { table: TableId::new(1), index })
                }
                3 => {
                    let amount = expr.constant(self.dice.range(0, if self.wide { 20 } else { 3 }));
                    expr.push(Op::Shl(recent, amount))
                }
                4 => {
                    let index = self.table_index(p, r, 1);
                    let amount = expr.push(Op::Param { table: TableId::new(2), index });
                    expr.push(Op::Shr(recent, amount))
                }
                5 => expr.push(Op::Add(recent, a)),
                6 => expr.push(Op::Sub(a, recent)),
                7 => expr.push(Op::Mul(recent, a)),
                8 => expr.push(Op::Max(recent, a)),
                9 => expr.push(Op::Min(recent, a)),
                10 => {
                    let flag = expr.push(Op::Lt(recent, a));
                    expr.push(Op::Select(flag, recent, b))
                }
                11 => {
                    let width = expr.constant(self.dice.range(1, 9));
                    expr.push(Op::Wrap { a: recent, signed: self.dice.chance(50), width })
                }
                _ => {
                    let signed = self.dice.chance(50);
                    let width = expr.constant(3);
                    let a = expr.push(Op::Wrap { a: recent, signed, width });
                    let row = self.table_index(p, r, 8);
                    let base = if signed { -4 } else { 0 };
                    expr.push(Op::Lut { table: TableId::new(1), row, len: 8, base, a })
                }
            };
        }
        expr.result()
    }
}
