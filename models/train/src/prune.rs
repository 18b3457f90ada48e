//! Removal of digits and weights where it hurts least per cost saved.
//!
//! A weight is a candidate twice: its code may become zero, or the nearest with fewer digits. Its saliency is `v̂ (Δq)²`, `v̂` being
//! Adam's second moment of the gradient without its bias: the diagonal of the empirical Fisher matrix in place of the Hessian of
//! optimal brain damage (LeCun et al., 1990). A saturated weight has no gradient, so the layer's mean stands for it.

use crate::quantize::{FREE, digits, whole};
use crate::recipe::{Network, Prune};
use crate::state::{Moments, State};

struct Candidate {
    price: f64,
    layer: usize,
    weight: usize,
    saved: f64,
    limit: u8,
}

/// What the ramp allows at a step of the stage, given the cost at its start.
pub(crate) fn allowed(prune: &Prune, step: u64, start_cost: f64) -> (Option<f64>, Option<f64>) {
    let ramp = (prune.end - prune.start) as f64;
    let left = (1.0 - step.saturating_sub(prune.start) as f64 / ramp).clamp(0.0, 1.0).powi(3);
    let budget = prune.budget.map(|budget| budget + (start_cost - budget).max(0.0) * left);
    (budget, prune.zeros.map(|zeros| zeros * (1.0 - left)))
}

/// Removes digits until the cost is at most `budget`, then weights until the share of zeros is at least `zeros`.
pub(crate) fn prune(
    state: &mut State,
    moments: &Moments,
    network: &Network,
    (budget, zeros): (Option<f64>, Option<f64>),
) {
    if let Some(budget) = budget {
        let mut cost: f64 = state.costs(network).iter().sum();
        while cost > budget {
            let candidates = candidates(state, moments, network, false);
            if candidates.is_empty() {
                break;
            }
            take(
                state,
                // A weight that lost a digit may be the next cheapest again, so not all are taken at once.
                candidates.iter().take(candidates.len().div_ceil(16)).take_while(|candidate| {
                    let more = cost > budget;
                    cost -= candidate.saved;
                    more
                }),
            );
            cost = state.costs(network).iter().sum();
        }
    }
    if let Some(zeros) = zeros {
        let all = state.layers.iter().map(|layer| layer.weight.len()).sum::<usize>() as f64;
        let missing = ((zeros - state.zeros()) * all).ceil().max(0.0) as usize;
        take(state, candidates(state, moments, network, true).iter().take(missing));
    }
}

/// Forbids every digit that is not in use: from here on the cost does not grow.
pub(crate) fn freeze(state: &mut State) {
    for layer in 0..state.layers.len() {
        let limits = state.weight_codes(layer).into_iter().map(digits).collect();
        state.layers[layer].limit = limits;
    }
}

fn take<'a>(state: &mut State, candidates: impl Iterator<Item = &'a Candidate>) {
    let mut limits: Vec<Vec<u8>> = state.layers.iter().map(|layer| layer.limit.to_vec()).collect();
    candidates.for_each(|candidate| limits[candidate.layer][candidate.weight] = candidate.limit);
    for (layer, limits) in state.layers.iter_mut().zip(limits) {
        layer.weight.iter_mut().zip(&limits).filter(|(_, limit)| **limit == 0).for_each(|(w, _)| *w = 0.0);
        layer.limit = limits.into();
    }
}

