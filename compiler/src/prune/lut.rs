//! Pruning to a number of look-up tables, without training.
//!
//! Weights of all layers are replaced by values of fewer signed digits so that the outputs change least on the calibration
//! set. What a replacement does to the outputs is taken from second moments and derivatives ([`super::moments`]), what a digit
//! takes from the compiler's own count; the price of a look-up table is raised until the count is within the budget. Weights
//! with like inputs and later layers take up what is lost, and biases the mean. A search on the outputs themselves ends it.

use crate::diagnostic::Diagnostic;
use crate::front::Options;
use crate::front::onnx::{Editor, Model};
use crate::graph::{Graph, Tensor};
use crate::netlist::Target;
use crate::quantize::graph;
use crate::quantize::report::{OutputReport, compared};
use crate::quantize::statistics::outputs;

use super::estimate::{Estimate, estimate};
use super::layer::{Grid, Layer, layers, resolved};
use super::moments::{Moments, moments, sensitivities};
use super::report::{Pruned, Report};
use super::search::{Search, loss};
use super::solve::{Problem, digits};

/// A budget of look-up tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// So many.
    Lut(u64),
    /// This share of what the model takes.
    Share(f64),
}

/// Times that moments are taken anew.
const ROUNDS: usize = 3;

/// Halvings of the range of prices.
const HALVINGS: usize = 8;

/// What the codes of all layers are, and what that makes.
#[derive(Clone)]
pub(super) struct State {
    pub(super) codes: Vec<Vec<i64>>,
    pub(super) graph: Graph,
    pub(super) lut: u64,
}

pub(super) struct Work<'a> {
    pub(super) model: &'a Model,
    pub(super) options: &'a Options,
    pub(super) target: &'a Target,
    pub(super) original: Graph,
    pub(super) layers: Vec<Layer>,
}

