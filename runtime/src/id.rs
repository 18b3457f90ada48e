//! Typed handles into a program's lists.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The handle of position `index` in its list.
            pub fn new(index: usize) -> Self {
                Self(u32::try_from(index).expect("a program list has fewer than 2^32 entries"))
            }

            /// The position in its list.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id! {
    /// A tensor of one [`Block`](crate::Block).
    ValueId
}
id! {
    /// A constant table of the [`Program`](crate::Program).
    TableId
}
id! {
    /// A block of the [`Program`](crate::Program).
    BlockId
}
