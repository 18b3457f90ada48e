//! Reads named signals out of a waveform, clock cycle by clock cycle.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use vcd::{Command, IdCode, Parser, Scope, ScopeItem, Value, Var};

use crate::Error;

/// Selected signals of a VCD file. It is read as a stream: memory holds one cycle.
pub struct Waveform<R: BufRead> {
    parser: Parser<R>,
    clock: IdCode,
    clock_high: Option<bool>,
    signals: Vec<Signal>,
    places: BTreeMap<IdCode, Vec<usize>>,
    values: Vec<Vec<u32>>,
    changes: Vec<(usize, Vec<u32>)>,
}

/// A signal that was selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its path below the top module, e.g. `sum` or `layer1.out`.
    pub name: String,
    /// Its width in bits.
    pub width: u32,
}

impl Waveform<BufReader<File>> {
    /// Opens a file that a [`crate::Model`] wrote; the arguments are those of [`Waveform::new`].
    pub fn open(path: &Path, top: &str, clock: &str, names: &[&str]) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::file(path))?;
        Self::new(BufReader::new(file), top, clock, names)
    }
}

impl<R: BufRead> Waveform<R> {
    /// Selects signals by their paths below the module `top`, and the clock that tells the cycles apart.
    pub fn new(reader: R, top: &str, clock: &str, names: &[&str]) -> Result<Self, Error> {
        let mut parser = Parser::new(reader);
        let header = parser.parse_header().map_err(unreadable)?;
        let Some(scope) = find_scope(&header.items, top) else {
            return Err(malformed(format!("there is no module `{top}`")));
        };
        let clock = find_variable(scope, clock)?.code;
        let mut signals = Vec::new();
        let mut places: BTreeMap<IdCode, Vec<usize>> = BTreeMap::new();
        for (place, name) in names.iter().enumerate() {
            let variable = find_variable(scope, name)?;
            signals.push(Signal { name: (*name).to_owned(), width: variable.size });
            places.entry(variable.code).or_default().push(place);
        }
        let values = signals.iter().map(|signal| vec![0; signal.width.div_ceil(32) as usize]).collect();
        Ok(Self { parser, clock, clock_high: None, signals, places, values, changes: Vec::new() })
    }

    /// The selected signals, in the order of the names that were given.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The words of each signal just before the next rising edge of the clock, low word first; `None` at the end.
    ///
    /// The *n*-th call gives what row *n* of [`crate::Model::run`] would show if the signals were outputs.
    pub fn next_cycle(&mut self) -> Result<Option<&[Vec<u32>]>, Error> {
        self.apply_changes();
        let mut rose = false;
        loop {
            match self.parser.next().transpose().map_err(unreadable)? {
                None if rose => return Ok(Some(&self.values)),
                None => return Ok(None),
                Some(Command::Timestamp(_)) if rose => return Ok(Some(&self.values)),
                Some(Command::Timestamp(_)) => self.apply_changes(),
                Some(Command::ChangeScalar(code, value)) => rose |= self.change(code, &[value])?,
                Some(Command::ChangeVector(code, value)) => {
                    let bits: Vec<Value> = value.iter().collect();
                    rose |= self.change(code, &bits)?;
                }
                Some(_) => {}
            }
        }
    }

    fn apply_changes(&mut self) {
        for (place, words) in self.changes.drain(..) {
            self.values[place] = words;
        }
    }

    /// Notes a change, to be seen from the next time on; says whether it is a rise of the clock.
    fn change(&mut self, code: IdCode, bits: &[Value]) -> Result<bool, Error> {
        let mut rose = false;
        if code == self.clock {
            let high = bits.last() == Some(&Value::V1);
            rose = high && self.clock_high == Some(false);
            self.clock_high = Some(high);
        }
        for &place in self.places.get(&code).into_iter().flatten() {
            let words = to_words(bits, &self.signals[place])?;
            self.changes.push((place, words));
        }
        Ok(rose)
    }
}

fn to_words(bits: &[Value], signal: &Signal) -> Result<Vec<u32>, Error> {
    let mut words = vec![0; signal.width.div_ceil(32) as usize];
    for (index, bit) in bits.iter().rev().take(signal.width as usize).enumerate() {
        match bit {
            Value::V0 => {}
            Value::V1 => words[index / 32] |= 1 << (index % 32),
            Value::X | Value::Z => return Err(malformed(format!("`{}` has unknown bits", signal.name))),
        }
    }
    Ok(words)
}

fn find_scope<'a>(items: &'a [ScopeItem], name: &str) -> Option<&'a Scope> {
    let scopes = items.iter().filter_map(|item| match item {
        ScopeItem::Scope(scope) => Some(scope),
        _ => None,
    });
    scopes.clone().find(|scope| scope.identifier == name).or_else(|| {
        let mut inner = scopes;
        inner.find_map(|scope| find_scope(&scope.items, name))
    })
}

fn find_variable<'a>(scope: &'a Scope, path: &str) -> Result<&'a Var, Error> {
    let missing =
        || malformed(format!("there is no signal `{path}` in `{}` at the traced depth", scope.identifier));
    let mut names: Vec<&str> = path.split('.').collect();
    let name = names.pop().ok_or_else(missing)?;
    let mut inner = scope;
    for module in names {
        inner = child(inner, module).ok_or_else(missing)?;
    }
    let variables = inner.items.iter().filter_map(|item| match item {
        ScopeItem::Var(variable) => Some(variable),
        _ => None,
    });
    variables.into_iter().find(|variable| variable.reference == name).ok_or_else(missing)
}

fn child<'a>(scope: &'a Scope, name: &str) -> Option<&'a Scope> {
    scope.items.iter().find_map(|item| match item {
        ScopeItem::Scope(inner) if inner.identifier == name => Some(inner),
        _ => None,
    })
}

fn unreadable(error: std::io::Error) -> Error {
    malformed(error.to_string())
}

fn malformed(reason: String) -> Error {
    Error::Waveform { reason }
}
