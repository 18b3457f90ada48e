//! Pipeline stages of random datapaths: in time, and with about as few register bits as any stages have.

use nn2hdl_compiler::datapath::{Datapath, WireId};
use nn2hdl_compiler::schedule::Delays;
use nn2hdl_compiler::schedule::pipeline::{BIT, Stages, pipeline};
use nn2hdl_compiler::schedule::retime::registers;
use nn2hdl_compiler::schedule::timing::{Times, Timing};
use nn2hdl_compiler::schedule::wiring::{Bundle, bundles};
use nn2hdl_runtime::Interval;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Additions of about a third of a cycle each and other cells, `count` in all.
fn datapath(rng: &mut SmallRng, count: usize) -> Datapath {
    let mut datapath = Datapath::default();
    let mut wires: Vec<WireId> = Vec::new();
    for _ in 0..rng.random_range(2..5) {
        let most = (1 << rng.random_range(1..8)) - 1;
        wires.push(datapath.input(Interval::new(if rng.random() { -most } else { 0 }, most)));
    }
    while wires.len() < count + 4 {
        let recent = wires.len().saturating_sub(5);
        let any = |rng: &mut SmallRng| wires[rng.random_range(recent..wires.len())];
        let (a, b) = (any(rng), any(rng));
        let shift = rng.random_range(0..3);
        let made = match rng.random_range(0..8) {
            0 => {
                let zero = datapath.constant(0);
                datapath.max(a, zero)
            }
            1 => datapath.wrap(a, rng.random(), rng.random_range(1..6)),
            2 => datapath.shr(a, shift),
            3 => {
                let low = datapath.wrap(a, false, 3);
                let range = datapath.interval(low);
                datapath.table(low, (range.lo..=range.hi).map(|v| (v * 5 % 11) as i64).collect())
            }
            _ => datapath.add_shifted((a, 0), (b, shift), rng.random()),
        };
        if datapath.as_const(made).is_none() {
            wires.push(made);
        }
    }
    datapath.outputs = wires[wires.len() - 3..].to_vec();
    datapath
}

struct Case {
    datapath: Datapath,
    arrivals: Vec<f64>,
    prices: Vec<u64>,
}

const PERIOD: f64 = 1500.0;

fn case(seed: u64, count: usize) -> Case {
    let mut rng = SmallRng::seed_from_u64(seed);
    let datapath = datapath(&mut rng, count);
    let inputs = datapath.inputs().len();
    Case {
        arrivals: (0..inputs).map(|_| rng.random_range(250.0..900.0)).collect(),
        prices: (0..inputs).map(|_| BIT / rng.random_range(1..6)).collect(),
        datapath,
    }
}

impl Case {
    fn stages(&self, retimed: bool) -> Stages {
        let prices = retimed.then_some(self.prices.as_slice());
        pipeline(&self.datapath, &self.arrivals, PERIOD, &Delays::default(), prices)
            .expect("every cell fits a cycle")
    }

    fn bundles(&self, timing: &Timing<'_>) -> Vec<Bundle> {
        bundles(&self.datapath, &timing.wiring, &self.prices)
    }
}

/// All stages that keep to the clock and to what the outputs of `first` promise.
struct Search<'a> {
    timing: &'a Timing<'a>,
    first: &'a Stages,
    moving: Vec<WireId>,
    bundles: Vec<Bundle>,
    least: u64,
}

impl Search<'_> {
    fn limit(&self, wire: WireId, at: u32) -> f64 {
        let last = at == self.first.output && self.timing.datapath.outputs.contains(&wire);
        match last {
            true if self.first.stage[wire.index()] == at => self.first.ready[wire.index()],
            true => self.timing.delays.clock_to_q,
            false => PERIOD - self.timing.delays.setup,
        }
    }

    fn from(&mut self, n: usize, times: &mut Times) {
        let Some(&wire) = self.moving.get(n) else {
            self.least = self.least.min(registers(&self.bundles, &times.stage, self.first.output));
            return;
        };
        let datapath = self.timing.datapath;
        let known = datapath.cell(wire).operands().into_iter().filter(|&a| datapath.as_const(a).is_none());
        let earliest = known.map(|a| times.stage[a.index()]).max().unwrap_or(0);
        let latest = if datapath.cell(wire).is_wiring() { earliest } else { self.first.output };
        for at in earliest..=latest {
            let settled = self.timing.settle(wire, at, times);
            if settled.ready > self.limit(wire, at) {
                continue;
            }
            times.set(wire, (at, settled.ready, settled.cone));
            self.from(n + 1, times);
        }
    }
}