/// Prunes a quantized model to `budget`, counted for `target` with `options`, on calibration `frames`.
///
/// # Errors
/// All problems of the model; no layer with quantized weights; a budget that cannot be met.
pub fn to_lut(
    model: &Model,
    frames: &[Vec<Tensor>],
    budget: Budget,
    (options, target): (&Options, &Target),
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Pruned, Vec<Diagnostic>> {
    let one = |problem: Diagnostic| vec![problem];
    let read = graph(model)?;
    let resolved = resolved(&read).map_err(one)?;
    let (all, mut notes) = layers(&read, &resolved);
    let count = all.len();
    let mut layers: Vec<Layer> = all.into_iter().filter(|layer| layer.grid.is_some()).collect();
    if layers.len() < count {
        notes.push(format!("{} layers have float weights, which have no digits", count - layers.len()));
    }
    progress("looking at the layers", 0, 0);
    let known = moments(&resolved, &resolved, &layers, &frames[..1], &mut |_, _| {}).map_err(one)?;
    let mut known = known.iter();
    layers.retain(|layer| {
        let kept = known.next().is_some_and(Option::is_some);
        if !kept {
            notes.push(format!("{}: an operator of this form stays as it is", layer.name));
        }
        kept
    });
    if layers.is_empty() {
        let help = "quantize the model first: `nn2hdl quantize`";
        return Err(one(Diagnostic::new(
            "nothing-to-prune",
            read.name,
            "no layer has quantized weights",
            help,
        )));
    }
    let work = Work { model, options, target, original: resolved, layers };
    let before = estimate(model, options, target)?;
    let most = match budget {
        Budget::Lut(lut) => lut,
        Budget::Share(share) => (before.total.lut as f64 * share) as u64,
    };
    let start = work.start(before.total.lut);
    let expected =
        outputs(&work.original, frames, &mut |n, all| progress("original outputs", n, all)).map_err(one)?;
    let mut best = start.clone();
    if before.total.lut > most {
        work.reachable(most)?;
        let g = sensitivities(&work.original, &work.layers, frames, &mut |n, all| {
            progress("derivatives", n, all)
        })
        .map_err(one)?;
        let mut prices = Vec::new();
        let mut state = start;
        let mut least = f64::INFINITY;
        for round in 0..ROUNDS {
            let found = moments(&work.original, &state.graph, &work.layers, frames, &mut |n, all| {
                progress(&format!("moments, round {}", round + 1), n, all);
            })
            .map_err(one)?;
            let found: Vec<Moments> = found.into_iter().flatten().collect();
            let counted = if round == 0 { before.clone() } else { work.count(&state)? };
            let problems = work.problems(&found, &g, &state, &counted);
            let (next, price) = work.meet(&problems, &found, &state, most, &mut |n, all| {
                progress(&format!("prices, round {}", round + 1), n, all);
            })?;
            let now = loss(&next.graph, frames, &expected).map_err(one)?;
            state = next;
            if now < least {
                least = now;
                best = state.clone();
                prices = vec![price];
            }
        }
        if let [price] = prices[..] {
            let search = Search { work: &work, frames, expected: &expected, price, most };
            best = search.run(best, &g, &mut |n, all| progress("searching", n, all))?;
        }
    } else {
        notes.push(format!("the model takes {} LUT as it is, within the budget", before.total.lut));
    }
    let pruned = work.written(&best);
    let after = estimate(&pruned, options, target)?;
    let changed = graph(&pruned)?;
    let found = outputs(&changed, frames, &mut |n, all| progress("comparing", n, all)).map_err(one)?;
    let agreement: Vec<OutputReport> = compared(&work.original, &expected, &found);
    let report = Report::new(
        &work.layers,
        [&work.original, &best.graph],
        [Some(&before), Some(&after)],
        agreement,
        frames.len(),
    );
    Ok(Pruned { model: pruned, report: Report { budget: Some(most), notes, ..report } })
}

impl Work<'_> {
    fn start(&self, lut: u64) -> State {
        let codes = self.grids().map(|(layer, grid)| layer.codes(grid, &self.original)).collect();
        State { codes, graph: self.original.clone(), lut }
    }

    /// The layers with their grids.
    pub(super) fn grids(&self) -> impl Iterator<Item = (&Layer, &Grid)> {
        self.layers.iter().filter_map(|layer| layer.grid.as_ref().map(|grid| (layer, grid)))
    }

    /// The model with the weights and biases of a state.
    pub(super) fn written(&self, state: &State) -> Model {
        let mut editor = Editor::new(self.model.clone());
        self.layers.iter().for_each(|layer| layer.write(&state.graph, &mut editor));
        editor.finish()
    }

    pub(super) fn count(&self, state: &State) -> Result<Estimate, Vec<Diagnostic>> {
        estimate(&self.written(state), self.options, self.target)
    }

    /// Whether a budget can be met at all.
    fn reachable(&self, most: u64) -> Result<(), Vec<Diagnostic>> {
        let mut state = self.start(0);
        for layer in &self.layers {
            layer.set_values(&mut state.graph, &vec![0.0; layer.channels * layer.taps]);
        }
        // A network that computes nothing may have no hardware form, which is not what was asked.
        let least = self.count(&state).map_or(0, |counted| counted.total.lut);
        if least <= most {
            return Ok(());
        }
        let message = format!("{most} LUT cannot be reached: without a single weight {least} LUT are left");
        let help = "give a larger budget, or end the network earlier with `--output-node`";
        Err(vec![Diagnostic::new("budget", self.original.name.clone(), message, help)])
    }

    /// The problem of each layer around a state.
    fn problems(&self, found: &[Moments], g: &[Vec<f64>], state: &State, counted: &Estimate) -> Vec<Problem> {
        let all: u32 = state.codes.iter().flatten().map(|&code| digits(code)).sum();
        let average = counted.total.lut as f64 / f64::from(all.max(1));
        let one = |(number, (layer, grid)): (usize, (&Layer, &Grid))| {
            let mut moments = found[number].clone();
            if layer.bias.is_some() {
                moments.centre();
            }
            let Layer { channels, taps, .. } = *layer;
            // A weight of a dead input, or of a channel without effect, must not be for nothing.
            let mean = |values: &[f64], n: usize| (0..n).map(|k| values[k * n + k]).sum::<f64>() / n as f64;
            let (damping, share) = (1e-3 * mean(&moments.own, taps), 1e-3 * mean(&g[number], channels));
            let values = layer.values(&self.original);
            let mut target = vec![0.0; channels * taps];
            for m in 0..channels {
                for k in 0..taps {
                    let row = &moments.cross[k * taps..(k + 1) * taps];
                    let products = row.iter().zip(&values[m * taps..]).map(|(cross, value)| cross * value);
                    target[m * taps + k] = products.sum::<f64>() + damping * values[m * taps + k];
                }
            }
            let (mut own, mut sensitivity) = (moments.own, g[number].clone());
            (0..taps).for_each(|k| own[k * taps + k] += damping);
            (0..channels).for_each(|m| sensitivity[m * channels + m] += share);
            let mine: u32 = state.codes[number].iter().map(|&code| digits(code)).sum();
            let cost = counted.layer(&layer.name).map(|cost| cost.lut as f64 / f64::from(mine.max(1)));
            let digit = cost.filter(|cost| *cost > 0.0).unwrap_or(average);
            Problem { channels, taps, own, target, sensitivity, grid: grid.clone(), digit }
        };
        self.grids().enumerate().map(one).collect()
    }

    /// The codes that a price makes, from those of `state`, with the biases that go with them.
    fn priced(&self, problems: &[Problem], found: &[Moments], state: &State, price: f64) -> State {
        let mut next = state.clone();
        for (problem, codes) in problems.iter().zip(&mut next.codes) {
            for part in [0.125, 0.25, 0.5, 1.0] {
                problem.descend(codes, price * part);
            }
        }
        self.apply(&mut next, Some(found));
        next
    }

    /// Puts codes into the graph, and biases that keep the mean of every channel.
    pub(super) fn apply(&self, state: &mut State, found: Option<&[Moments]>) {
        for (number, (layer, grid)) in self.grids().enumerate() {
            let taps = layer.taps;
            let values: Vec<f64> = state.codes[number]
                .iter()
                .enumerate()
                .map(|(n, &code)| code as f64 * grid.steps[n / taps])
                .collect();
            layer.set_values(&mut state.graph, &values);
            let (Some(bias), Some(found)) = (&layer.bias, found) else { continue };
            let Some(constant) = self.original.info(bias.tensor).constant.as_deref() else { continue };
            let (before, moments) = (layer.values(&self.original), &found[number]);
            let mut constant = constant.clone();
            for (m, value) in constant.data.iter_mut().enumerate() {
                let row = m * taps..(m + 1) * taps;
                let mean = |values: &[f64], means: &[f64]| -> f64 {
                    values[row.clone()].iter().zip(means).map(|(value, mean)| value * mean).sum()
                };
                *value += mean(&before, &moments.before) - mean(&values, &moments.after);
                if let Some(step) = bias.step {
                    *value = (*value / step).round() * step;
                }
            }
            state.graph.set_constant(bias.tensor, constant);
        }
    }

    /// The state of the least price within the budget, and that price.
    fn meet(
        &self,
        problems: &[Problem],
        found: &[Moments],
        state: &State,
        most: u64,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(State, f64), Vec<Diagnostic>> {
        let mut tried = 0;
        let mut attempt = |price: f64| -> Result<State, Vec<Diagnostic>> {
            progress(tried, 2 * HALVINGS);
            tried += 1;
            let mut next = self.priced(problems, found, state, price);
            next.lut = self.count(&next)?.total.lut;
            Ok(next)
        };
        // What the whole network is worth, for each look-up table.
        let worth: f64 =
            problems.iter().zip(&state.codes).map(|(problem, codes)| problem.error(codes).abs()).sum();
        let mut high = 1e-4 * worth.max(1e-300) / most.max(1) as f64;
        let mut low = 0.0;
        let mut best = attempt(high)?;
        for _ in 0..40 {
            if best.lut <= most {
                break;
            }
            low = high;
            high *= 4.0;
            best = attempt(high)?;
        }
        for _ in 0..HALVINGS {
            if best.lut <= most && best.lut as f64 >= 0.997 * most as f64 {
                break;
            }
            let middle = if low > 0.0 { (low * high).sqrt() } else { high / 4.0 };
            let next = attempt(middle)?;
            if next.lut <= most {
                high = middle;
                best = next;
            } else {
                low = middle;
            }
        }
        if best.lut > most {
            let message = format!("{most} LUT were not reached; the least that was found is {}", best.lut);
            return Err(vec![Diagnostic::new(
                "budget",
                self.original.name.clone(),
                message,
                "give a larger budget",
            )]);
        }
        Ok((best, high))
    }

    /// The problems around a state on the calibration set.
    pub(super) fn around(
        &self,
        state: &State,
        g: &[Vec<f64>],
        frames: &[Vec<Tensor>],
    ) -> Result<Vec<Problem>, Vec<Diagnostic>> {
        let found = moments(&self.original, &state.graph, &self.layers, frames, &mut |_, _| {});
        let found: Vec<Moments> = found.map_err(|problem| vec![problem])?.into_iter().flatten().collect();
        Ok(self.problems(&found, g, state, &self.count(state)?))
    }
}
