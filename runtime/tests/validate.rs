//! Each invariant of a program, broken once.

use nn2hdl_runtime::program::Table;
use nn2hdl_runtime::*;

/// A scatter of rows: `out[p0, p1] = Σ over r0 with at[r0] = p0 of rows[pick[r0], p1] × w[r0]`.
fn sound() -> Program {
    let mut program = Program::new("sound");
    program.tables.push(Table { name: "w".into(), data: vec![1, -2, 3, 0] });
    let mut block = Block::new("main");
    let small = Format::new(false, 2, 0).unwrap();
    let rows = block.add_value("rows", vec![3, 2], Format::new(true, 4, 0).unwrap());
    let at = block.add_value("at", vec![4], small);
    let pick = block.add_value("pick", vec![4], small);
    let out = block.add_value("out", vec![3, 2], Format::new(true, 8, 0).unwrap());
    let wide = Read { value: rows, index: vec![Access::Runtime(0), Access::Affine(Index::p(1))], outside: 0 };
    let reads = vec![Read::affine(pick, [Index::r(0)]), wide, Read::affine(at, [Index::r(0)])];
    let mut body = Expr::default();
    let x = body.push(Op::Read(1));
    let w = body.push(Op::Param { table: TableId::new(0), index: Index::r(0) });
    body.push(Op::Mul(x, w));
    block.steps.push(Step::Kernel(Kernel {
        name: "scatter".into(),
        out,
        reads,
        extent: vec![4],
        reduction: Reduction::Sum,
        scatter: Some(Scatter { axis: 0, slot: 2 }),
        body,
        finish: Expr::acc(),
    }));
    block.params = vec![rows, at, pick];
    block.results = vec![out];
    program.inputs = block
        .params
        .iter()
        .map(|&id| Input { name: "in".into(), encoder: Encoder::Fixed(block.value(id).format.into()) })
        .collect();
    program.outputs.push(Output { name: "out".into(), decoder: Decoder::fixed(0) });
    program.blocks.push(block);
    program
}

fn kernel(program: &mut Program) -> &mut Kernel {
    match &mut program.blocks[0].steps[0] {
        Step::Kernel(kernel) => kernel,
        Step::Call(_) => unreachable!(),
    }
}

fn caller(program: &mut Program) -> &mut Call {
    let inner = program.blocks[0].clone();
    let mut outer = Block { steps: Vec::new(), ..inner };
    outer.steps.push(Step::Call(Call {
        name: "call".into(),
        block: BlockId::new(0),
        repeat: 2,
        carried: 0,
        args: outer.params.clone(),
        results: outer.results.clone(),
    }));
    program.blocks.push(outer);
    match &mut program.blocks[1].steps[0] {
        Step::Call(call) => call,
        Step::Kernel(_) => unreachable!(),
    }
}

fn replace(expr: &mut Expr, ops: impl IntoIterator<Item = Op>) {
    *expr =
        serde_json::from_value(serde_json::to_value(ops.into_iter().collect::<Vec<_>>()).unwrap()).unwrap();
}

