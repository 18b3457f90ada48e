//! What is printed: one JSON object or words for people, and progress.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nn2hdl_compiler::diagnostic::Diagnostic;
use serde::Serialize;

use crate::failure::Failure;

/// Where results go. A reader that has gone away is no error.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

#[derive(Serialize)]
struct ErrorReport<'a> {
    schema: &'static str,
    file: Option<&'a str>,
    problems: &'a [Diagnostic],
}

impl Output {
    /// JSON or words.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the result: `value` on stdout as JSON, or `words`.
    pub fn result<T: Serialize>(self, value: &T, words: &str) {
        if self.json {
            let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| "{}".into());
            let _ = writeln!(io::stdout(), "{text}");
        } else {
            let _ = write!(io::stdout(), "{words}");
        }
    }

    /// Prints words, unless JSON was asked for.
    pub fn words(self, words: &str) {
        if !self.json {
            let _ = write!(io::stdout(), "{words}");
        }
    }

    /// Prints a failure for people on stderr, and for programs on stdout.
    pub fn failure(self, failure: &Failure) {
        let _ = write!(io::stderr(), "{}", describe(failure.file.as_deref(), &failure.problems));
        self.failure_json(failure);
    }

    /// Prints a failure on stdout if JSON was asked for.
    pub fn failure_json(self, failure: &Failure) {
        if self.json {
            let Failure { file, problems, .. } = failure;
            self.result(&ErrorReport { schema: "nn2hdl.error/1", file: file.as_deref(), problems }, "");
        }
    }

    /// A remark on stderr.
    pub fn remark(self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Problems as people read them.
pub fn describe(file: Option<&str>, problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for Diagnostic { code, node, message, help } in problems {
        let place: String = [file, Some(node.as_str())]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .fold(String::new(), |mut place, part| {
                place.push_str(part);
                place.push_str(": ");
                place
            });
        text.push_str(&format!("error[{code}]: {place}{message}\n"));
        if !help.is_empty() {
            text.push_str(&format!("  help: {help}\n"));
        }
    }
    text
}

/// A bar on stderr, for people, once the work has taken a second.
pub struct Progress {
    begun: Instant,
    bar: ProgressBar,
}

impl Progress {
    /// Work begins.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:20} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { begun: Instant::now(), bar }
    }

    /// Says what is being done, and how much of it is done; `total` 0 if that is not known.
    pub fn say(&self, what: &str, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(what.to_owned());
        self.tick();
    }

    /// The same is still being done.
    pub fn tick(&self) {
        if self.bar.is_hidden()
            && self.begun.elapsed() >= Duration::from_secs(1)
            && io::stderr().is_terminal()
        {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Columns of text, aligned; the first to the left, others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let padded = if column == 0 { format!(" {cell:<width$}") } else { format!("  {cell:>width$}") };
            line.push_str(&padded);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A count with commas between thousands.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "10".into()], vec!["bcd".to_owned(), "2".into()]];
        assert_eq!(table(&rows), "  a    10\n  bcd   2\n");
    }
}
