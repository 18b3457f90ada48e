use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use proptest::prelude::*;

use super::*;

const DELAY: &dyn Fn(u32) -> f64 = &|width| 100.0 + f64::from(width);

#[derive(Clone, Debug)]
struct Case {
    matrix: Vec<i64>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    max_depth: Option<u32>,
    effort: Effort,
}

impl Case {
    fn new(matrix: Vec<i64>, inputs: usize, lo: i64, hi: i64) -> Self {
        let outputs = matrix.len().checked_div(inputs).unwrap_or(0);
        Self {
            matrix,
            inputs: vec![Input { lo, hi, arrival: 0.0 }; inputs],
            outputs: vec![Output::default(); outputs],
            max_depth: None,
            effort: Effort::Fast,
        }
    }

    fn solve(&self) -> Result<Solution, SolveError> {
        self.solve_with(Cost::AdderBits, 7, &|| false)
    }

    fn solve_with(
        &self,
        cost: Cost,
        seed: u64,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Solution, SolveError> {
        solve(&Problem {
            matrix: &self.matrix,
            inputs: &self.inputs,
            outputs: &self.outputs,
            max_depth: self.max_depth,
            delay: DELAY,
            cost,
            effort: self.effort,
            stop,
            seed,
        })
    }

    fn product(&self, x: &[i64]) -> Vec<i64> {
        let column = |(column, output): (usize, &Output)| {
            let rows = x.iter().enumerate();
            let sum: i64 = rows.map(|(row, x)| x * self.matrix[row * self.outputs.len() + column]).sum();
            output.wrap.map_or(sum, |width| csd::residue(sum, width))
        };
        self.outputs.iter().enumerate().map(column).collect()
    }
}

/// Proves (within `solve`), evaluates at the corners and some points between, and compares.
fn check(case: &Case, seed: u64) -> AdderGraph {
    let solution = case.solve().unwrap();
    let graph = solution.graph;
    graph.prove(&case.matrix).unwrap();
    let mut random = seed | 1;
    for point in 0..20 {
        let x: Vec<i64> = case
            .inputs
            .iter()
            .map(|input| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let offset = i64::try_from((random >> 33) % (input.hi - input.lo + 1) as u64).unwrap();
                match point % 3 {
                    0 if random >> 62 & 1 == 0 => input.lo,
                    0 => input.hi,
                    _ => input.lo + offset,
                }
            })
            .collect();
        assert_eq!(graph.evaluate(&x), case.product(&x), "{case:?} at {x:?}");
    }
    assert_eq!(solution.ready.len(), case.outputs.len());
    graph
}

