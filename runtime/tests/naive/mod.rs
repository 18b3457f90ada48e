//! The meaning of a program, straight from the definitions: one frame, one position, one number at a time.

use std::collections::BTreeMap;

use nn2hdl_runtime::range;
use nn2hdl_runtime::*;

/// Every value computed, by path and number.
pub type Seen = BTreeMap<(Vec<String>, usize), Vec<i128>>;

pub struct Naive<'a> {
    pub program: &'a Program,
    pub seen: Seen,
    /// Least and greatest intermediate of each block.
    pub extremes: Vec<(i128, i128)>,
    empty: Vec<Vec<Vec<i64>>>,
}

fn all_points(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |heads, &extent| {
        let extend = |head: &Vec<usize>| {
            let head = head.clone();
            (0..extent).map(move |next| [head.as_slice(), &[next]].concat())
        };
        heads.iter().flat_map(extend).collect()
    })
}

fn floor_div(a: i128, b: i128) -> i128 {
    let mut q = a / b;
    if q * b > a {
        q -= 1;
    }
    q
}

fn place(index: &Index, p: &[usize], r: &[usize]) -> i128 {
    match index {
        Index::Const(v) => (*v).into(),
        Index::P(axis) => p[*axis as usize] as i128,
        Index::R(axis) => r[*axis as usize] as i128,
        Index::Add(a, b) => place(a, p, r) + place(b, p, r),
        Index::Mul(a, f) => place(a, p, r) * i128::from(*f),
        Index::Div(a, d) => floor_div(place(a, p, r), (*d).into()),
        Index::Mod(a, d) => {
            let (x, d) = (place(a, p, r), i128::from(*d));
            x - d * floor_div(x, d)
        }
    }
}

impl<'a> Naive<'a> {
    pub fn new(program: &'a Program) -> Self {
        let empty =
            program.blocks.iter().map(|block| range::analyse(program, block).unwrap().empty).collect();
        Self { program, seen: BTreeMap::new(), extremes: vec![(0, 0); program.blocks.len()], empty }
    }

    pub fn frame(&mut self, inputs: Vec<Vec<i128>>) -> Vec<Vec<i128>> {
        self.block(self.program.blocks.len() - 1, inputs, &[])
    }

    fn block(&mut self, number: usize, args: Vec<Vec<i128>>, path: &[String]) -> Vec<Vec<i128>> {
        let block = &self.program.blocks[number];
        let mut values: Vec<Option<Vec<i128>>> = vec![None; block.values.len()];
        for (id, arg) in block.params.iter().zip(args) {
            values[id.index()] = Some(arg);
        }
        for (step_number, step) in block.steps.iter().enumerate() {
            match step {
                Step::Kernel(kernel) => {
                    let out = self.kernel(number, step_number, kernel, &values);
                    values[kernel.out.index()] = Some(out);
                }
                Step::Call(call) => {
                    let mut args: Vec<Vec<i128>> =
                        call.args.iter().map(|id| values[id.index()].clone().unwrap()).collect();
                    let mut results = Vec::new();
                    for n in 0..call.repeat {
                        let inner = [path, &[format!("{}#{n}", call.name)]].concat();
                        results = self.block(call.block.index(), args.clone(), &inner);
                        args[..call.carried].clone_from_slice(&results[..call.carried]);
                    }
                    for (id, result) in call.results.iter().zip(results) {
                        values[id.index()] = Some(result);
                    }
                }
            }
        }
        for (id, value) in values.iter().enumerate() {
            if let Some(value) = value {
                self.seen.insert((path.to_vec(), id), value.clone());
            }
        }
        block.results.iter().map(|id| values[id.index()].clone().unwrap()).collect()
    }

    fn deliver(
        &self,
        number: usize,
        kernel: &Kernel,
        slot: usize,
        p: &[usize],
        r: &[usize],
        values: &[Option<Vec<i128>>],
    ) -> i128 {
        let read = &kernel.reads[slot];
        let shape = &self.program.blocks[number].values[read.value.index()].shape;
        let mut flat = 0;
        for (access, &extent) in read.index.iter().zip(shape) {
            let at = match access {
                Access::Affine(index) => place(index, p, r),
                Access::Table { table, index } => {
                    self.program.tables[table.index()].data[place(index, p, r) as usize].into()
                }
                Access::Runtime(from) => self.deliver(number, kernel, *from as usize, p, r, values),
            };
            if at < 0 || at >= extent as i128 {
                return read.outside.into();
            }
            flat = flat * extent + at as usize;
        }
        values[read.value.index()].as_ref().unwrap()[flat]
    }

