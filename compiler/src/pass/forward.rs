//! Copies disappear into the index maps of their readers.

use nn2hdl_runtime::{Access, Block, Index, Kernel, Program, Read, Step};

/// `b[p] = a[f(p)]; c[p] = … b[g(p, r)] …` becomes `c[p] = … a[f(g(p, r))] …`.
pub fn forward(program: &mut Program) {
    for block in &mut program.blocks {
        let mut copies: Vec<Option<Read>> = vec![None; block.values.len()];
        for number in 0..block.steps.len() {
            let Step::Kernel(kernel) = &block.steps[number] else { continue };
            let mut kernel = kernel.clone();
            for slot in 0..kernel.reads.len() {
                while let Some(read) = copies[kernel.reads[slot].value.index()]
                    .as_ref()
                    .and_then(|copy| composed(block, &kernel, slot, copy))
                {
                    kernel.reads[slot] = read;
                }
            }
            if kernel.is_copy() {
                copies[kernel.out.index()] = Some(kernel.reads[0].clone());
            }
            block.steps[number] = Step::Kernel(kernel);
        }
    }
}

/// Read `slot` of a kernel, which addresses a copied value, as a read of the original; `None` if there is no such read.
fn composed(block: &Block, kernel: &Kernel, slot: usize, copy: &Read) -> Option<Read> {
    let read = &kernel.reads[slot];
    let copied = &block.value(read.value).shape;
    let original = &block.value(copy.value).shape;
    let shape = &block.value(kernel.out).shape;
    let within = read.index.iter().zip(copied).all(|(access, &extent)| match access {
        Access::Affine(index) => {
            let bounds = index.bounds(shape, &kernel.extent);
            bounds.is_some_and(|(lo, hi)| lo >= 0 && hi < extent as i64)
        }
        _ => false,
    });
    // Beyond the copied value the reader must see its own constant, and nothing of the original.
    let outside = match () {
        () if within => copy.outside,
        () if straight(copy, copied, original) => read.outside,
        () => return None,
    };
    let mut index = Vec::with_capacity(copy.index.len());
    for access in &copy.index {
        let Access::Affine(map) = access else { return None };
        index.push(match map {
            Index::P(axis) => read.index[usize::from(*axis)].clone(),
            map => {
                let at: Option<Vec<Index>> = read
                    .index
                    .iter()
                    .map(|access| match access {
                        Access::Affine(index) => Some(index.clone()),
                        _ => None,
                    })
                    .collect();
                Access::Affine(map.compose(&at?))
            }
        });
    }
    Some(Read { value: copy.value, index, outside })
}

/// Whether the copy only exchanges axes, so that outside of one is outside of the other.
fn straight(copy: &Read, copied: &[usize], original: &[usize]) -> bool {
    let mut seen = vec![false; copied.len()];
    let exchanged = copy.index.iter().zip(original).all(|(access, &extent)| match access {
        Access::Affine(Index::P(axis)) => {
            let axis = usize::from(*axis);
            seen.get_mut(axis).is_some_and(|seen| !std::mem::replace(seen, true)) && copied[axis] == extent
        }
        Access::Affine(Index::Const(0)) => extent == 1,
        _ => false,
    });
    exchanged && seen.iter().all(|&seen| seen)
}
