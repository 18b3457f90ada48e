//! What was measured on the user's frames, in the report of `compile`.

use super::{Section, Table, page};
use crate::failure::Failure;

const TITLE: &str = "Ranges on your data";
/// The section that follows.
const NEXT: &str = "<h2>Ports</h2>";

/// The report `page` with `text` and a table, whose first row is the head, in place of any earlier ones; `None` if it is
/// not a report of this version.
pub fn measured(page: &str, text: String, rows: Vec<Vec<String>>) -> Option<Result<String, Failure>> {
    let (before, after) = page.split_at(page.find(NEXT)?);
    let before = before.find(&heading()).map_or(before, |earlier| &before[..earlier]);
    Some(section(text, rows).map(|section| format!("{before}{section}{after}")))
}

fn heading() -> String {
    format!("<h2>{TITLE}</h2>")
}

/// The section alone, as it stands in a page.
fn section(text: String, rows: Vec<Vec<String>>) -> Result<String, Failure> {
    let mut section = Section::new(TITLE);
    section.texts.push(text);
    section.tables.push(Table::new("", rows));
    let whole = page("", vec![section])?;
    let begin = whole.find(&heading()).unwrap_or_default();
    let end = whole.rfind("</body>").unwrap_or(whole.len());
    Ok(whole[begin..end].to_owned())
}