/// One candidate for each weight that has a digit left, the cheapest first; only removals of whole weights if `whole_weights`.
fn candidates(state: &State, moments: &Moments, network: &Network, whole_weights: bool) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (index, layer) in state.layers.iter().enumerate() {
        let (codes, second) = (&state.codes[index], &moments.second[index][0]);
        let bits = f64::from(network.input_bits(index));
        let per_channel = layer.weight.len() / layer.fraction.len();
        let mean = second.iter().map(|&v| f64::from(v)).sum::<f64>() / second.len() as f64;
        for (n, code) in state.weight_codes(index).into_iter().enumerate() {
            if code == 0 {
                continue;
            }
            let fraction = whole(layer.fraction[n / per_channel]);
            let saturated = codes.saturates(layer.weight[n], fraction);
            let sensitivity = if saturated { mean.max(second[n].into()) } else { second[n].into() };
            let step = 2f64.powi(-fraction);
            let offer = |to: i32, limit: u8| {
                let count = f64::from(digits(code) - digits(to));
                let hurt = sensitivity * (f64::from(code - to) * step).powi(2);
                let saved = count * bits;
                let price = if whole_weights { hurt } else { hurt / saved };
                Candidate { price, layer: index, weight: n, saved, limit }
            };
            let mut best = offer(0, 0);
            if !whole_weights && digits(code) > 1 {
                let limit = digits(code) - 1;
                let fewer = codes.code(layer.weight[n], fraction, limit);
                // A weight that would round to zero anyway is removed for good.
                let fewer = offer(fewer, if fewer == 0 { 0 } else { limit });
                if fewer.price < best.price {
                    best = fewer;
                }
            }
            found.push(best);
        }
    }
    let order = |a: &Candidate, b: &Candidate| {
        a.price.total_cmp(&b.price).then((a.layer, a.weight).cmp(&(b.layer, b.weight)))
    };
    found.sort_by(order);
    found
}

/// Number of pruned and of limited weights.
pub(crate) fn counts(state: &State) -> (usize, usize) {
    let limits = || state.layers.iter().flat_map(|layer| layer.limit.iter());
    (limits().filter(|&&l| l == 0).count(), limits().filter(|&&l| l != 0 && l != FREE).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    fn network() -> Network {
        let text = "stage = [{ name = 'a', steps = 1, batch = 1, rate = 1e-3, quantize = false }]
            [[network.layer]]
            outputs = 2
            rows = 1
            columns = 3
            bits = 6
            activation = { bits = 4, fraction = 1 }
            [[network.layer]]
            outputs = 6
            rows = 1
            columns = 1
            bits = 6";
        Recipe::parse(text).unwrap().network
    }

    fn prepared() -> (Network, State, Moments) {
        let network = network();
        let mut state = State::new(&network, 1);
        state.start_quantization(&network);
        let mut moments = Moments::new(&state);
        moments.second.iter_mut().for_each(|kinds| kinds[0].fill(1.0));
        (network, state, moments)
    }

    #[test]
    fn the_budget_is_kept_by_the_cheapest_removals() {
        let (network, mut state, mut moments) = prepared();
        // The last layer's inputs have four bits, but its weights matter far more.
        moments.second[1][0].fill(1e20);
        let before = state.costs(&network);
        assert!(before[0] > 40.0);
        prune(&mut state, &moments, &network, (Some(before[1] + 20.0), None));
        let after = state.costs(&network);
        assert_eq!(after[1], before[1]);
        assert!(after[0] <= 20.0 && after[0] > 15.0, "{after:?}");
        let again = state.clone();
        prune(&mut state, &moments, &network, (Some(before[1] + 20.0), None));
        assert_eq!(state, again);
        prune(&mut state, &moments, &network, (Some(0.0), None));
        assert_eq!(state.costs(&network), [0.0, 0.0]);
    }

    #[test]
    fn zeros_are_made_and_nothing_comes_back() {
        let (network, mut state, moments) = prepared();
        prune(&mut state, &moments, &network, (None, Some(0.5)));
        assert!((0.5..0.55).contains(&state.zeros()), "{}", state.zeros());
        freeze(&mut state);
        let cost: f64 = state.costs(&network).iter().sum();
        for layer in &mut state.layers {
            layer.weight.iter_mut().for_each(|weight| *weight *= 1.37);
        }
        assert!(state.costs(&network).iter().sum::<f64>() <= cost);
        assert!(state.zeros() >= 0.5);
    }

    #[test]
    fn the_ramp_is_cubic() {
        let prune = Prune { budget: Some(100.0), zeros: Some(0.8), start: 10, end: 30, every: 1 };
        let at = |step| allowed(&prune, step, 900.0);
        assert_eq!(at(10), (Some(900.0), Some(0.0)));
        assert_eq!(at(20), (Some(200.0), Some(0.8 * 0.875)));
        assert_eq!(at(30), (Some(100.0), Some(0.8)));
    }
}
