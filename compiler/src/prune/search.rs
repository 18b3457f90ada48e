//! A search among single replacements of weights, judged by the outputs themselves.

use rayon::prelude::*;

use super::lut::{State, Work};
use super::solve::{Problem, digits};
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Tensor};

/// Passes over the best candidates.
const PASSES: usize = 3;

/// Candidates of a pass.
const CANDIDATES: usize = 500;

pub(super) struct Search<'a> {
    pub(super) work: &'a Work<'a>,
    pub(super) frames: &'a [Vec<Tensor>],
    pub(super) expected: &'a [Vec<Tensor>],
    /// What a look-up table may cost in error.
    pub(super) price: f64,
    /// Look-up tables, at most.
    pub(super) most: u64,
}

/// One replacement: layer, weight, code, and what it is expected to make better.
#[derive(Clone, Copy, Debug)]
struct Move {
    layer: usize,
    at: usize,
    code: i64,
    cost: f64,
    expected: f64,
}

/// The mean over frames of the square distance of all outputs from `expected`.
pub(super) fn loss(
    graph: &Graph,
    frames: &[Vec<Tensor>],
    expected: &[Vec<Tensor>],
) -> Result<f64, Diagnostic> {
    let one = |(frame, expected): (&Vec<Tensor>, &Vec<Tensor>)| -> Result<f64, Diagnostic> {
        let found = graph.evaluate(frame)?;
        Ok(distance(&found, expected))
    };
    let all: Vec<_> = frames.par_iter().zip(expected).map(one).collect();
    Ok(all.into_iter().sum::<Result<f64, _>>()? / frames.len() as f64)
}

fn distance(found: &[Tensor], expected: &[Tensor]) -> f64 {
    let pairs =
        found.iter().zip(expected).flat_map(|(found, expected)| found.data.iter().zip(&expected.data));
    pairs.map(|(found, expected)| (found - expected).powi(2)).sum()
}

impl Search<'_> {
    /// Replaces weights as long as error and price become less; never beyond the budget.
    pub(super) fn run(
        &self,
        start: State,
        g: &[Vec<f64>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<State, Vec<Diagnostic>> {
        let one = |problem: Diagnostic| vec![problem];
        let mut state = start.clone();
        let mut now = loss(&state.graph, self.frames, self.expected).map_err(one)?;
        let mut made: Vec<Move> = Vec::new();
        for pass in 0..PASSES {
            let problems = self.work.around(&state, g, self.frames)?;
            let candidates = candidates(&problems, &state, self.price);
            let count = made.len();
            for (number, candidate) in candidates.iter().enumerate() {
                progress(pass * CANDIDATES + number, PASSES * CANDIDATES);
                let next = self.replaced(&state.graph, &state.codes, candidate);
                let then = loss(&next, self.frames, self.expected).map_err(one)?;
                if then - now + candidate.cost < 0.0 {
                    now = then;
                    state.graph = next;
                    state.codes[candidate.layer][candidate.at] = candidate.code;
                    made.push(*candidate);
                }
            }
            if made.len() == count {
                break;
            }
        }
        // As many of the replacements as the budget allows.
        for part in (1..=4).rev() {
            let mut state = start.clone();
            for chosen in &made[..made.len() * part / 4] {
                state.graph = self.replaced(&state.graph, &state.codes, chosen);
                state.codes[chosen.layer][chosen.at] = chosen.code;
            }
            state.lut = self.work.count(&state)?.total.lut;
            if state.lut <= self.most {
                return Ok(state);
            }
        }
        Ok(start)
    }

    fn replaced(&self, graph: &Graph, codes: &[Vec<i64>], chosen: &Move) -> Graph {
        let mut graph = graph.clone();
        if let Some((layer, grid)) = self.work.grids().nth(chosen.layer) {
            let value = |(at, &code): (usize, &i64)| {
                let code = if at == chosen.at { chosen.code } else { code };
                code as f64 * grid.steps[at / layer.taps]
            };
            let values: Vec<f64> = codes[chosen.layer].iter().enumerate().map(value).collect();
            layer.set_values(&mut graph, &values);
        }
        graph
    }
}

/// The replacements that promise most, one for each weight.
fn candidates(problems: &[Problem], state: &State, price: f64) -> Vec<Move> {
    let mut all = Vec::new();
    for (layer, (problem, codes)) in problems.iter().zip(&state.codes).enumerate() {
        let gradient = problem.gradient(codes);
        for at in 0..codes.len() {
            let near = [-2, -1, 1, 2].map(|step| codes[at] + step);
            let few = (0..3).map(|drop| dropped(codes[at], drop));
            let best = near
                .into_iter()
                .chain(few)
                .filter(|code| code.abs() <= problem.grid.most && *code != codes[at]);
            let best = best.map(|code| {
                let cost = price * problem.digit * (f64::from(digits(code)) - f64::from(digits(codes[at])));
                Move { layer, at, code, cost, expected: cost + problem.change(&gradient, codes, at, code) }
            });
            all.extend(best.min_by(|a, b| a.expected.total_cmp(&b.expected)));
        }
    }
    all.sort_by(|a, b| a.expected.total_cmp(&b.expected));
    all.truncate(CANDIDATES);
    all
}

/// The code without its `n`-th signed digit from below; the code itself if it has no such digit.
fn dropped(code: i64, n: usize) -> i64 {
    let mut rest = code;
    let mut place = 0;
    let mut seen = 0;
    while rest != 0 {
        if rest & 1 == 1 {
            let digit = 2 - (rest & 3);
            if seen == n {
                return code - (digit << place);
            }
            seen += 1;
            rest -= digit;
        }
        rest >>= 1;
        place += 1;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_dropped_one_by_one() {
        assert_eq!([dropped(7, 0), dropped(7, 1), dropped(7, 2)], [8, -1, 7]);
        assert_eq!([dropped(-11, 0), dropped(-11, 1), dropped(-11, 2)], [-12, -15, 5]);
    }
}
