//! `Einsum`.

use std::sync::Arc;

use super::contraction::{Labels, Plan};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y[o…] = Σ Π_t x_t[l…]` over the labels that the equation's right side `o…` does not name, for one or two operands.
///
/// `...` stands for axes that are broadcast. Without a right side, it is `...` and the labels that occur once, in
/// alphabetical order. A label that is repeated within an operand takes the diagonal.
#[derive(Clone, Debug)]
pub struct Einsum {
    /// The equation.
    pub equation: String,
}

pub(super) const ENTRY: Entry = Entry { name: "Einsum", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let equation: &str = import.attributes.required("equation")?;
    Ok(Arc::new(Einsum { equation: equation.to_owned() }))
}

/// The number of a letter.
fn letter(symbol: char) -> Option<usize> {
    ('A'..='Z').chain('a'..='z').position(|known| known == symbol)
}

/// How many letters there are; the axes of `...` are numbered after them, from the last one on.
const LETTERS: usize = 52;

impl Einsum {
    fn fault(&self, text: &str) -> Fault {
        Fault::unsupported(
            format!("the equation `{}` {text}", self.equation.chars().take(100).collect::<String>()),
            "write one or two operands of letters and `...`, and a result that names none of them twice",
        )
    }

    /// The labels of one side's term; `hidden` axes stand behind `...`.
    fn term(&self, text: &str, hidden: usize) -> Result<Vec<usize>, Fault> {
        let mut labels = Vec::new();
        let parts: Vec<&str> = text.split("...").collect();
        if parts.len() > 2 {
            return Err(self.fault("has two ellipses in one term"));
        }
        for (n, part) in parts.iter().enumerate() {
            if n == 1 {
                labels.extend((0..hidden).rev().map(|axis| LETTERS + axis));
            }
            for symbol in part.chars() {
                labels.push(letter(symbol).ok_or_else(|| self.fault("has a label that is no letter"))?);
            }
        }
        Ok(labels)
    }

    fn plan(&self, shapes: &[&[usize]]) -> Result<Plan, Fault> {
        let text: String = self.equation.chars().filter(|symbol| !symbol.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text.as_str(), None),
        };
        let parts: Vec<&str> = left.split(',').collect();
        if parts.len() != shapes.len() {
            return Err(self.fault(&format!("does not name {} operands", shapes.len())));
        }
        if parts.len() > 2 {
            return Err(self.fault("has more than two operands"));
        }
        let mut terms = Vec::new();
        let mut most = 0;
        for (part, shape) in parts.iter().zip(shapes) {
            let named = self.term(part, 0)?.len();
            let hidden = shape.len().checked_sub(named).filter(|&n| n == 0 || part.contains("..."));
            let hidden = hidden.ok_or_else(|| Fault::shape(format!("{shape:?} does not fit `{part}`")))?;
            most = most.max(hidden);
            terms.push(self.term(part, hidden)?);
        }
        let out = match right {
            Some(right) => self.term(right, most)?,
            None => {
                let once =
                    |&label: &usize| terms.iter().flatten().filter(|&&known| known == label).count() == 1;
                (0..most).rev().map(|axis| LETTERS + axis).chain((0..LETTERS).filter(once)).collect()
            }
        };
        let known = |label: &usize| terms.iter().any(|term| term.contains(label));
        let twice = (1..out.len()).any(|n| out[..n].contains(&out[n]));
        if twice || !out.iter().all(known) {
            return Err(self.fault("has a result that repeats a label, or has one that no operand has"));
        }
        Labels { terms, out, count: LETTERS + most }.plan(shapes)
    }
}

impl Operator for Einsum {
    fn name(&self) -> &'static str {
        "Einsum"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let shapes: Vec<&[usize]> = inputs.iter().flatten().map(|known| known.shape).collect();
        Ok(vec![self.plan(&shapes)?.shape()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let operands: Vec<Quantity> = inputs.iter().flatten().cloned().collect();
        let shapes: Vec<&[usize]> = operands.iter().map(|operand| operand.shape.as_slice()).collect();
        Ok(vec![self.plan(&shapes)?.define(lower, &operands)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let operands: Vec<&Tensor> = inputs.iter().flatten().copied().collect();
        let shapes: Vec<&[usize]> = operands.iter().map(|operand| operand.shape.as_slice()).collect();
        Ok(vec![self.plan(&shapes)?.reference(&operands)])
    }

    fn role(&self) -> Role {
        Role::Product
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let einsum = |equation: &str| Einsum { equation: equation.to_owned() };
    let alone = |equation: &str, shape: &[usize]| {
        sample(&["fixed<5,2>"], |graph| {
            let x = graph.input("x", shape);
            let y = graph.add("y", einsum(equation), &[x]);
            graph.output(y);
        })
    };
    let two = |equation: &str, a: &[usize], b: &[usize]| {
        sample(&["fixed<4,2>", "fixed<4,1>"], |graph| {
            let (a, b) = (graph.input("a", a), graph.input("b", b));
            let y = graph.add("y", einsum(equation), &[a, b]);
            graph.output(y);
        })
    };
    let w = dice.tensor(&[3, 2, 2], 4, 2);
    let constant = sample(&["fixed<5,2>"], |graph| {
        let x = graph.input("x", &[1, 2, 3]);
        let w = graph.constant("w", w);
        let y = graph.add("y", einsum("bti,ihd -> bhtd"), &[x, w]);
        graph.output(y);
    });
    vec![
        alone("ajii", &[1, 2, 3, 3]),
        alone("a...b->a...", &[1, 2, 3]),
        constant,
        two("bhid,bhjd->bhij", &[1, 2, 2, 3], &[1, 2, 2, 3]),
        two("n...k,nk->n...", &[1, 2, 3], &[1, 3]),
        two("bi,bj->bij", &[1, 2], &[1, 3]),
    ]
}
