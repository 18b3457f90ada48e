//! Every primitive and every quantizer on small formats, as kernels of one program.

use nn2hdl_runtime::{
    Block, Decoder, Encoder, Expr, ExprId, Format, Index, Input, Kernel, Op, Output, Overflow, Program,
    Quantizer, Read, Rounding, Step, TableId, ValueId, quantize,
};

/// Widest operand.
pub const WIDTH: u32 = 4;

/// Constants that operands meet.
const CONSTANTS: std::ops::RangeInclusive<i64> = -17..=17;

/// Bits that a quantizer drops, negative if it appends some: from all overflowing to all gone.
const DROPS: std::ops::RangeInclusive<i32> = -(WIDTH as i32)..=WIDTH as i32 + 2;

/// A program whose outputs are cells: functions of at most two small operands and a bit. Its inputs are `a` and `b`
/// in every format, then the bit `c`, then `d` of twice the width, unsigned and signed.
pub struct Cells {
    /// The program.
    pub program: Program,
    /// What each output is.
    pub names: Vec<String>,
    block: Block,
}

/// All formats of width up to [`WIDTH`].
pub fn formats() -> impl Iterator<Item = Format> {
    [false, true]
        .into_iter()
        .flat_map(|signed| (1..=WIDTH).map(move |width| Format { signed, width, frac: 0 }))
}

fn expr(build: impl FnOnce(&mut Expr)) -> Expr {
    let mut expr = Expr::default();
    build(&mut expr);
    expr
}

type Binary = fn(ExprId, ExprId) -> Op;

/// Primitives of two operands.
const BINARY: [(&str, Binary); 6] = [
    ("add", Op::Add),
    ("sub", Op::Sub),
    ("mul", Op::Mul),
    ("max", Op::Max),
    ("min", Op::Min),
    ("lt", Op::Lt),
];

impl Cells {
    /// Every cell.
    pub fn all() -> Self {
        let program = Program::new("cells");
        let mut this = Self { program, names: Vec::new(), block: Block::new("main") };
        let (a, b): (Vec<ValueId>, Vec<ValueId>) =
            formats().map(|to| (this.input("a", to), this.input("b", to))).unzip();
        let bit = this.input("c", Format { signed: false, width: 1, frac: 0 });
        let wide = [false, true].map(|signed| this.input("d", Format { signed, width: 2 * WIDTH, frac: 0 }));
        this.binary(bit, &a, &b);
        this.with_constant(&a);
        this.unary(&a);
        this.lookups(&[a.as_slice(), &wide].concat());
        this.quantizers(&a);
        let main = this.block.clone();
        this.program.blocks.push(main);
        this
    }

    fn input(&mut self, name: &str, format: Format) -> ValueId {
        let name = format!("{name}_{}{}", if format.signed { "s" } else { "u" }, format.width);
        let id = self.block.add_value(&name, vec![1], format);
        self.block.params.push(id);
        self.program.inputs.push(Input { name, encoder: Encoder::Fixed(Quantizer::from(format)) });
        id
    }

    /// Adds a kernel that reads `operands` in order and delivers `body` at `positions` positions.
    fn cell(&mut self, name: &str, operands: &[ValueId], body: Expr, positions: usize, to: Option<Format>) {
        let reads = operands.iter().map(|&id| Read::affine(id, [Index::Const(0)])).collect();
        let number = self.names.len();
        let formats: Vec<String> =
            operands.iter().map(|&id| self.block.value(id).format.to_string()).collect();
        let format = to.unwrap_or(Format { signed: true, width: 24, frac: 0 });
        let out = self.block.add_value(format!("y{number}"), vec![positions], format);
        self.block.steps.push(Step::Kernel(Kernel::elementwise(format!("cell{number}"), out, reads, body)));
        self.block.results.push(out);
        self.program.outputs.push(Output { name: format!("y{number}"), decoder: Decoder::fixed(0) });
        self.names.push(format!("{name} of {}", formats.join(", ")));
    }