/// Random problems with zero, repeated, negated and doubled columns, bounded so that nothing
/// is too wide.
fn cases() -> impl Strategy<Value = Case> {
    let input = prop_oneof![
        Just((0, 1)),
        (-20i64..20, 0i64..40).prop_map(|(lo, span)| (lo, lo + span)),
        Just((-128, 127)),
    ];
    let arrival = prop_oneof![3 => Just(0.0), 1 => 0.0..500.0f64];
    let inputs = prop::collection::vec((input, arrival), 0..14);
    (inputs, 0usize..7, 1i64..300).prop_flat_map(|(inputs, outputs, largest)| {
        let entry = prop_oneof![1 => Just(0), 2 => -largest..=largest, 1 => -1i64..=1];
        let matrix = prop::collection::vec(entry, inputs.len() * outputs);
        let copies = prop::collection::vec(prop::option::weighted(0.3, (0..7usize, -2i64..=2)), outputs);
        let wraps = prop::collection::vec(prop::option::weighted(0.15, 0u32..12), outputs);
        let effort =
            prop_oneof![Just(Effort::Fast), Just(Effort::Default), Just(Effort::Thorough { times: 3 })];
        let depth = prop::option::of(0u32..3);
        (Just(inputs), matrix, copies, wraps, depth, effort).prop_map(
            move |(inputs, mut matrix, copies, wraps, max_depth, effort)| {
                for (column, copy) in copies.into_iter().enumerate() {
                    let Some((from, factor)) = copy else { continue };
                    for row in matrix.chunks_exact_mut(outputs) {
                        row[column] = row[from % outputs] * factor;
                    }
                }
                let inputs =
                    inputs.into_iter().map(|((lo, hi), arrival)| Input { lo, hi, arrival }).collect();
                let outputs = wraps.into_iter().map(|wrap| Output { wrap }).collect();
                Case { matrix, inputs, outputs, max_depth, effort }
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn graphs_are_their_matrices(case in cases(), seed: u64) {
        check(&case, seed);
    }

    #[test]
    fn the_same_problem_gives_the_same_graph(case in cases()) {
        prop_assert_eq!(case.solve().unwrap(), case.solve().unwrap());
    }

    #[test]
    fn depth_stays_within_its_limit(mut case in cases(), extra in 0u32..3) {
        case.inputs.iter_mut().for_each(|input| input.arrival = 0.0);
        case.outputs.fill(Output::default());
        case.max_depth = Some(extra);
        let graph = check(&case, 1);
        let columns = 0..case.outputs.len();
        let least = columns.map(|column| {
            let rows = case.matrix.iter().skip(column).step_by(case.outputs.len());
            let digits: Vec<csd::Digits> = rows.map(|&weight| csd::Digits::of(weight)).collect();
            let negative = digits.iter().all(|d| d.pos == 0) && digits.iter().any(|d| d.count() > 0);
            let count: u32 = digits.iter().map(|d| d.count()).sum();
            count.max(1).next_power_of_two().trailing_zeros() + u32::from(negative)
        });
        prop_assert!(graph.depth() <= least.max().unwrap_or(0) + extra);
    }

    #[test]
    fn damaged_graphs_are_refused(case in cases()) {
        let graph = check(&case, 3);
        for node in 0..graph.nodes.len() {
            for damaged in damages(&graph, node) {
                prop_assert!(damaged.prove(&case.matrix).is_err(), "{node} of {damaged:?}");
            }
        }
    }
}

/// Entries as in the published comparisons: 8 bits, none small.
fn square(size: usize) -> Case {
    let entry = |i: i64| 129 + (i * i * 7919 + i * 104_729) % 127;
    Case::new((0..(size * size) as i64).map(entry).collect(), size, -128, 127)
}

#[test]
fn more_effort_is_never_worse() {
    let efforts =
        [Effort::Fast, Effort::Thorough { times: 0 }, Effort::Default, Effort::Thorough { times: 4 }];
    let adders = efforts.map(|effort| {
        let case = Case { effort, ..square(8) };
        case.solve_with(Cost::Adders, 7, &|| false).unwrap().graph.adders()
    });
    assert!(adders.is_sorted_by(|less, more| less >= more), "{adders:?}");
    assert!(adders[3] + 3 <= adders[0], "{adders:?}");
}

/// Look-up tables of eight signed matrices, together, at the effort that was measured: not one in fifty more.
#[test]
fn look_up_tables_stay_few() {
    let mut random = 1u64;
    let mut entry = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 40) as i64 % 31 - 15
    };
    let matrices: Vec<Case> =
        (0..8).map(|_| Case::new((0..64).map(|_| entry()).collect(), 8, -128, 127)).collect();
    for (effort, measured) in [(Effort::Fast, 5226), (Effort::Default, 5046)] {
        let luts: u64 = matrices
            .iter()
            .map(|case| {
                let case = Case { effort, ..case.clone() };
                case.solve_with(Cost::AdderBits, 1, &|| false).unwrap().graph.lut_estimate()
            })
            .sum();
        assert!(luts <= measured + measured / 50, "{effort}: {luts}");
    }
}

#[test]
fn a_stopped_search_returns_the_graph_it_has() {
    let case = Case { effort: Effort::Thorough { times: u32::MAX }, ..square(6) };
    let asked = AtomicU32::new(0);
    let stop = || asked.fetch_add(1, Relaxed) >= 20;
    let graph = case.solve_with(Cost::AdderBits, 7, &stop).unwrap().graph;
    graph.prove(&case.matrix).unwrap();
    assert!((20..30).contains(&asked.load(Relaxed)), "{asked:?}");
}

#[test]
fn seeds_differ_and_repeat() {
    let case = Case { effort: Effort::Default, ..square(8) };
    let solve = |seed| case.solve_with(Cost::AdderBits, seed, &|| false).unwrap().graph;
    assert_eq!(solve(1), solve(1));
    assert_ne!(solve(1), solve(2));
}

/// More digits than one network holds: bands of rows.
#[test]
fn large_matrices_are_shared_in_bands() {
    let mut random = 1u64;
    let mut entry = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 40) as i64 % 255 - 127
    };
    let case = Case { max_depth: Some(0), ..Case::new((0..800 * 3).map(|_| entry()).collect(), 800, -8, 7) };
    let graph = check(&case, 1);
    let digits: u32 = case.matrix.iter().map(|&weight| csd::Digits::of(weight).count()).sum();
    assert!(graph.adders() < digits as usize * 3 / 4, "{} of {digits}", graph.adders());
    assert_eq!(graph.depth(), 12);
}

/// Hundreds of inputs, whose hashes must not have small multiples that add up to each other.
#[test]
fn many_inputs_are_told_apart() {
    for (inputs, outputs, seed) in [(150, 16, 1u64), (150, 16, 2), (110, 48, 3), (400, 16, 4), (400, 16, 5)] {
        let mut random = seed;
        let mut entry = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 40) as i64 % 15 - 7
        };
        let matrix = (0..inputs * outputs).map(|_| entry()).collect();
        check(&Case::new(matrix, inputs, -8, 7), seed);
    }
    let multiples = |input: u32| {
        let hash = net::Net::hash_of(&[(input, 1)], 0);
        [1u64, 2, 4].map(|times| hash.wrapping_mul(times))
    };
    let hashes: Vec<u64> = (0..300).flat_map(multiples).collect();
    let mut sums: Vec<u64> = Vec::new();
    for (n, &a) in hashes.iter().enumerate() {
        for &b in &hashes[n + 1..] {
            let up_to_sign = |sum: u64| sum.min(sum.wrapping_neg());
            sums.extend([up_to_sign(a.wrapping_add(b)), up_to_sign(a.wrapping_sub(b))]);
        }
    }
    // 1 + 2 = 4 − 1 of each input; nothing else is equal.
    sums.sort_unstable();
    let equal = sums.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!(equal, 300);
}

