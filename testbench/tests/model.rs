//! Building, running and starting models.

mod designs;

use std::fs;

use designs::{add2, build, source, toolchain};
use nn2hdl_testbench::{
    BuildRequest, Error, Model, Optimization, Port, PowerUp, Progress, Rows, Start, Trace, WaveformFile,
    lint, waveform::Waveform,
};

const ADD: [u32; 8] = [0, 1, u32::MAX, u32::MAX, u32::MAX, u32::MAX, 1, !0xff];
const SUM: [u32; 5] = [1, 0, 0, 0, 0x10];

#[test]
fn wide_ports_add_up_two_rows_later_at_every_optimization() {
    for optimization in [Optimization::O0, Optimization::O1] {
        let mut model = build(&BuildRequest { optimization, ..add2() });
        assert_eq!((model.inputs().words(), model.outputs().words()), (8, 5));
        let mut rows = Rows::zeroed(8, 4);
        rows.row_mut(0).copy_from_slice(&ADD);
        let out = model.run(&rows).unwrap();
        assert_eq!([out.row(1)[0], out.row(3)[0]], [0, 0]);
        assert_eq!(out.row(2), SUM);
    }
}

#[test]
fn state_is_kept_between_runs_and_forgotten_at_a_start() {
    let mut model = build(&add2());
    let mut other = build(&add2());
    let mut one = Rows::zeroed(8, 1);
    one.row_mut(0).copy_from_slice(&ADD);
    let idle = Rows::zeroed(8, 1);

    model.run(&one).unwrap();
    model.run(&idle).unwrap();
    other.run(&idle).unwrap();
    assert_eq!(model.run(&idle).unwrap().row(0), SUM);

    model.run(&one).unwrap();
    model.start(&Start::default()).unwrap();
    assert_eq!(model.run(&Rows::zeroed(8, 3)).unwrap().words(), [0; 15]);
    assert_eq!(other.run(&Rows::zeroed(8, 3)).unwrap().words(), [0; 15]);
}

#[test]
fn random_power_up_is_seeded() {
    let mut model = build(&add2());
    let mut first_row = |seed| {
        model.start(&Start { power_up: PowerUp::Random(seed), waveform: None }).unwrap();
        model.run(&Rows::zeroed(8, 1)).unwrap().row(0).to_vec()
    };
    let first = first_row(1);
    assert_ne!(first[1..4], [0, 0, 0]);
    assert_ne!(first, first_row(2));
    assert_eq!(first, first_row(1));
}

#[test]
fn a_module_compiled_as_a_block_computes_the_same() {
    let ports = vec![
        Port::input("rst", 1),
        Port::input("in_valid", 1),
        Port::input("a", 100),
        Port::input("b", 80),
        Port::output("out_valid", 1),
        Port::output("y", 202),
    ];
    let flat = BuildRequest::new("pair", vec![source("pair"), source("add2")], ports);
    let blocks = BuildRequest { blocks: vec!["add2".into()], ..flat.clone() };
    let mut rows = Rows::zeroed(9, 40);
    for row in 0..rows.len() {
        for (word, value) in rows.row_mut(row).iter_mut().enumerate() {
            *value = (row as u32 * 9 + word as u32).wrapping_mul(0x9e37_79b9);
        }
    }
    let answers = [flat, blocks].map(|request| {
        let (mut model, second) = (build(&request), build(&request));
        drop(second);
        model.run(&rows).unwrap()
    });
    assert_eq!(answers[0], answers[1]);
    assert_ne!(answers[0].row(10), answers[0].row(11));
}

#[test]
fn every_port_type_and_mangled_name_is_reached() {
    let widths = [8, 16, 32, 33, 64, 65];
    let names = ["a__b", "a___b", "w32", "new_w33", "w64", "w65"];
    let inputs = names.iter().zip(widths).map(|(name, width)| Port::input(*name, width));
    let outputs = widths.iter().map(|width| Port::output(format!("o{width}"), *width));
    let ports = inputs.chain(outputs).collect();
    let mut model = build(&BuildRequest::new("names", vec![source("names")], ports));

    let mut rows = Rows::zeroed(model.inputs().words(), 3);
    rows.row_mut(1).fill(u32::MAX);
    rows.row_mut(2).copy_from_slice(&[0x5a, 0x1234, 0x89ab_cdef, 1, 1, 2, 3, 4, 5, 0]);
    let mut out = Vec::new();
    for row in [1, 2] {
        let mut one = Rows::zeroed(rows.width(), 2);
        one.row_mut(0).copy_from_slice(rows.row(row));
        out.push(model.run(&one).unwrap().row(1).to_vec());
    }
    assert_eq!(out[0], [0; 10], "bits beyond a port's width are ignored");
    assert_eq!(out[1], [0xa5, 0xedcb, 0x7654_3210, !1, 0, !2, !3, !4, !5, 1]);
}