#[test]
fn broken_invariants_are_refused() {
    let read = |n| Op::Read(n);
    type Break = Box<dyn Fn(&mut Program)>;
    let of_kernel = |f: fn(&mut Kernel)| -> Break { Box::new(move |program| f(kernel(program))) };
    let of_call = |f: fn(&mut Call)| -> Break { Box::new(move |program| f(caller(program))) };
    let cases: Vec<(&str, Break)> = vec![
        ("has no block", Box::new(|p| p.blocks.clear())),
        ("differ in number", Box::new(|p| drop(p.inputs.pop()))),
        ("differ in number", Box::new(|p| drop(p.outputs.pop()))),
        ("too large", Box::new(|p| p.blocks[0].values[0].shape = vec![1 << 20, 1 << 20])),
        ("is empty", Box::new(|p| p.blocks[0].values[0].shape = vec![0])),
        ("legal width", Box::new(|p| p.blocks[0].values[0].format.width = 65)),
        ("does not fit", Box::new(|p| p.blocks[0].values[3].format.width = 6)),
        ("written twice", Box::new(|p| p.blocks[0].params[1] = p.blocks[0].params[0])),
        ("before it is written", Box::new(|p| p.blocks[0].params.truncate(2))),
        ("before it is written", Box::new(|p| p.blocks[0].results[0] = ValueId::new(9))),
        ("does not exist", of_kernel(|k| k.out = ValueId::new(9))),
        ("wrong number of indices", of_kernel(|k| drop(k.reads[0].index.pop()))),
        ("later slot", of_kernel(|k| k.reads[0].index[0] = Access::Runtime(0))),
        ("malformed", of_kernel(|k| k.reads[0].index[0] = Access::Affine(Index::r(1)))),
        (
            "malformed",
            of_kernel(|k| k.reads[0].index[0] = Access::Affine(Index::Div(Box::new(Index::r(0)), 0))),
        ),
        ("empty or too large", of_kernel(|k| k.extent = vec![0])),
        ("outside its", of_kernel(|k| k.extent = vec![5])),
        ("too large", of_kernel(|k| k.extent = vec![1, 1 << 40])),
        (
            "too many moves",
            of_kernel(|k| {
                let deep = (0..300).fold(Index::r(0), |inner, _| Index::Mod(Box::new(inner), 9));
                k.reads[0].index[0] = Access::Affine(deep);
            }),
        ),
        ("does not exist", of_kernel(|k| k.scatter = Some(Scatter { axis: 2, slot: 2 }))),
        ("does not exist", of_kernel(|k| k.scatter = Some(Scatter { axis: 0, slot: 3 }))),
        // The slot that is wrong is used through the one that takes its index from it.
        ("depends on the axis", of_kernel(|k| k.reads[0].index[0] = Access::Affine(Index::p(0)))),
        ("depends on the axis", of_kernel(|k| k.reads[2].index[0] = Access::Affine(Index::p(0)))),
        ("depends on the axis", of_kernel(|k| k.scatter = Some(Scatter { axis: 1, slot: 2 }))),
        ("depends on its point", Box::new(move |p| replace(&mut kernel(p).finish, [read(1)]))),
        ("slot that does not exist", Box::new(move |p| replace(&mut kernel(p).body, [read(3)]))),
        ("empty", Box::new(move |p| replace(&mut kernel(p).body, []))),
        ("may use the reduction", Box::new(move |p| replace(&mut kernel(p).body, [Op::Acc]))),
        (
            "refers forwards",
            Box::new(move |p| replace(&mut kernel(p).body, [read(1), Op::Add(ExprId(0), ExprId(1))])),
        ),
        (
            "not a constant",
            Box::new(move |p| replace(&mut kernel(p).body, [read(1), Op::Shl(ExprId(0), ExprId(0))])),
        ),
        (
            "operand of shl",
            Box::new(move |p| {
                replace(&mut kernel(p).body, [read(1), Op::Const(64), Op::Shl(ExprId(0), ExprId(1))]);
            }),
        ),
        (
            "operand of wrap",
            Box::new(move |p| {
                let wrap = Op::Wrap { a: ExprId(0), signed: true, width: ExprId(1) };
                replace(&mut kernel(p).body, [read(1), Op::Const(0), wrap]);
            }),
        ),
        (
            "operand of select",
            Box::new(move |p| {
                replace(&mut kernel(p).body, [read(1), Op::Select(ExprId(0), ExprId(0), ExprId(0))]);
            }),
        ),
        (
            "operand of lut",
            Box::new(move |p| {
                let lut =
                    Op::Lut { table: TableId::new(0), row: Index::Const(0), len: 4, base: 0, a: ExprId(0) };
                replace(&mut kernel(p).body, [read(1), lut]);
            }),
        ),
        // Read 2 delivers 0 to 3.
        (
            "operand of lut",
            Box::new(move |p| {
                let lut =
                    Op::Lut { table: TableId::new(0), row: Index::Const(0), len: 3, base: 0, a: ExprId(0) };
                replace(&mut kernel(p).body, [read(2), lut]);
            }),
        ),
        (
            "operand of lut",
            Box::new(move |p| {
                let lut =
                    Op::Lut { table: TableId::new(0), row: Index::Const(0), len: 3, base: 1, a: ExprId(0) };
                replace(&mut kernel(p).body, [read(2), lut]);
            }),
        ),
        (
            "more than the 64",
            Box::new(move |p| {
                replace(&mut kernel(p).body, [read(1), Op::Const(62), Op::Shl(ExprId(0), ExprId(1))]);
            }),
        ),
        (
            "table that does not exist",
            Box::new(move |p| {
                replace(&mut kernel(p).body, [Op::Param { table: TableId::new(7), index: Index::Const(0) }]);
            }),
        ),
        ("earlier blocks", of_call(|c| c.block = BlockId::new(1))),
        ("does not exist is called", of_call(|c| c.block = BlockId::new(2))),
        ("repetition", of_call(|c| c.repeat = 0)),
        ("repetition", of_call(|c| c.carried = 2)),
        ("computation is too large", of_call(|c| c.repeat = u32::MAX)),
        ("differ at the block's boundary", of_call(|c| c.args.swap(0, 1))),
        ("differ at the block's boundary", of_call(|c| c.carried = 1)),
        ("arguments or results", of_call(|c| c.args.truncate(2))),
        (
            "encoder's format",
            Box::new(|p| p.inputs[0].encoder = Encoder::Fixed(Format::new(true, 5, 0).unwrap().into())),
        ),
        ("no channels", Box::new(|p| p.outputs[0].decoder.channels.clear())),
        ("not finite", Box::new(|p| p.outputs[0].decoder.channels[0].scale = f64::INFINITY)),
    ];
    validate::validate(&sound()).unwrap();
    let mut called = sound();
    caller(&mut called);
    validate::validate(&called).unwrap();
    for (number, (expected, damage)) in cases.iter().enumerate() {
        let mut program = sound();
        damage(&mut program);
        match validate::validate(&program) {
            Ok(()) => panic!("case {number} was accepted, though `{expected}` was expected"),
            Err(error) => assert!(
                error.to_string().contains(expected),
                "case {number}: `{error}`, expected `{expected}`"
            ),
        }
    }
}

