//! Codes of one layer at the least error for what their signed digits cost.

use super::layer::Grid;

/// The greatest range of codes that is tried code by code; beyond it only codes of few digits are.
const DENSE: i64 = 1 << 8;

/// Passes over all weights, at most.
const PASSES: usize = 12;

/// A layer to solve: error `Σ_mn G_mn (V_m A V_n − 2 V_m T_n)` of the values `V = code × step`, plus price × digits.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Output channels.
    pub channels: usize,
    /// Weights of a channel.
    pub taps: usize,
    /// `A`: taps × taps.
    pub own: Vec<f64>,
    /// `T`: channels × taps.
    pub target: Vec<f64>,
    /// `G`: channels × channels.
    pub sensitivity: Vec<f64>,
    /// The codes' grid.
    pub grid: Grid,
    /// What one digit takes.
    pub digit: f64,
}

/// Nonzero digits of the canonical signed-digit form.
pub fn digits(code: i64) -> u32 {
    let wide = code.unsigned_abs();
    (wide ^ (3 * wide)).count_ones()
}

/// The nearest sum of at most `count` signed powers of two to `value`, up to a tie.
fn few(mut value: f64, count: u32) -> i64 {
    let mut code = 0i64;
    for _ in 0..count {
        if value.abs() < 0.5 {
            break;
        }
        let power = value.abs().log2().max(0.0);
        // Between two powers of two the nearer one, not the one nearer in the exponent.
        let (low, high) = (power.floor().exp2(), (power.floor() + 1.0).exp2());
        let nearest = if value.abs() - low <= high - value.abs() { low } else { high };
        code += (nearest * value.signum()) as i64;
        value -= nearest * value.signum();
    }
    code
}