    fn binary(&mut self, bit: ValueId, a: &[ValueId], b: &[ValueId]) {
        for (&a, &b) in a.iter().flat_map(|a| b.iter().map(move |b| (a, b))) {
            for (name, op) in BINARY {
                let body = expr(|expr| {
                    let (x, y) = (expr.push(Op::Read(0)), expr.push(Op::Read(1)));
                    expr.push(op(x, y));
                });
                self.cell(name, &[a, b], body, 1, None);
            }
            let body = expr(|expr| {
                let [c, x, y] = [0, 1, 2].map(|slot| expr.push(Op::Read(slot)));
                expr.push(Op::Select(c, x, y));
            });
            self.cell("select", &[bit, a, b], body, 1, None);
        }
    }

    /// A constant beside an operand: every literal, and all of them as a table indexed by the position.
    fn with_constant(&mut self, operands: &[ValueId]) {
        let table = self.program.add_table("constants", CONSTANTS.collect());
        let param = Op::Param { table, index: Index::p(0) };
        for &a in operands {
            for (name, op) in BINARY {
                for swapped in [false, true] {
                    let body = |constant: Op| {
                        expr(|expr| {
                            let (x, k) = (expr.push(Op::Read(0)), expr.push(constant));
                            expr.push(if swapped { op(k, x) } else { op(x, k) });
                        })
                    };
                    for constant in CONSTANTS {
                        let name = format!("{name} (swapped {swapped}) with {constant}");
                        self.cell(&name, &[a], body(Op::Const(constant)), 1, None);
                    }
                    let name = format!("{name} (swapped {swapped}) with each constant");
                    self.cell(&name, &[a], body(param.clone()), CONSTANTS.count(), None);
                }
            }
        }
    }

    fn unary(&mut self, operands: &[ValueId]) {
        for &a in operands {
            for amount in 0..=i64::from(WIDTH) + 2 {
                for (name, op) in [("shl", Op::Shl as Binary), ("shr", Op::Shr)] {
                    let body = expr(|expr| {
                        let (x, n) = (expr.push(Op::Read(0)), expr.constant(amount));
                        expr.push(op(x, n));
                    });
                    self.cell(&format!("{name} by {amount}"), &[a], body, 1, None);
                }
                for signed in [false, true] {
                    let body = expr(|expr| {
                        let (x, width) = (expr.push(Op::Read(0)), expr.constant(amount + 1));
                        expr.push(Op::Wrap { a: x, signed, width });
                    });
                    self.cell(&format!("wrap to {} bits, signed {signed}", amount + 1), &[a], body, 1, None);
                }
            }
        }
    }

    /// Two rows of a table, addressed by the operand and by the position.
    fn lookups(&mut self, operands: &[ValueId]) {
        for (&a, most) in operands.iter().flat_map(|a| [(a, 2), (a, 300)]) {
            let range = self.block.value(a).format.interval();
            let len = (range.hi - range.lo + 1) as i64;
            let data = (0..2 * len).map(|n| (n * n * 7 + n * 3) % most - most / 3).collect();
            let table: TableId = self.program.add_table(format!("table {}", self.names.len()), data);
            let body = expr(|expr| {
                let x = expr.push(Op::Read(0));
                let row = Index::p(0) * len;
                expr.push(Op::Lut { table, row, len: len as u32, base: range.lo as i64, a: x });
            });
            self.cell("lut", &[a], body, 2, None);
        }
    }

    fn quantizers(&mut self, operands: &[ValueId]) {
        for &a in operands {
            for (to, drop) in formats().flat_map(|to| DROPS.map(move |drop| (to, drop))) {
                for (&rounding, &overflow) in Rounding::ALL
                    .iter()
                    .flat_map(|rounding| Overflow::ALL.iter().map(move |mode| (rounding, mode)))
                {
                    let format = Format { frac: -drop, ..to };
                    let quantizer = Quantizer { format, rounding, overflow };
                    let body = expr(|expr| {
                        let x = expr.push(Op::Read(0));
                        quantize::quantize(expr, x, 0, quantizer);
                    });
                    self.cell(&format!("quantize to {quantizer}"), &[a], body, 1, Some(format));
                }
            }
        }
    }
}
