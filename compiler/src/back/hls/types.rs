//! Integer types of the emitted C++, and literals.

use nn2hdl_runtime::{Format, Interval};

/// `ap_int<width>` or `ap_uint<width>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub signed: bool,
    pub width: u32,
}

impl Type {
    /// The narrowest type that holds every member.
    pub fn of(interval: Interval) -> Self {
        let (signed, width) = interval.width();
        Self { signed, width }
    }

    /// The type of a format's codes.
    pub fn code(format: Format) -> Self {
        Self { signed: format.signed, width: format.width }
    }

    /// Its name in C++.
    pub fn name(self) -> String {
        format!("ap_{}int<{}>", if self.signed { "" } else { "u" }, self.width)
    }

    /// `text` converted to this type; upper bits that it lacks are dropped.
    pub fn cast(self, text: &str) -> String {
        format!("{}({text})", self.name())
    }

    /// What turns an expression of this type into a native integer, and whether that has 64 bits.
    pub fn to_native(self) -> (&'static str, bool) {
        let most = if self.signed { 32 } else { 31 };
        if self.width <= most { (".to_int()", false) } else { (".to_int64()", true) }
    }

    /// The type made at least `width` bits wide.
    pub fn at_least(self, width: u32) -> Self {
        Self { width: self.width.max(width), ..self }
    }
}

/// A native integer literal.
pub(super) fn number(value: i64) -> String {
    if value == i64::MIN {
        return format!("({}LL - 1)", value + 1);
    }
    if is_short(value) { value.to_string() } else { format!("{value}LL") }
}

/// Whether a value and its negation are `int`s.
pub(super) fn is_short(value: i64) -> bool {
    value.unsigned_abs() <= i32::MAX as u64
}

/// The narrowest native type of C++ that holds every member.
pub(super) fn native(interval: Interval) -> &'static str {
    match interval.width() {
        (true, ..=8) | (false, ..=7) => "signed char",
        (true, ..=16) | (false, ..=15) => "short",
        (true, ..=32) | (false, ..=31) => "int",
        _ => "long long",
    }
}
