//! Engines take turns, so that what else the machine does hits all alike.

use super::engine::{Ask, Burst, Engine};
use super::record::{self, Latency, Point, median};

/// Times that the engines take turns.
pub const ROUNDS: u32 = 3;
/// A buffer that is expected to take longer than so many times the seconds of its point is left out.
const PATIENCE: f64 = 4.0;
/// The longest reason that is kept.
const LONGEST: usize = 200;

/// An engine and what was found so far.
pub struct Contender {
    about: record::Engine,
    engine: Option<Box<dyn Engine>>,
    /// Seconds of one image alone.
    single: f64,
    sizes: Vec<Tally>,
    durations: Vec<f64>,
}

#[derive(Clone, Default)]
struct Tally {
    rates: Vec<f64>,
    spent: f64,
    skipped: Option<String>,
}

impl Contender {
    /// An engine; one that cannot run has a reason in `about` instead.
    pub fn new(about: record::Engine, engine: Option<Box<dyn Engine>>) -> Self {
        Self { about, engine, single: 0.0, sizes: Vec::new(), durations: Vec::new() }
    }

    /// Seconds that a buffer of size number `at` is expected to take: from the nearest size below that was measured.
    fn expected(&self, sizes: &[u32], at: usize) -> f64 {
        let measured = self.sizes[..=at].iter().rev().find_map(|tally| median(tally.rates.clone()));
        f64::from(sizes[at]) * measured.map_or(self.single, |rate| 1.0 / rate)
    }

    fn turn(&mut self, sizes: &[u32], at: usize, seconds: f64) {
        let expected = self.expected(sizes, at);
        let Some(engine) = &mut self.engine else { return };
        let tally = &mut self.sizes[at];
        if tally.skipped.is_some() || tally.spent >= seconds {
            return;
        }
        if sizes[at] > 1 && expected > PATIENCE * seconds && tally.rates.is_empty() {
            let message = format!(
                "a buffer would take about {} s, more than {PATIENCE} × {seconds} s",
                short(expected)
            );
            tally.skipped = Some(message);
            return;
        }
        let share = seconds / f64::from(ROUNDS);
        match engine.burst(Ask { size: sizes[at] as usize, seconds: share, warm: expected < share / 2.0 }) {
            Ok(Burst { images, seconds, durations }) => {
                tally.rates.push(images as f64 / seconds);
                tally.spent += seconds;
                self.durations.extend(durations);
            }
            Err(message) => tally.skipped = Some(line(&message)),
        }
    }

    fn finish(self, sizes: &[u32]) -> record::Engine {
        let mut about = self.about;
        if self.engine.is_some() {
            about.latency = Latency::of(self.durations);
            let point = |(&size, Tally { rates, skipped, .. }): (&u32, Tally)| Point {
                size,
                images_per_second: median(rates.clone()),
                rounds: rates,
                skipped,
            };
            about.points = sizes.iter().zip(self.sizes).map(point).collect();
        }
        about
    }
}

/// Measures every engine at every size, which ascend, for about `seconds` each, in [`ROUNDS`] rounds.
pub fn measure(
    mut contenders: Vec<Contender>,
    sizes: &[u32],
    seconds: f64,
    say: &mut dyn FnMut(&str, usize, usize),
) -> Vec<record::Engine> {
    let total = ROUNDS as usize * sizes.len() * contenders.len();
    for contender in &mut contenders {
        say(&format!("{}, a first image", contender.about.name), 0, total);
        contender.sizes = vec![Tally::default(); sizes.len()];
        let first = Ask { size: 1, seconds: 0.0, warm: true };
        match contender.engine.as_mut().map(|engine| engine.burst(first)) {
            Some(Ok(burst)) => contender.single = burst.seconds / burst.images as f64,
            Some(Err(message)) => {
                contender.engine = None;
                contender.about.unavailable = Some(line(&message));
            }
            None => {}
        }
    }
    let mut done = 0;
    for _ in 0..ROUNDS {
        for at in 0..sizes.len() {
            for contender in &mut contenders {
                say(&format!("{}, buffers of {}", contender.about.name, sizes[at]), done, total);
                contender.turn(sizes, at, seconds);
                done += 1;
            }
        }
    }
    contenders.into_iter().map(|contender| contender.finish(sizes)).collect()
}

/// The first line of a message, if need be cut.
pub fn line(message: &str) -> String {
    let first = message.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim();
    match first.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &first[..end]),
        None => first.into(),
    }
}

/// Two significant digits.
fn short(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::commands::bench::record::Timing;

    /// One second for each image, and a memory of what was asked; refuses buffers of `refused`.
    struct Clockwork {
        asked: Rc<RefCell<Vec<(char, usize)>>>,
        name: char,
        refused: usize,
    }

    impl Engine for Clockwork {
        fn burst(&mut self, ask: Ask) -> Result<Burst, String> {
            self.asked.borrow_mut().push((self.name, ask.size));
            if ask.size == self.refused {
                return Err("\nno such size\nmore".into());
            }
            let durations = if ask.size == 1 { vec![1.0] } else { Vec::new() };
            Ok(Burst { images: ask.size as u64, seconds: ask.size as f64, durations })
        }
    }

    fn about(name: char) -> record::Engine {
        record::Engine {
            name: name.into(),
            software: String::new(),
            threads: None,
            timing: Timing::Measured,
            notes: Vec::new(),
            unavailable: None,
            latency: None,
            points: Vec::new(),
            origin: None,
        }
    }

    #[test]
    fn engines_take_turns_within_their_time() {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let contender = |name, refused| {
            let engine = Clockwork { asked: Rc::clone(&asked), name, refused };
            Contender::new(about(name), Some(Box::new(engine)))
        };
        let contenders = vec![contender('a', 0), contender('b', 2), contender('c', 1)];
        let engines = measure(contenders, &[1, 2, 8, 64], 3.0, &mut |_, _, _| {});
        let asked = asked.borrow();
        // A first image of each, then turns; a point whose seconds are spent has no further one, 64 images never do.
        let first: Vec<(char, usize)> = "abc".chars().map(|name| (name, 1)).collect();
        let turns = [
            ('a', 1),
            ('b', 1),
            ('a', 2),
            ('b', 2),
            ('a', 8),
            ('b', 8),
            ('a', 1),
            ('b', 1),
            ('a', 2),
            ('a', 1),
            ('b', 1),
        ];
        assert_eq!(asked.as_slice(), [first.as_slice(), &turns].concat());
        let [a, b, c] = engines.try_into().unwrap();
        assert_eq!(a.points.iter().map(|point| point.rounds.len()).collect::<Vec<_>>(), [3, 2, 1, 0]);
        assert_eq!((a.rate(8), a.rate(64), a.latency.unwrap().count), (Some(1.0), None, 3));
        assert!(a.points[3].skipped.as_ref().unwrap().contains("about 64 s"), "{:?}", a.points[3]);
        assert_eq!(b.points[1].skipped.as_deref(), Some("no such size"));
        assert!(c.points.is_empty() && c.unavailable.as_deref() == Some("no such size"));
    }

    #[test]
    fn reasons_are_one_short_line() {
        assert_eq!(line(" \n  first\nsecond"), "first");
        assert_eq!(line(""), "no reason given");
        assert!(line(&"ä".repeat(500)).chars().count() < 210);
    }
}