/// The graph with one thing wrong at one node, in each way that always matters.
fn damages(graph: &AdderGraph, node: usize) -> Vec<AdderGraph> {
    let with = |change: &dyn Fn(&mut Node)| {
        let mut damaged = graph.clone();
        change(&mut damaged.nodes[node]);
        damaged
    };
    let own = ValueId((graph.inputs.len() + node) as u32);
    let mut all = vec![
        with(&|node| node.range.hi += 1),
        with(&|node| node.range.lo -= 1),
        with(&|node| node.op = Op::Negate(own)),
        with(&|node| node.op = Op::Table(Vec::new())),
    ];
    all.push(with(&|node| match &mut node.op {
        Op::Add { b, .. } => b.value = own,
        Op::Negate(value) => *value = own,
        Op::Table(terms) => terms[0].0 = own,
    }));
    all.push(with(&|node| match &mut node.op {
        Op::Add { a, b, .. } => (a.shift, b.shift) = (a.shift + 1, b.shift + 1),
        Op::Negate(value) => value.0 = u32::MAX,
        Op::Table(terms) => terms[0].1 = 0,
    }));
    all
}

#[test]
fn wrong_arithmetic_is_refused() {
    let matrix: Vec<i64> = (0..36).map(|i| (i * 37 + 11) % 63 - 31).collect();
    let case = Case::new(matrix, 6, -128, 127);
    let graph = check(&case, 5);
    for index in 0..graph.nodes.len() {
        for change in 0..4 {
            let mut damaged = graph.clone();
            let node = &mut damaged.nodes[index];
            match (&mut node.op, change) {
                (Op::Add { subtract, .. }, 0) => *subtract = !*subtract,
                (Op::Add { a, b, .. }, 1) if a.shift == 0 => b.shift += 1,
                (Op::Add { a, .. }, 1) => a.shift += 1,
                (Op::Add { a, b, subtract: true }, 2) => std::mem::swap(a, b),
                (Op::Add { a, .. }, 3) if a.value.0 != 0 => a.value.0 -= 1,
                _ => continue,
            }
            assert!(damaged.prove(&case.matrix).is_err(), "change {change} of node {index}");
        }
    }
    for column in 0..graph.outputs.len() {
        let mut damaged = graph.clone();
        damaged.outputs[column].source.as_mut().unwrap().shift += 1;
        assert!(damaged.prove(&case.matrix).is_err());
        damaged.outputs[column].source = None;
        assert!(damaged.prove(&case.matrix).is_err());
    }
}

#[test]
fn small_shapes() {
    let cases: [(&[i64], usize, usize); 9] = [
        (&[], 0, 0),
        (&[], 3, 0),
        (&[0, 0, 0, 0], 2, 0),
        (&[1], 1, 0),
        (&[-1], 1, 1),
        (&[8], 1, 0),
        (&[5], 1, 1),
        (&[5, 5, -5, 10], 1, 2),
        (&[1, -1, 1, -1], 2, 2),
    ];
    for (matrix, inputs, nodes) in cases {
        let graph = check(&Case::new(matrix.to_vec(), inputs, -8, 7), 1);
        assert_eq!(graph.nodes.len(), nodes, "{matrix:?}");
    }
}

#[test]
fn one_bit_inputs_are_packed_where_that_is_cheaper() {
    let case = Case::new(vec![29, -17, 23, 11, -5, 19], 6, 0, 1);
    let graph = check(&case, 1);
    assert_eq!(graph.nodes.len(), 1);
    assert!(matches!(&graph.nodes[0].op, Op::Table(terms) if terms.len() == 6));
    assert!(graph.lut_estimate() <= 8);
}

#[test]
fn inputs_that_come_late_are_added_last() {
    let mut case = Case::new(vec![1; 5], 5, 0, 15);
    case.inputs[0].arrival = 1000.0;
    let solution = case.solve().unwrap();
    assert!(solution.ready[0] < 1000.0 + 2.0 * DELAY(7));
}

#[test]
fn problems_without_meaning_are_refused() {
    let mut case = Case::new(vec![1, 2], 2, 0, 7);
    case.outputs.push(Output::default());
    assert!(matches!(case.solve(), Err(SolveError::Shape { entries: 2, inputs: 2, outputs: 2 })));
    let mut case = Case::new(vec![1, 2], 2, 0, 7);
    case.inputs[1].lo = 8;
    assert_eq!(case.solve(), Err(SolveError::Input { input: 1 }));
    for (weight, lo) in [(i64::MIN, 0), (1 << 40, -1 << 40), (1, i64::MIN)] {
        let case = Case::new(vec![weight], 1, lo, 0);
        assert_eq!(case.solve(), Err(SolveError::TooWide { column: 0 }));
    }
    check(&Case::new(vec![1 << 30, -(1 << 30) + 1], 2, -(1 << 29), 1 << 29), 1);
}
