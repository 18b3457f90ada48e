//! Rounding and overflow, built from primitives and run by the emulator, against the statement on fractions: every
//! mode, every small format, every input.

mod rational;

use nn2hdl_runtime::program::Table;
use nn2hdl_runtime::quantize::{self, Drop};
use nn2hdl_runtime::*;

fn all_quantizers(format: Format) -> Vec<Quantizer> {
    let pairs = Rounding::ALL
        .iter()
        .flat_map(|&rounding| Overflow::ALL.iter().map(move |&overflow| (rounding, overflow)));
    pairs.map(|(rounding, overflow)| Quantizer { format, rounding, overflow }).collect()
}

fn small_formats(widths: std::ops::RangeInclusive<u32>, frac: i32) -> Vec<Format> {
    widths.flat_map(|width| [false, true].map(|signed| Format::new(signed, width, frac).unwrap())).collect()
}

/// A program with one input of `shape` and, for each quantizer, an output of the same shape.
fn program(
    from: Format,
    shape: &[usize],
    tables: Vec<Table>,
    quantizers: &[Quantizer],
    build: impl Fn(&mut Expr, Quantizer),
) -> Program {
    let mut program = Program::new("quantize");
    program.tables = tables;
    let mut block = Block::new("main");
    let input = block.add_value("in", shape.to_vec(), from);
    block.params.push(input);
    for &quantizer in quantizers {
        let out = block.add_value("out", shape.to_vec(), quantizer.format);
        let mut body = Expr::read();
        build(&mut body, quantizer);
        block.steps.push(Step::Kernel(Kernel::elementwise(
            "quantize",
            out,
            vec![Read::same(input, shape.len())],
            body,
        )));
        block.results.push(out);
        program.outputs.push(Output { name: "out".into(), decoder: Decoder::fixed(0) });
    }
    program.blocks.push(block);
    program.inputs.push(Input { name: "in".into(), encoder: Encoder::Fixed(from.into()) });
    validate::validate(&program).unwrap();
    program
}

fn codes(format: Format) -> Vec<i64> {
    let Interval { lo, hi } = format.interval();
    (lo as i64..=hi as i64).collect()
}

#[test]
fn every_mode_on_every_small_format() {
    for from in small_formats(1..=5, 0) {
        let inputs = codes(from);
        for to in small_formats(1..=5, 0) {
            for frac in -2..=7 {
                let quantizers = all_quantizers(to);
                let program = program(from, &[], vec![], &quantizers, |body, to| {
                    quantize::quantize(body, ExprId(0), frac, to);
                });
                let found = Emulator::new(&program).unwrap().run(&[&inputs], inputs.len()).unwrap();
                for (quantizer, found) in quantizers.iter().zip(found) {
                    for (&code, found) in inputs.iter().zip(found) {
                        let (up, down) = (2i128.pow((-frac).max(0) as u32), 2i128.pow(frac.max(0) as u32));
                        let expected = rational::quantize(i128::from(code) * up, down, *quantizer);
                        assert_eq!(
                            i128::from(found),
                            expected,
                            "{code} of {from} × 2^-{frac} to {quantizer}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn every_mode_with_an_amount_for_each_position() {
    let amounts: Vec<i64> = (0..=7).collect();
    let table = |name: &str, data: Vec<i64>| Table { name: name.into(), data };
    let tables = vec![
        table("amount", amounts.clone()),
        table("half", Drop::halves(&amounts)),
        table("alive", Drop::alive(&amounts)),
    ];
    let param = |n: usize| Op::Param { table: TableId::new(n), index: Index::p(0) };
    for from in small_formats(1..=6, 0) {
        let inputs: Vec<i64> = codes(from).into_iter().flat_map(|code| vec![code; amounts.len()]).collect();
        let frames = inputs.len() / amounts.len();
        for to in small_formats(1..=4, 0) {
            let quantizers = all_quantizers(to);
            let program = program(from, &[amounts.len()], tables.clone(), &quantizers, |body, to| {
                let drop = Drop::Varying { amount: param(0), half: param(1), alive: param(2) };
                let rounded = quantize::round(body, ExprId(0), &drop, to.rounding);
                quantize::overflow(body, rounded, to.format, to.overflow);
            });
            let found = Emulator::new(&program).unwrap().run(&[&inputs], frames).unwrap();
            for (quantizer, found) in quantizers.iter().zip(found) {
                for (n, (&code, found)) in inputs.iter().zip(found).enumerate() {
                    let amount = amounts[n % amounts.len()];
                    let expected = rational::quantize(code.into(), 1 << amount, *quantizer);
                    assert_eq!(i128::from(found), expected, "{code} of {from} × 2^-{amount} to {quantizer}");
                }
            }
        }
    }
}

#[test]
fn more_bits_dropped_than_a_code_has() {
    let from = Format::new(true, 64, 0).unwrap();
    let inputs = [i64::MIN, i64::MIN + 1, -1 << 62, -3, -1, 0, 1, 3, 1 << 62, i64::MAX];
    let quantizers = all_quantizers(Format::new(true, 4, 0).unwrap());
    for frac in [64, 65, 80] {
        let program = program(from, &[], vec![], &quantizers, |body, to| {
            quantize::quantize(body, ExprId(0), frac, to);
        });
        let found = Emulator::new(&program).unwrap().run(&[&inputs], inputs.len()).unwrap();
        for (quantizer, found) in quantizers.iter().zip(found) {
            for (&code, found) in inputs.iter().zip(found) {
                let expected = rational::quantize(code.into(), 1 << frac, *quantizer);
                assert_eq!(i128::from(found), expected, "{code} × 2^-{frac} to {quantizer}");
            }
        }
    }
    assert_eq!(Drop::halves(&[0, 1, 2, 63]), [0, 1, 2, 1 << 62]);
}

#[test]
fn whole_codes() {
    let wide = Format::new(true, 64, 0).unwrap();
    let inputs = [i64::MIN, -1, 0, 1, i64::MAX];
    for quantizer in all_quantizers(wide) {
        let program = program(wide, &[], vec![], &[quantizer], |body, to| {
            quantize::quantize(body, ExprId(0), 0, to);
        });
        let found = Emulator::new(&program).unwrap().run(&[&inputs], inputs.len()).unwrap();
        for (&code, found) in inputs.iter().zip(&found[0]) {
            assert_eq!(
                i128::from(*found),
                rational::quantize(code.into(), 1, quantizer),
                "{code} to {quantizer}"
            );
        }
    }
}
