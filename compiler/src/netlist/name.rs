//! Legal, unique names.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Names given so far, compared without case.
#[derive(Clone, Debug, Default)]
pub struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// A legal name like `text` that nobody has yet: letters, digits and single underscores, at most 200 of them.
    pub fn claim(&mut self, text: &str) -> String {
        let mut name = String::new();
        for c in text.chars() {
            match c {
                c if c.is_ascii_alphanumeric() => name.push(c),
                _ if name.is_empty() || name.ends_with('_') => {}
                _ => name.push('_'),
            }
        }
        name.truncate(200);
        name.truncate(name.trim_end_matches('_').len());
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name.insert(0, 'n');
        }
        let mut unique = name.clone();
        let mut number = 1;
        while is_reserved(&unique) || !self.taken.insert(unique.to_lowercase()) {
            number += 1;
            unique = format!("{name}_{number}");
        }
        unique
    }

    /// Takes `name` as it is; whether nobody had it and it is legal.
    pub fn reserve(&mut self, name: &str) -> bool {
        is_legal(name) && self.taken.insert(name.to_lowercase())
    }
}

/// Whether `name` can be written in Verilog and in the C++ that Verilator makes of it.
pub fn is_legal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.contains("__")
        && !is_reserved(name)
}

fn is_reserved(name: &str) -> bool {
    /// Words of Verilog, SystemVerilog, VHDL and C++, in lower case.
    static RESERVED: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| include_str!("reserved.txt").split_ascii_whitespace().collect());
    RESERVED.contains(name.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_and_unique() {
        let mut names = Names::default();
        for (text, name) in [
            ("/layers.0/MatMul", "layers_0_MatMul"),
            ("layers 0 matmul", "layers_0_matmul_2"),
            ("reg", "reg_2"),
            ("Class", "Class_2"),
            ("3d", "n3d"),
            ("", "n"),
            ("__", "n_2"),
            ("größe", "gr_e"),
            ("x_", "x"),
        ] {
            assert_eq!(names.claim(text), name, "{text}");
            assert!(is_legal(name));
        }
        assert!(!names.reserve("X") && !names.reserve("wire") && !names.reserve("a b") && names.reserve("y"));
    }
}
