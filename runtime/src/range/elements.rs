//! The intervals of a value's elements, held once for all coordinates that are alike.

use crate::format::Interval;

/// What the elements of a value can be. Along each axis coordinates belong to classes, and elements whose coordinates
/// are of the same classes have the same interval: an image whose positions differ at its borders only takes no more
/// memory than the borders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements {
    /// By axis the class of each coordinate.
    classes: Vec<Vec<u32>>,
    /// By axis the number of classes.
    counts: Vec<usize>,
    /// Row-major over the classes.
    table: Vec<Interval>,
}

impl Elements {
    /// The same interval for all elements of a value of `shape`.
    pub fn uniform(shape: &[usize], interval: Interval) -> Self {
        Self::new(shape.iter().map(|&extent| vec![0; extent]).collect(), vec![interval])
    }

    /// By axis the class of each coordinate, where classes are numbered from 0 in the order in which they first occur;
    /// and the intervals, row-major over the classes.
    pub(crate) fn new(classes: Vec<Vec<u32>>, table: Vec<Interval>) -> Self {
        let counts: Vec<usize> = classes.iter().map(|of| count(of)).collect();
        debug_assert_eq!(table.len(), counts.iter().product::<usize>());
        Self { classes, counts, table }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.classes.iter().map(Vec::len).product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The interval of the element at row-major position `flat`, which exists.
    pub fn at(&self, flat: usize) -> Interval {
        if self.table.len() == 1 {
            return self.table[0];
        }
        let (mut rest, mut stride, mut place) = (flat, 1, 0);
        for (classes, count) in self.classes.iter().zip(&self.counts).rev() {
            place += classes[rest % classes.len()] as usize * stride;
            rest /= classes.len();
            stride *= count;
        }
        self.table[place]
    }

    /// The interval of every element, row-major.
    pub fn iter(&self) -> impl Iterator<Item = Interval> + '_ {
        (0..self.len()).map(|flat| self.at(flat))
    }

    /// Coordinates and interval of elements that stand for all: along each axis one of every class, or all where
    /// `every` says so of the axis.
    pub fn distinct(
        &self,
        every: impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = (Vec<usize>, Interval)> + '_ {
        let chosen = |(axis, of): (usize, &Vec<u32>)| match every(axis) {
            true => (0..of.len()).collect(),
            false => representatives(of),
        };
        let chosen: Vec<Vec<usize>> = self.classes.iter().enumerate().map(chosen).collect();
        let extents: Vec<usize> = chosen.iter().map(Vec::len).collect();
        crate::index::points(&extents).map(move |at| {
            let at: Vec<usize> = at.iter().zip(&chosen).map(|(&n, chosen)| chosen[n]).collect();
            let of_class = at.iter().zip(&self.classes).map(|(&at, classes)| classes[at] as usize);
            let place = of_class.zip(&self.counts).fold(0, |place, (class, count)| place * count + class);
            (at, self.table[place])
        })
    }

    /// By axis the class of each coordinate.
    pub fn classes(&self) -> &[Vec<u32>] {
        &self.classes
    }

    /// The interval that holds all of them.
    pub fn join(&self) -> Interval {
        self.table.iter().copied().reduce(Interval::join).unwrap_or(Interval::point(0))
    }
}

/// How many classes there are.
pub(super) fn count(classes: &[u32]) -> usize {
    classes.iter().max().map_or(0, |&last| last as usize + 1)
}

/// The first coordinate of each class.
pub(super) fn representatives(classes: &[u32]) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, &class) in classes.iter().enumerate() {
        if class as usize == found.len() {
            found.push(at);
        }
    }
    found
}