/// The least that the registers of any stages cost.
fn least(case: &Case, timing: &Timing<'_>, first: &Stages) -> u64 {
    let live = case.datapath.live();
    let inputs = case.datapath.inputs();
    let moves = |wire: &WireId| {
        live[wire.index()] && !inputs.contains(wire) && case.datapath.as_const(*wire).is_none()
    };
    let mut times = Times::new(case.datapath.cells().len());
    for (wire, &arrival) in inputs.iter().zip(&case.arrivals) {
        times.ready[wire.index()] = arrival;
    }
    let moving = case.datapath.wires().filter(moves).collect();
    let mut search = Search { timing, first, moving, bundles: case.bundles(timing), least: u64::MAX };
    search.from(0, &mut times);
    search.least
}

#[test]
fn registers_are_about_as_few_as_can_be() {
    let delays = Delays::default();
    let (mut before, mut after, mut best, mut missed) = (0, 0, 0, 0);
    for seed in 0..60 {
        let case = case(seed, 9);
        let timing = Timing::new(&case.datapath, &delays);
        let bundles = case.bundles(&timing);
        let (first, moved) = (case.stages(false), case.stages(true));
        assert_eq!(moved.output, first.output);
        let cost = |stages: &Stages| registers(&bundles, &stages.stage, stages.output);
        let least = least(&case, &timing, &first);
        assert!((least..=cost(&first)).contains(&cost(&moved)), "seed {seed}");
        missed += usize::from(cost(&moved) > least);
        before += cost(&first);
        after += cost(&moved);
        best += least;
    }
    let bits = |cost: u64| cost as f64 / BIT as f64;
    println!(
        "{:.0} bits, {:.0} moved, {:.0} at the least; {missed} missed",
        bits(before),
        bits(after),
        bits(best)
    );
    assert!(after * 100 <= best * 101 && after * 100 <= before * 97);
}

#[test]
fn what_is_moved_is_in_time() {
    let delays = Delays::default();
    for seed in 0..60 {
        let case = case(1000 + seed, 60);
        let timing = Timing::new(&case.datapath, &delays);
        let (first, moved) = (case.stages(false), case.stages(true));
        let mut times = Times::new(case.datapath.cells().len());
        let live = case.datapath.live();
        for wire in case.datapath.wires().filter(|wire| live[wire.index()]) {
            let n = wire.index();
            let input = case.datapath.inputs().iter().position(|&input| input == wire);
            times.stage[n] = moved.stage[n];
            if let Some(input) = input {
                times.ready[n] = case.arrivals[input];
                continue;
            }
            let changing = |a: &WireId| case.datapath.as_const(*a).is_none();
            for a in case.datapath.cell(wire).operands().into_iter().filter(changing) {
                assert!(moved.stage[a.index()] <= moved.stage[n], "seed {seed}");
            }
            let settled = timing.settle(wire, moved.stage[n], &times);
            assert!(settled.ready <= PERIOD - delays.setup, "seed {seed}");
            times.ready[n] = settled.ready;
            times.cones[n] = settled.cone;
        }
        for &output in &case.datapath.outputs {
            let when = |stages: &Stages, ready: f64| match stages.stage[output.index()] == stages.output {
                true => ready,
                false => delays.clock_to_q,
            };
            let (before, after) = (first.ready[output.index()], times.ready[output.index()]);
            assert!(when(&moved, after) <= when(&first, before), "seed {seed}");
        }
    }
}
