//! Constant tables.

use askama::Template;
use nn2hdl_runtime::{Interval, Program, TableId};

use super::clean;
use super::types::{Type, native, number};
use crate::netlist::name::Names;

const COLUMNS: usize = 110;

/// Names of everything at file scope: the program's tables, tables that kernels need besides, functions.
pub(super) struct Tables {
    /// For each table of the program its name.
    named: Vec<String>,
    used: Vec<bool>,
    added: Vec<(String, Vec<i64>)>,
    /// Names taken at file scope.
    pub names: Names,
}

/// What `weights.h` substitutes.
#[derive(Template)]
#[template(path = "weights.h")]
struct WeightsView {
    guard: String,
    namespace: String,
    tables: Vec<TableView>,
}

struct TableView {
    doc: String,
    name: String,
    bits: String,
    storage: &'static str,
    length: usize,
    lines: Vec<String>,
}

impl Tables {
    /// Names every table of `program`; `names` are those taken already.
    pub fn new(program: &Program, mut names: Names) -> Self {
        let named: Vec<String> = program.tables.iter().map(|table| names.claim(&table.name)).collect();
        let used = vec![false; named.len()];
        Self { named, used, added: Vec::new(), names }
    }

    /// The name that a table has if it is used.
    pub fn name_of(&self, id: TableId) -> &str {
        &self.named[id.index()]
    }

    /// The name of a table, which is thereby used.
    pub fn name(&mut self, id: TableId) -> &str {
        self.used[id.index()] = true;
        &self.named[id.index()]
    }

    /// Adds a table unless an equal one was added; its name.
    pub fn add(&mut self, name: &str, data: Vec<i64>) -> String {
        if let Some((known, _)) = self.added.iter().find(|(_, known)| *known == data) {
            return known.clone();
        }
        let name = self.names.claim(&format!("table_{name}"));
        self.added.push((name.clone(), data));
        name
    }

    /// The file that holds every table used.
    pub fn print(&self, program: &Program, top: &str, namespace: &str) -> String {
        let own = program.tables.iter().zip(&self.named).zip(&self.used).filter(|(_, used)| **used);
        let own = own.map(|((table, name), _)| view(&table.name, name, &table.data));
        let added = self.added.iter().map(|(name, data)| view("before the first point", name, data));
        let guard = format!("{}_WEIGHTS_H", top.to_uppercase());
        let view = WeightsView { guard, namespace: namespace.to_owned(), tables: own.chain(added).collect() };
        view.render().expect("a template that only substitutes cannot fail") + "\n"
    }
}

fn view(origin: &str, name: &str, data: &[i64]) -> TableView {
    let range = data.iter().map(|&entry| Interval::point(entry.into())).reduce(Interval::join);
    let range = range.unwrap_or(Interval::point(0));
    let mut lines = vec![String::new()];
    for &entry in data {
        let text = number(entry);
        let mut line = lines.pop().unwrap_or_default();
        if !line.is_empty() && line.len() + text.len() + 2 > COLUMNS {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&text);
        line.push(',');
        lines.push(line);
    }
    TableView {
        doc: clean(origin),
        name: name.to_owned(),
        bits: Type::of(range).name(),
        storage: native(range),
        length: data.len(),
        lines,
    }
}
