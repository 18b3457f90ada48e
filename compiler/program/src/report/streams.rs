//! How the layers of a streamed network move, and what waits for what.

use nn2hdl_compiler::artifact::Report;
use nn2hdl_compiler::netlist::explain::{Movement, Waiting};

use super::{Section, Table};
use crate::output::grouped;

/// The section; `None` if a frame is one beat.
pub fn streams(report: &Report) -> Option<Section> {
    if report.schedule.is_empty() {
        return None;
    }
    let head = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
    let mut section = Section::new("Streams");
    section.texts.push(
        "Each layer has one engine for each of its lanes, which its positions share: as few lanes as the time between what \
         it reads allows. All distances in time are constants, so that nothing waits for a free place, and a memory's depth \
         is the distance that it bridges."
            .into(),
    );
    let mut rows =
        vec![head(&["layer", "lanes", "cycles between", "uses per frame", "lanes delivered", "why"])];
    rows.extend(report.schedule.iter().map(|movement| {
        let Movement { name, lanes, interval, reuse, delivered, reason } = movement;
        let between = if *interval == 0 { "–".into() } else { grouped(*interval as u64) };
        vec![
            name.clone(),
            grouped(*lanes as u64),
            between,
            grouped(*reuse as u64),
            grouped(*delivered as u64),
            reason.clone(),
        ]
    }));
    section.tables.push(Table::prose("", rows));
    let mut rows = vec![head(&["delayed", "bits", "depth in cycles", "memories", "bits in all"])];
    rows.extend(report.delays.iter().map(|Waiting { from, bits, depth, count }| {
        let all = u64::from(*bits) * u64::from(*depth) * *count as u64;
        vec![from.clone(), bits.to_string(), grouped((*depth).into()), grouped(*count as u64), grouped(all)]
    }));
    if report.delays.is_empty() {
        section.texts.push("Everything that waits does so in registers.".into());
    } else {
        section.tables.push(Table::new("Memories between layers", rows));
    }
    Some(section)
}