    #[allow(clippy::too_many_arguments)]
    fn scalar(
        &mut self,
        number: usize,
        kernel: &Kernel,
        expr: &Expr,
        acc: i128,
        p: &[usize],
        r: &[usize],
        values: &[Option<Vec<i128>>],
    ) -> i128 {
        let mut nodes: Vec<i128> = Vec::new();
        for op in expr.nodes() {
            let at = |id: &ExprId| nodes[id.0 as usize];
            let value = match op {
                Op::Read(slot) => self.deliver(number, kernel, *slot as usize, p, r, values),
                Op::Acc => acc,
                Op::Const(v) => (*v).into(),
                Op::Param { table, index } => {
                    self.program.tables[table.index()].data[place(index, p, r) as usize].into()
                }
                Op::Shl(a, n) => at(a) * 2i128.pow(at(n) as u32),
                Op::Shr(a, n) => floor_div(at(a), 2i128.pow(at(n) as u32)),
                Op::Add(a, b) => at(a) + at(b),
                Op::Sub(a, b) => at(a) - at(b),
                Op::Mul(a, b) => at(a) * at(b),
                Op::Max(a, b) => {
                    if at(a) > at(b) {
                        at(a)
                    } else {
                        at(b)
                    }
                }
                Op::Min(a, b) => {
                    if at(a) < at(b) {
                        at(a)
                    } else {
                        at(b)
                    }
                }
                Op::Lt(a, b) => {
                    if at(a) < at(b) {
                        1
                    } else {
                        0
                    }
                }
                Op::Select(c, a, b) => match at(c) {
                    1 => at(a),
                    0 => at(b),
                    _ => panic!("condition"),
                },
                Op::Wrap { a, signed, width } => {
                    let modulus = 2i128.pow(at(width) as u32);
                    let low = at(a) - modulus * floor_div(at(a), modulus);
                    if *signed && low >= modulus / 2 { low - modulus } else { low }
                }
                Op::Lut { table, row, len, base, a } => {
                    let entry = at(a) - i128::from(*base);
                    assert!((0..i128::from(*len)).contains(&entry));
                    self.program.tables[table.index()].data[(place(row, p, r) + entry) as usize].into()
                }
            };
            self.extreme(number, value);
            nodes.push(value);
        }
        *nodes.last().unwrap()
    }

    fn extreme(&mut self, number: usize, value: i128) {
        let (lo, hi) = self.extremes[number];
        self.extremes[number] = (lo.min(value), hi.max(value));
    }

    fn kernel(
        &mut self,
        number: usize,
        step: usize,
        kernel: &Kernel,
        values: &[Option<Vec<i128>>],
    ) -> Vec<i128> {
        let shape = self.program.blocks[number].values[kernel.out.index()].shape.clone();
        let mut out = Vec::new();
        for (position, p) in all_points(&shape).into_iter().enumerate() {
            let mut counted = Vec::new();
            for r in all_points(&kernel.extent) {
                let value = self.scalar(number, kernel, &kernel.body, 0, &p, &r, values);
                if let Some(empty) = self.empty[number][step].get(position) {
                    let empty = i128::from(*empty);
                    match kernel.reduction {
                        Reduction::Sum => assert_eq!(empty, 0),
                        Reduction::Max => assert!(empty <= value),
                        Reduction::Min => assert!(empty >= value),
                    }
                }
                let counts = kernel.scatter.is_none_or(|scatter| {
                    self.deliver(number, kernel, scatter.slot as usize, &p, &r, values)
                        == p[scatter.axis] as i128
                });
                if counts {
                    counted.push(value);
                }
            }
            let positive: i128 = counted.iter().filter(|v| **v > 0).sum();
            let negative: i128 = counted.iter().filter(|v| **v < 0).sum();
            let acc = match kernel.reduction {
                _ if counted.is_empty() => self.empty[number][step][position].into(),
                Reduction::Sum => {
                    // The worst orders of summation.
                    self.extreme(number, positive);
                    self.extreme(number, negative);
                    positive + negative
                }
                Reduction::Max => *counted.iter().max().unwrap(),
                Reduction::Min => *counted.iter().min().unwrap(),
            };
            out.push(self.scalar(number, kernel, &kernel.finish, acc, &p, &[], values));
        }
        out
    }
}
