//! Time of the adder-graph optimiser on random signed matrices, by size and effort; see `tests/bench/compare_cmvm` for the peers.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use nn2hdl_compiler::cmvm::{Cost, Effort, Input, Output, Problem, solve};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn graphs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cmvm");
    group.sample_size(10);
    for size in [8, 16, 32, 64] {
        let mut random = StdRng::seed_from_u64(0);
        let matrix: Vec<i64> = (0..size * size).map(|_| random.random_range(-127..=127)).collect();
        let inputs = vec![Input { lo: -128, hi: 127, arrival: 0.0 }; size];
        let outputs = vec![Output::default(); size];
        for effort in [Effort::Fast, Effort::Default] {
            let problem = Problem {
                matrix: &matrix,
                inputs: &inputs,
                outputs: &outputs,
                max_depth: Some(1),
                delay: &|_| 1.0,
                cost: Cost::AdderBits,
                effort,
                stop: &|| false,
                seed: 1,
            };
            group.bench_function(
                BenchmarkId::new(effort.to_string(), format!("{size} x {size}")),
                |bencher| {
                    bencher.iter(|| solve(&problem).expect("a graph"));
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, graphs);
criterion_main!(benches);
