//! Groups of elements along some axes of a tensor, which are reduced together and then looked at again one by one.

use std::collections::BTreeMap;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Index, ValueId};

use super::Fault;
use crate::front::lower::{Codes, Quantity, coordinates};

/// The groups of a tensor's elements that differ in their coordinates along `axes` only.
pub(super) struct Group {
    axes: Vec<usize>,
    extent: Vec<usize>,
}

impl Group {
    /// The groups of `x` along `axes`, which are ascending.
    pub(super) fn new(x: &Quantity, axes: Vec<usize>) -> Result<Self, Fault> {
        if x.framed && axes.contains(&0) {
            return Err(Fault::unsupported(
                "elements of different frames are brought together",
                "choose axes without axis 0 (the batch)",
            ));
        }
        let extent = axes.iter().map(|&axis| x.shape[axis]).collect();
        Ok(Self { axes, extent })
    }

    /// The extents of the reduction.
    pub(super) fn extent(&self) -> Vec<usize> {
        self.extent.clone()
    }

    /// The number of elements in a group.
    pub(super) fn count(&self) -> usize {
        self.extent.iter().product()
    }

    /// The shape of a program value with one element for each group.
    pub(super) fn reduced(&self, x: &Quantity) -> Vec<usize> {
        let one = |(axis, &extent): (usize, &usize)| if self.axes.contains(&axis) { 1 } else { extent };
        x.shape.iter().enumerate().map(one).skip(usize::from(x.framed)).collect()
    }

    /// Coordinates of the reduction point's element in the group of the output position.
    pub(super) fn along(&self, x: &Quantity) -> Vec<Index> {
        let mut at = coordinates(x.shape.len(), x.framed);
        self.axes.iter().enumerate().for_each(|(n, &axis)| at[axis] = Index::r(n));
        at
    }

    /// Coordinates, in a value of one element for each group, of the output position's group.
    pub(super) fn first(&self, x: &Quantity) -> Vec<Index> {
        let mut at = coordinates(x.shape.len(), x.framed);
        self.axes.iter().for_each(|&axis| at[axis] = Index::Const(0));
        at
    }

    /// A value of one element for each group as a quantity; its chain is that of `x` where this does not vary.
    pub(super) fn of(&self, x: &Quantity, value: ValueId) -> Quantity {
        let mut shape = x.shape.clone();
        self.axes.iter().for_each(|&axis| shape[axis] = 1);
        Quantity { codes: Codes::Value(value), shape, ..x.clone() }
    }
}

/// For references: the flat positions of the elements of each group, a group being those of one `key`.
pub(super) fn members<K: Ord>(shape: &[usize], key: impl Fn(&[usize]) -> K) -> Vec<Vec<usize>> {
    let mut found: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (flat, p) in points(shape).enumerate() {
        found.entry(key(&p)).or_default().push(flat);
    }
    found.into_values().collect()
}

/// The coordinates without those along `axes`.
pub(super) fn others(p: &[usize], axes: &[usize]) -> Vec<usize> {
    p.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &at)| at).collect()
}
