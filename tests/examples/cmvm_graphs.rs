//! Adder graphs of constant matrices, one JSON object a line; see `tests/bench/compare_cmvm`.
//!
//! usage: `cmvm_graphs MATRICES.npy EFFORT COST DEPTH LO HI`
//!
//! `MATRICES.npy` holds integers, matrices × inputs × outputs; `EFFORT` is `fast`, `default` or how often the
//! rounds of the default;
//! `COST` is `adders` or `bits`; `DEPTH` is `free`, `+N` (levels above the least possible) or a file with one number
//! of levels for each matrix; inputs lie in `LO..=HI`.

use std::fs;

use ndarray::Array3;
use ndarray_npy::read_npy;
use nn2hdl_compiler::cmvm::{Cost, Effort, Input, Op, Output, Problem, least_depth, solve};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [matrices, effort, cost, depth, lo, hi] = args.as_slice() else {
        return Err("usage: cmvm_graphs MATRICES.npy EFFORT COST DEPTH LO HI".into());
    };
    let matrices: Array3<i64> = read_npy(matrices)?;
    let effort = match effort.as_str() {
        "fast" => Effort::Fast,
        "default" => Effort::Default,
        times => Effort::Thorough { times: times.parse()? },
    };
    let cost = if cost == "adders" { Cost::Adders } else { Cost::AdderBits };
    let levels: Option<Vec<u32>> = match depth.as_str() {
        "free" => None,
        more if more.starts_with('+') => None,
        file => Some(fs::read_to_string(file)?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?),
    };
    let above = depth.strip_prefix('+').map(str::parse::<u32>).transpose()?;
    let (rows, columns) = (matrices.shape()[1], matrices.shape()[2]);
    let inputs = vec![Input { lo: lo.parse()?, hi: hi.parse()?, arrival: 0.0 }; rows];
    let outputs = vec![Output::default(); columns];
    for (number, matrix) in matrices.outer_iter().enumerate() {
        let matrix: Vec<i64> = matrix.iter().copied().collect();
        let mut problem = Problem {
            matrix: &matrix,
            inputs: &inputs,
            outputs: &outputs,
            max_depth: above,
            delay: &|_| 1.0,
            cost,
            effort,
            seed: 1,
            stop: &|| false,
        };
        if let Some(levels) = &levels {
            problem.max_depth = Some(levels[number].saturating_sub(least_depth(&problem)?));
        }
        let start = cpu_seconds();
        let graph = solve(&problem)?.graph;
        let seconds = cpu_seconds() - start;
        let nodes: Vec<_> = graph
            .nodes
            .iter()
            .map(|node| match node.op {
                Op::Add { a, b, subtract } => {
                    json!([a.value.0, a.shift, b.value.0, b.shift, u32::from(subtract)])
                }
                Op::Negate(value) => json!([value.0]),
                Op::Table(_) => json!(null),
            })
            .collect();
        let outputs: Vec<_> =
            graph.outputs.iter().map(|c| c.source.map(|s| json!([s.value.0, s.shift, 0]))).collect();
        let luts = graph.lut_estimate();
        println!("{}", json!({"nodes": nodes, "outputs": outputs, "cpu_s": seconds, "luts": luts}));
    }
    Ok(())
}

/// CPU time of this process.
fn cpu_seconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
