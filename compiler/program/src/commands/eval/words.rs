//! Tables for people.

use nn2hdl_muon::metrics::evaluate::{At, EqualFakes, Evaluation, Figures};
use nn2hdl_muon::metrics::{Bins, Proportion};

use crate::output::{grouped, table};

/// `98.31 (97.90–98.63)`, in %.
pub fn percent(p: &Proportion) -> String {
    if p.total == 0 {
        return "–".into();
    }
    format!("{:.2} ({:.2}–{:.2})", 100.0 * p.value, 100.0 * p.low, 100.0 * p.high)
}

/// A probability, its exponent where that is short.
fn probability(p: f64) -> String {
    if p < 1e-3 { format!("{p:.1e}") } else { format!("{p:.3}") }
}

/// `5.0–6.7`.
pub fn range(bins: &Bins, n: usize) -> String {
    let (low, high) = bins.range(n);
    format!("{low:.1}–{high:.1}")
}

/// The conditions in their order.
pub fn conditions(evaluation: &Evaluation) -> Vec<&str> {
    let mut names: Vec<&str> = evaluation.figures.iter().map(|figures| figures.condition.as_str()).collect();
    names.dedup();
    names
}

/// The figures of a condition, by scorer.
pub fn of<'a>(evaluation: &'a Evaluation, condition: &str) -> Vec<&'a Figures> {
    evaluation.figures.iter().filter(|figures| figures.condition == condition).collect()
}

/// Everything.
pub fn words(evaluation: &Evaluation) -> String {
    let mut text = String::from("samples\n");
    text.push_str(&table(&samples(evaluation)));
    for condition in conditions(evaluation) {
        text.push_str(&format!("\n{condition}: efficiency and fakes, in % with 68.3 % intervals\n"));
        text.push_str(&table(&summary(evaluation, condition)));
        text.push_str(&format!("\n{condition}: efficiency by p_T, in %\n"));
        text.push_str(&table(&efficiencies(evaluation, condition)));
    }
    for equal in &evaluation.equal_fakes {
        text.push_str(&equal_fakes(evaluation, equal));
    }
    text
}

fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Every sample.
pub fn samples(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let title = ["", "for", "from", "seed", "events", "muons", "muon-free", "hits per event"];
    let mut rows = vec![cells(title)];
    rows.extend(evaluation.samples.iter().map(|used| {
        vec![
            used.condition.clone(),
            used.purpose.into(),
            used.described.origin.clone(),
            used.described.seed.to_string(),
            grouped(used.described.events),
            grouped(used.muons),
            grouped(used.muon_free),
            format!("{:.1}", used.hits_per_event),
        ]
    }));
    rows
}

/// One line for each scorer and threshold.
pub fn summary(evaluation: &Evaluation, condition: &str) -> Vec<Vec<String>> {
    let mut rows = vec![cells(["", "threshold", "efficiency", "fakes", "fakes / kHz", "area of ROC"])];
    let row = |name: String, at: &At, threshold: String, area: String| {
        vec![
            name,
            threshold,
            percent(&at.efficiency),
            percent(&at.fake_rate),
            format!("{:.1}", at.fake_khz),
            area,
        ]
    };
    for figures in of(evaluation, condition) {
        let name = &evaluation.scorers[figures.scorer].name;
        let threshold = figures.chosen.threshold.to_string();
        rows.push(row(name.clone(), &figures.chosen, threshold, format!("{:.5}", figures.roc_area)));
        if let Some(at) = &figures.shipped {
            let threshold = at.threshold.to_string();
            rows.push(row(format!("{name}, as shipped"), at, threshold, String::new()));
        }
    }
    let number = conditions(evaluation).iter().position(|name| *name == condition);
    if let Some(at) = number.and_then(|number| evaluation.every_hit.get(number)) {
        rows.push(row("every hit marked".into(), at, String::new(), String::new()));
    }
    rows
}

/// Efficiencies: bins down, scorers across.
pub fn efficiencies(evaluation: &Evaluation, condition: &str) -> Vec<Vec<String>> {
    let figures = of(evaluation, condition);
    let mut title = cells(["p_T / GeV"]);
    title.extend(figures.iter().map(|figures| evaluation.scorers[figures.scorer].name.clone()));
    let mut rows = vec![title];
    for n in 0..evaluation.bins.len() {
        let values = figures.iter().map(|figures| percent(&figures.chosen.by_pt[n]));
        rows.push(std::iter::once(range(&evaluation.bins, n)).chain(values).collect());
    }
    rows
}

/// One comparison at equal fakes.
pub fn equal_fakes(evaluation: &Evaluation, equal: &EqualFakes) -> String {
    let [name, baseline] = [equal.scorer, equal.baseline].map(|n| evaluation.scorers[n].name.as_str());
    let chosen = &equal.chosen;
    let mut text = format!(
        "\n{}: {name} with no more fakes than {baseline}: threshold {}, {} of {} calibration images against {}\n  \
         on the test sample: fakes {} % against {} %\n",
        equal.condition,
        equal.at.threshold,
        chosen.fakes,
        chosen.images,
        chosen.allowed,
        percent(&equal.at.fake_rate),
        percent(&equal.baseline_at.fake_rate),
    );
    text.push_str(&table(&paired(evaluation, equal)));
    text
}

/// The same muons seen by both, by p_T.
pub fn paired(evaluation: &Evaluation, equal: &EqualFakes) -> Vec<Vec<String>> {
    let title =
        ["p_T / GeV", "network", "road finder", "difference", "only network", "only road finder", "p-value"];
    let mut rows = vec![cells(title)];
    for (n, bin) in equal.by_pt.iter().enumerate() {
        rows.push(vec![
            range(&evaluation.bins, n),
            percent(&equal.at.by_pt[n]),
            percent(&equal.baseline_at.by_pt[n]),
            format!("{:+.2} ± {:.2}", 100.0 * bin.difference, 100.0 * bin.error),
            bin.paired.first_only.to_string(),
            bin.paired.second_only.to_string(),
            probability(bin.p_value),
        ]);
    }
    let (difference, error) = equal.paired.difference();
    rows.push(vec![
        "all".into(),
        percent(&equal.at.efficiency),
        percent(&equal.baseline_at.efficiency),
        format!("{:+.2} ± {:.2}", 100.0 * difference, 100.0 * error),
        equal.paired.first_only.to_string(),
        equal.paired.second_only.to_string(),
        probability(equal.paired.p_value()),
    ]);
    rows
}