#[test]
fn calls_do_not_nest_without_end() {
    let mut program = sound();
    caller(&mut program);
    for depth in 2..200 {
        let mut block = program.blocks[depth - 1].clone();
        match &mut block.steps[0] {
            Step::Call(call) => (call.block, call.repeat) = (BlockId::new(depth - 1), 1),
            Step::Kernel(_) => unreachable!(),
        }
        program.blocks.push(block);
        assert_eq!(validate::validate(&program).is_ok(), depth <= validate::CALL_LIMIT, "{depth}");
    }
}

#[test]
fn inputs_are_checked() {
    let emulator = Emulator::new(&sound()).unwrap();
    let (rows, at, pick) = ([0i64; 12], [0i64; 8], [3i64; 8]);
    assert!(emulator.run(&[&rows, &at, &pick], 2).is_ok());
    assert!(emulator.run(&[&rows[..0], &at[..0], &pick[..0]], 0).is_ok());
    assert_eq!(emulator.run(&[&rows, &at], 2).unwrap_err(), EmulateError::Inputs { found: 2, expected: 3 });
    let error = emulator.run(&[&rows, &at[1..], &pick], 2).unwrap_err();
    assert_eq!(error, EmulateError::Length { input: 1, found: 7, expected: 8 });
    let far = [0, 0, 0, 0, 0, 4, 0, 0];
    let error = emulator.run(&[&rows, &far, &pick], 2).unwrap_err();
    assert_eq!(error, EmulateError::Code { input: 1, frame: 1, element: 1, code: 4 });
}