impl Problem {
    /// `(A V − T) G`: half the derivative of the error, channels × taps.
    pub(super) fn gradient(&self, codes: &[i64]) -> Vec<f64> {
        let (channels, taps) = (self.channels, self.taps);
        let mut error = vec![0.0; channels * taps];
        for m in 0..channels {
            let row = &mut error[m * taps..(m + 1) * taps];
            row.iter_mut().zip(&self.target[m * taps..]).for_each(|(error, target)| *error = -target);
            for k in 0..taps {
                let value = codes[m * taps + k] as f64 * self.grid.steps[m];
                if value != 0.0 {
                    row.iter_mut().zip(&self.own[k * taps..]).for_each(|(error, own)| *error += value * own);
                }
            }
        }
        let mut gradient = vec![0.0; channels * taps];
        for m in 0..channels {
            for n in 0..channels {
                let factor = self.sensitivity[m * channels + n];
                let row = &error[n * taps..(n + 1) * taps];
                gradient[m * taps..(m + 1) * taps]
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, error)| *sum += factor * error);
            }
        }
        gradient
    }

    /// The change of the error if one code is replaced, given the gradient.
    pub(super) fn change(&self, gradient: &[f64], codes: &[i64], at: usize, code: i64) -> f64 {
        let (m, k) = (at / self.taps, at % self.taps);
        let move_by = (code - codes[at]) as f64 * self.grid.steps[m];
        let curvature = self.own[k * self.taps + k] * self.sensitivity[m * self.channels + m];
        move_by * (2.0 * gradient[at] + move_by * curvature)
    }

    /// Improves `codes` at a price for each unit of cost, one code after the other, until none is better replaced.
    pub fn descend(&self, codes: &mut [i64], price: f64) {
        let (channels, taps, most) = (self.channels, self.taps, self.grid.most);
        let mut gradient = self.gradient(codes);
        for _ in 0..PASSES {
            let mut changed = false;
            for at in 0..codes.len() {
                let (m, k) = (at / taps, at % taps);
                let curvature = self.own[k * taps + k] * self.sensitivity[m * channels + m];
                let now = price * self.digit * f64::from(digits(codes[at]));
                let mut best = (-1e-12 * (now + 1e-300), codes[at]);
                let mut consider = |code: i64| {
                    let cost = price * self.digit * f64::from(digits(code)) - now;
                    let total = self.change(&gradient, codes, at, code) + cost;
                    if total < best.0 {
                        best = (total, code);
                    }
                };
                if most <= DENSE {
                    (-most..=most).for_each(&mut consider);
                } else if curvature > 0.0 {
                    let ideal = codes[at] as f64 - gradient[at] / (curvature * self.grid.steps[m]);
                    let ideal = ideal.clamp(-(most as f64), most as f64);
                    (0..8).for_each(|count| consider(few(ideal, count).clamp(-most, most)));
                    consider(ideal.round() as i64);
                } else {
                    consider(0);
                }
                let code = best.1;
                if code == codes[at] {
                    continue;
                }
                let move_by = (code - codes[at]) as f64 * self.grid.steps[m];
                codes[at] = code;
                changed = true;
                for n in 0..channels {
                    let factor = move_by * self.sensitivity[n * channels + m];
                    if factor != 0.0 {
                        let row = &self.own[k * taps..(k + 1) * taps];
                        gradient[n * taps..(n + 1) * taps]
                            .iter_mut()
                            .zip(row)
                            .for_each(|(sum, own)| *sum += factor * own);
                    }
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// The error, but for what does not depend on the codes.
    pub fn error(&self, codes: &[i64]) -> f64 {
        let zero = vec![0; codes.len()];
        let (at_zero, here) = (self.gradient(&zero), self.gradient(codes));
        // A quadratic form is its value at 0 plus half of both gradients along the way.
        let along = at_zero
            .iter()
            .zip(&here)
            .enumerate()
            .map(|(at, (zero, here))| codes[at] as f64 * self.grid.steps[at / self.taps] * (zero + here));
        along.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A problem whose inputs 0 and 1 are nearly the same.
    fn problem() -> (Problem, Vec<i64>) {
        let own = vec![1.0, 0.95, 0.1, 0.95, 1.0, 0.0, 0.1, 0.0, 1.0];
        let codes = vec![7, 11, -5, 3, 0, 13];
        let grid = Grid { steps: vec![0.5, 0.25], most: 31 };
        let values: Vec<f64> =
            codes.iter().enumerate().map(|(n, &code)| code as f64 * grid.steps[n / 3]).collect();
        let target =
            (0..6).map(|n| (0..3).map(|l| own[n % 3 * 3 + l] * values[n / 3 * 3 + l]).sum()).collect();
        let sensitivity = vec![1.0, 0.2, 0.2, 0.5];
        (Problem { channels: 2, taps: 3, own, target, sensitivity, grid, digit: 1.0 }, codes)
    }

    fn all(codes: &[i64]) -> u32 {
        codes.iter().map(|&code| digits(code)).sum()
    }

    #[test]
    fn nothing_is_lost_where_digits_are_free() {
        let (problem, original) = problem();
        let mut codes = original.clone();
        problem.descend(&mut codes, 0.0);
        assert_eq!(codes, original);
    }

    #[test]
    fn dearer_digits_are_fewer_and_the_error_is_the_least() {
        let (problem, original) = problem();
        let mut last = (all(&original), problem.error(&original));
        for price in [0.01, 0.1, 1.0, 10.0, 1000.0] {
            let mut codes = original.clone();
            problem.descend(&mut codes, price);
            let now = (all(&codes), problem.error(&codes));
            assert!(now.0 <= last.0 && now.1 >= last.1 - 1e-9, "{price}: {now:?} {last:?}");
            // No single replacement is better.
            for at in 0..codes.len() {
                for code in -31..=31 {
                    let mut other = codes.clone();
                    other[at] = code;
                    let total = |codes: &[i64]| problem.error(codes) + price * f64::from(all(codes));
                    assert!(total(&other) >= total(&codes) - 1e-9, "{price}: {at} {code}");
                }
            }
            last = now;
        }
        assert_eq!(last.0, 0);
    }

    #[test]
    fn like_inputs_share_their_weight() {
        let (problem, original) = problem();
        let mut codes = original.clone();
        problem.descend(&mut codes, 0.9);
        // One of the twins has taken over what the other has lost.
        let sum = codes[0] + codes[1];
        assert!((16..=20).contains(&sum) && all(&codes[..2]) < all(&original[..2]), "{codes:?}");
    }

    #[test]
    fn few_digits_come_near() {
        assert_eq!([few(7.3, 1), few(7.3, 2), few(-23.0, 2), few(0.2, 3)], [8, 7, -24, 0]);
        assert_eq!([0, 1, -1, 7, 11].map(digits), [0, 1, 1, 2, 3]);
    }
}