#[test]
fn the_second_build_comes_from_the_cache() {
    let mut request = add2();
    let directory = tempfile::tempdir().unwrap();
    let changed = directory.path().join("add2.v");
    let text = fs::read_to_string(source("add2")).unwrap();
    fs::write(&changed, format!("{text}// {}\n", directory.path().display())).unwrap();
    request.sources = vec![changed];

    let mut steps = Vec::new();
    let first = Model::build(&toolchain(), &request, &mut |step| steps.push(step)).unwrap();
    assert!(!first.build_stats().cached);
    assert_eq!(steps.first(), Some(&Progress::Verilating));
    assert_eq!(steps.last(), Some(&Progress::Linking));

    let mut steps = Vec::new();
    let second = Model::build(&toolchain(), &request, &mut |step| steps.push(step)).unwrap();
    assert!(second.build_stats().cached);
    assert_eq!(steps, [Progress::Cached]);
    eprintln!(
        "{}: {:?} then {:?}",
        toolchain().verilator_version(),
        first.build_stats(),
        second.build_stats()
    );
}

#[test]
fn clean_modules_lint_and_a_width_bug_does_not() {
    let toolchain = toolchain();
    for top in ["add2", "frame_sum", "names"] {
        lint(&toolchain, &[source(top)], top).unwrap_or_else(|error| panic!("{error}"));
    }
    let error = lint(&toolchain, &[source("truncates")], "truncates").unwrap_err();
    assert!(matches!(&error, Error::Lint { output, .. } if output.contains("WIDTH")), "{error}");
}

#[test]
fn ports_that_the_module_does_not_have_are_named() {
    let wrong = |change: fn(&mut Vec<Port>)| {
        let mut request = add2();
        change(&mut request.ports);
        Model::build(&toolchain(), &request, &mut |_| {}).unwrap_err().to_string()
    };
    let width = wrong(|ports| ports.last_mut().unwrap().width = 100);
    assert!(width.contains("output `y` of 100 bits") && width.contains("output `y` of 101 bits"), "{width}");
    let name = wrong(|ports| ports.last_mut().unwrap().name = "z".into());
    assert!(name.contains("`z`") && name.contains("input `in_valid` of 1 bits"), "{name}");
    let undriven = wrong(|ports| ports.retain(|port| port.name != "b"));
    assert!(undriven.contains("`b` of 40 bits, which nothing would drive"), "{undriven}");
}

#[test]
fn rows_of_another_width_are_refused() {
    let error = build(&add2()).run(&Rows::zeroed(7, 1)).unwrap_err();
    assert!(matches!(error, Error::RowWidth { expected: 8, found: 7 }), "{error}");
}

#[test]
fn a_missing_verilator_says_how_to_install_it() {
    let error = nn2hdl_testbench::Toolchain::with_verilator("/nonexistent/verilator").unwrap_err();
    assert!(error.to_string().contains("scripts/install-tools"), "{error}");
}

#[test]
fn a_waveform_shows_each_cycle_as_a_row_does() {
    let mut model = build(&BuildRequest { trace: Trace::Full, ..add2() });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("add2.vcd");
    model.start(&Start { power_up: PowerUp::Zeros, waveform: Some(WaveformFile(file.clone())) }).unwrap();

    let mut rows = Rows::zeroed(8, 6);
    for row in 0..6 {
        rows.row_mut(row).copy_from_slice(&[0, (row % 2) as u32, row as u32, 7, 7, 7, row as u32, 9]);
    }
    let first = model.run(&rows).unwrap();
    let second = model.run(&rows).unwrap();

    let mut waveform = Waveform::open(&file, "add2", "clk", &["y", "b_1", "out_valid"]).unwrap();
    assert_eq!(waveform.signals().iter().map(|signal| signal.width).collect::<Vec<_>>(), [101, 40, 1]);
    for t in 0..12 {
        let values = waveform.next_cycle().unwrap().unwrap();
        let out = if t < 6 { first.row(t) } else { second.row(t - 6) };
        assert_eq!((values[2][0], &values[0][..]), (out[0], &out[1..]), "cycle {t}");
        let sampled = t.checked_sub(1).map_or([0, 0], |before| [(before % 6) as u32, 9]);
        assert_eq!(values[1], sampled, "cycle {t}");
    }
    assert!(waveform.next_cycle().unwrap().is_none());

    let missing = Waveform::open(&file, "add2", "clk", &["sum"]).err().unwrap();
    assert!(missing.to_string().contains("`sum` in `add2`"), "{missing}");
    let error = build(&add2()).start(&Start { waveform: Some(WaveformFile(file)), ..Start::default() });
    assert!(matches!(error, Err(Error::NotTraced)));
}
