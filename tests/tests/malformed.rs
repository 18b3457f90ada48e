//! Damaged model files: one clear answer, never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nn2hdl_compiler::front::{self, Options};
use nn2hdl_models::zoo;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// How many damaged files there are; `NN2HDL_MUTATIONS` asks for more.
fn wanted() -> usize {
    std::env::var("NN2HDL_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

fn damage(bytes: &[u8], rng: &mut SmallRng) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..damaged.len());
        match rng.random_range(0..6) {
            0 => damaged.truncate(at.max(1)),
            1 => damaged[at] ^= 1 << rng.random_range(0..8),
            2 => damaged[at] = rng.random(),
            3 => damaged[at] = *[0x00, 0x7f, 0x80, 0xff].get(rng.random_range(0..4)).unwrap_or(&0),
            4 => damaged.insert(at, rng.random()),
            _ => {
                let end = (at + rng.random_range(1..=16)).min(damaged.len());
                damaged.drain(at..end);
                if damaged.is_empty() {
                    damaged.push(0);
                }
            }
        }
    }
    damaged
}

#[test]
fn damaged_models_are_refused_or_understood() {
    let options =
        Options { input_format: Some("fixed<8,4>".parse().expect("a format")), ..Options::default() };
    let (mut refused, mut understood, mut slowest) = (0, 0, Duration::ZERO);
    for number in 0..wanted() {
        // Images are large: they are damaged less often.
        let models = zoo().iter().filter(|model| model.unrolled || number % 100 == 0);
        let models: Vec<_> = models.collect();
        let model = models[number / 100 % models.len()];
        let mut rng = SmallRng::seed_from_u64(number as u64);
        let bytes = damage(model.onnx, &mut rng);
        let start = Instant::now();
        let problems = catch_unwind(AssertUnwindSafe(|| front::check(&bytes, &options)))
            .unwrap_or_else(|_| panic!("{} damaged with seed {number} makes the compiler panic", model.name));
        slowest = slowest.max(start.elapsed());
        if problems.is_empty() {
            understood += 1;
        } else {
            refused += 1;
        }
        for problem in &problems {
            assert!(!problem.code.is_empty() && !problem.message.is_empty(), "seed {number}: {problem:?}");
        }
    }
    println!("{refused} files refused, {understood} still understood, the slowest in {slowest:?}");
    assert!(refused > understood && understood > 0);
}
