//! Names that were meant.

/// The number of insertions, deletions, replacements and swaps of neighbours between two names.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows.iter_mut().enumerate().for_each(|(i, row)| row[0] = i);
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// The nearest of `known` to `name`, if one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let short: String = name.chars().take(64).collect();
    let ranked = known.into_iter().map(|other| (distance(&short, other), other)).min()?;
    (ranked.0 <= 1 + short.chars().count() / 3).then_some(ranked.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood() {
        assert_eq!(nearest("moun-window", ["muon-window", "tracer-conv"]), Some("muon-window"));
        assert_eq!(nearest("clock_mhz", ["clock-mhz", "ii"]), Some("clock-mhz"));
        assert_eq!(nearest("xyz", ["muon-window"]), None);
    }
}
