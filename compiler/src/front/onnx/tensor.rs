//! Constant tensors: shapes are checked against the data before memory is taken.

use super::error::DecodeError;
use super::proto::TensorProto;

/// How a tensor's elements are stored in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are ONNX's own")]
pub enum ElementType {
    Float32,
    Float64,
    Float16,
    BFloat16,
    Bool,
    UInt4,
    Int4,
    UInt8,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    UInt64,
    Int64,
}

impl ElementType {
    /// Each type, its number in the specification, its name, its size in bits.
    const TABLE: [(Self, i32, &'static str, usize); 15] = [
        (Self::Float32, 1, "float32", 32),
        (Self::UInt8, 2, "uint8", 8),
        (Self::Int8, 3, "int8", 8),
        (Self::UInt16, 4, "uint16", 16),
        (Self::Int16, 5, "int16", 16),
        (Self::Int32, 6, "int32", 32),
        (Self::Int64, 7, "int64", 64),
        (Self::Bool, 9, "bool", 8),
        (Self::Float16, 10, "float16", 16),
        (Self::Float64, 11, "float64", 64),
        (Self::UInt32, 12, "uint32", 32),
        (Self::UInt64, 13, "uint64", 64),
        (Self::BFloat16, 16, "bfloat16", 16),
        (Self::UInt4, 21, "uint4", 4),
        (Self::Int4, 22, "int4", 4),
    ];

    pub(super) fn from_code(code: i32) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    fn row(self) -> (Self, i32, &'static str, usize) {
        *Self::TABLE.iter().find(|row| row.0 == self).expect("the table has a row for each type")
    }

    pub(super) fn code(self) -> i32 {
        self.row().1
    }

    /// `float32`, `int8`, …
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// Whether the elements are floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64 | Self::Float16 | Self::BFloat16)
    }

    pub(super) fn bits(self) -> usize {
        self.row().3
    }

    /// Smallest and largest integer; only for types that are not floating-point. `uint64` ends where `i64` does.
    fn range(self) -> (i64, i64) {
        let bits = self.bits() as u32;
        match self {
            Self::Bool => (0, 1),
            Self::UInt64 => (0, i64::MAX),
            Self::UInt4 | Self::UInt8 | Self::UInt16 | Self::UInt32 => (0, (1 << bits) - 1),
            _ => (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits)),
        }
    }
}

/// A tensor whose values are in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstantTensor {
    /// Sizes; the empty shape is a scalar.
    pub shape: Vec<usize>,
    /// The elements in row-major order, as many as the shape says.
    pub data: TensorData,
    /// How the file stores (or shall store) the elements.
    pub dtype: ElementType,
}

/// Elements, widened without loss.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// Of a floating-point type; NaN and infinities are kept.
    Float(Vec<f64>),
    /// Of an integer type or bool.
    Int(Vec<i64>),
}

impl TensorData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Int(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ConstantTensor {
    /// A float tensor, stored as float32 where that keeps every value and as float64 otherwise.
    ///
    /// # Panics
    /// If the shape does not fit the number of values.
    pub fn float(shape: Vec<usize>, values: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "shape and values differ");
        let narrow = values.iter().all(|&value| value.is_nan() || f64::from(value as f32) == value);
        let dtype = if narrow { ElementType::Float32 } else { ElementType::Float64 };
        Self { shape, data: TensorData::Float(values), dtype }
    }

    /// An integer tensor, stored as int64.
    ///
    /// # Panics
    /// If the shape does not fit the number of values.
    pub fn int(shape: Vec<usize>, values: Vec<i64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "shape and values differ");
        Self { shape, data: TensorData::Int(values), dtype: ElementType::Int64 }
    }

    /// The values as floats, if they are floats.
    pub fn floats(&self) -> Option<&[f64]> {
        match &self.data {
            TensorData::Float(values) => Some(values),
            TensorData::Int(_) => None,
        }
    }

    /// The values as integers, if they are integers.
    pub fn ints(&self) -> Option<&[i64]> {
        match &self.data {
            TensorData::Int(values) => Some(values),
            TensorData::Float(_) => None,
        }
    }

    /// Position of the first NaN or infinity.
    pub fn first_not_finite(&self) -> Option<usize> {
        self.floats()?.iter().position(|value| !value.is_finite())
    }
}

/// Reads a tensor; `origin` names it in errors when it has no name of its own.
pub(super) fn read(tensor: &TensorProto, origin: &str) -> Result<ConstantTensor, DecodeError> {
    let name = || if tensor.name.is_empty() { origin.to_owned() } else { tensor.name.clone() };
    if tensor.data_location != 0 || !tensor.external_data.is_empty() {
        let location = tensor.external_data.iter().find(|entry| entry.key == "location");
        let location = location.map(|entry| entry.value.clone()).unwrap_or_default();
        return Err(DecodeError::ExternalData { tensor: name(), location });
    }
    if tensor.segment.is_some() {
        return Err(DecodeError::Unsupported { origin: name(), what: "tensors in segments" });
    }
    let dtype = ElementType::from_code(tensor.data_type)
        .ok_or_else(|| DecodeError::ElementType { origin: name(), code: tensor.data_type })?;
    let (shape, elements) = read_shape(&tensor.dims, name)?;
    let lengths = Lengths { dtype, elements };
    let fields: [(&'static str, usize); 5] = [
        ("float_data", tensor.float_data.len()),
        ("int32_data", tensor.int32_data.len()),
        ("int64_data", tensor.int64_data.len()),
        ("double_data", tensor.double_data.len()),
        ("uint64_data", tensor.uint64_data.len()),
    ];
    // Some writers leave an empty `raw_data` beside the typed field.
    let raw = tensor.raw_data.as_deref().filter(|raw| !raw.is_empty());
    let wanted = if raw.is_some() { "raw_data" } else { lengths.field() };
    if let Some((found, _)) = fields.iter().find(|(field, len)| *len > 0 && *field != wanted) {
        return Err(DecodeError::DataField { tensor: name(), dtype: dtype.name(), found });
    }
    let (expected, found, unit) = match raw {
        Some(raw) => (lengths.bytes(), raw.len(), "bytes"),
        None => {
            let found = fields.iter().find(|(field, _)| *field == wanted).map_or(0, |(_, len)| *len);
            (lengths.typed(), found, "values")
        }
    };
    if expected != found {
        return Err(DecodeError::DataLength { tensor: name(), expected, found, unit });
    }
    let data = match raw {
        Some(raw) => from_raw(raw, lengths),
        None => from_fields(tensor, lengths),
    };
    data.map(|data| ConstantTensor { shape, data, dtype }).map_err(|(index, value)| DecodeError::ValueRange {
        tensor: name(),
        index,
        value,
        dtype: dtype.name(),
    })
}

/// Sizes and number of elements; nothing is allocated for the elements yet.
fn read_shape(dims: &[i64], name: impl Fn() -> String) -> Result<(Vec<usize>, usize), DecodeError> {
    let too_large = || DecodeError::ShapeTooLarge {
        tensor: name(),
        rank: dims.len(),
        dims: dims.iter().copied().take(8).collect(),
    };
    if dims.len() > 64 {
        return Err(too_large());
    }
    let mut shape = Vec::with_capacity(dims.len());
    for (axis, &size) in dims.iter().enumerate() {
        let error = || DecodeError::BadDimension { origin: name(), value: name(), axis, size };
        shape.push(usize::try_from(size).map_err(|_| error())?);
    }
    // A zero must not hide an overflow of the other sizes: code that multiplies a part of them would meet it.
    let mut sizes = shape.iter().map(|&size| size.max(1));
    let all = sizes.try_fold(8usize, |product, size| product.checked_mul(size));
    all.filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or_else(too_large)?;
    let elements = shape.iter().product();
    Ok((shape, elements))
}

/// What the file must hold for a number of elements.
#[derive(Clone, Copy)]
struct Lengths {
    dtype: ElementType,
    elements: usize,
}

impl Lengths {
    fn bytes(self) -> usize {
        (self.elements * self.dtype.bits()).div_ceil(8)
    }

    /// Number of values in the typed field: 4-bit types pack two elements in each.
    fn typed(self) -> usize {
        if self.dtype.bits() == 4 { self.elements.div_ceil(2) } else { self.elements }
    }

    /// The typed field in which the specification puts the elements.
    fn field(self) -> &'static str {
        match self.dtype {
            ElementType::Float32 => "float_data",
            ElementType::Float64 => "double_data",
            ElementType::Int64 => "int64_data",
            ElementType::UInt32 | ElementType::UInt64 => "uint64_data",
            _ => "int32_data",
        }
    }
}

/// Position and value of an element outside its type.
type OutOfRange = (usize, i128);

fn from_raw(raw: &[u8], lengths: Lengths) -> Result<TensorData, OutOfRange> {
    /// The elements of `N` bytes, little-endian.
    fn split<const N: usize, T>(raw: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        raw.as_chunks::<N>().0.iter().map(|bytes| convert(*bytes)).collect()
    }
    use ElementType as E;
    Ok(match lengths.dtype {
        E::Float32 => TensorData::Float(split(raw, |b| f64::from(f32::from_le_bytes(b)))),
        E::Float64 => TensorData::Float(split(raw, f64::from_le_bytes)),
        E::Float16 => TensorData::Float(split(raw, |b| from_half(u16::from_le_bytes(b)))),
        E::BFloat16 => TensorData::Float(split(raw, |b| from_bfloat(u16::from_le_bytes(b)))),
        E::UInt8 | E::Bool => checked(lengths.dtype, raw.iter().map(|&b| i128::from(b)))?,
        E::Int8 => TensorData::Int(split(raw, |b| i64::from(i8::from_le_bytes(b)))),
        E::UInt16 => TensorData::Int(split(raw, |b| i64::from(u16::from_le_bytes(b)))),
        E::Int16 => TensorData::Int(split(raw, |b| i64::from(i16::from_le_bytes(b)))),
        E::UInt32 => TensorData::Int(split(raw, |b| i64::from(u32::from_le_bytes(b)))),
        E::Int32 => TensorData::Int(split(raw, |b| i64::from(i32::from_le_bytes(b)))),
        E::UInt64 => checked(lengths.dtype, split(raw, |b| i128::from(u64::from_le_bytes(b))).into_iter())?,
        E::Int64 => TensorData::Int(split(raw, i64::from_le_bytes)),
        E::UInt4 | E::Int4 => TensorData::Int(nibbles(raw.iter().copied(), lengths)),
    })
}

fn from_fields(tensor: &TensorProto, lengths: Lengths) -> Result<TensorData, OutOfRange> {
    use ElementType as E;
    let dtype = lengths.dtype;
    Ok(match dtype {
        E::Float32 => TensorData::Float(tensor.float_data.iter().map(|&value| f64::from(value)).collect()),
        E::Float64 => TensorData::Float(tensor.double_data.clone()),
        E::Float16 => {
            TensorData::Float(tensor.int32_data.iter().map(|&bits| from_half(bits as u16)).collect())
        }
        E::BFloat16 => {
            TensorData::Float(tensor.int32_data.iter().map(|&bits| from_bfloat(bits as u16)).collect())
        }
        E::UInt4 | E::Int4 => {
            TensorData::Int(nibbles(tensor.int32_data.iter().map(|&pair| pair as u8), lengths))
        }
        E::Int64 => TensorData::Int(tensor.int64_data.clone()),
        E::UInt32 | E::UInt64 => checked(dtype, tensor.uint64_data.iter().map(|&value| i128::from(value)))?,
        _ => checked(dtype, tensor.int32_data.iter().map(|&value| i128::from(value)))?,
    })
}

fn checked(dtype: ElementType, values: impl Iterator<Item = i128>) -> Result<TensorData, OutOfRange> {
    let (low, high) = dtype.range();
    let element = |(index, value)| match i64::try_from(value) {
        Ok(narrow) if (low..=high).contains(&narrow) => Ok(narrow),
        _ => Err((index, value)),
    };
    values.enumerate().map(element).collect::<Result<_, _>>().map(TensorData::Int)
}

/// Two elements per byte, the first in the low bits.
fn nibbles(bytes: impl Iterator<Item = u8>, lengths: Lengths) -> Vec<i64> {
    let signed = lengths.dtype == ElementType::Int4;
    let element = |bits: u8| if signed { i64::from((bits << 4) as i8 >> 4) } else { i64::from(bits & 15) };
    bytes.flat_map(|byte| [element(byte), element(byte >> 4)]).take(lengths.elements).collect()
}

/// The value of an IEEE half-precision number.
pub(in crate::front) fn from_half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

/// The value of a float32's upper half.
pub(in crate::front) fn from_bfloat(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// Writes a tensor as `raw_data`. Values that the stated type cannot hold exactly widen the type to float64 or int64.
pub(super) fn write(tensor: &ConstantTensor, name: &str) -> TensorProto {
    let (raw, dtype) = match &tensor.data {
        TensorData::Float(values) => {
            let narrow = to_raw_floats(values, tensor.dtype).map(|raw| (raw, tensor.dtype));
            narrow.unwrap_or_else(|| {
                (values.iter().flat_map(|v| v.to_le_bytes()).collect(), ElementType::Float64)
            })
        }
        TensorData::Int(values) => {
            let dtype = if tensor.dtype.is_float() { ElementType::Int64 } else { tensor.dtype };
            let (low, high) = dtype.range();
            let fits = values.iter().all(|value| (low..=high).contains(value));
            let dtype = if fits { dtype } else { ElementType::Int64 };
            (to_raw_ints(values, dtype), dtype)
        }
    };
    TensorProto {
        dims: tensor.shape.iter().map(|&size| size as i64).collect(),
        data_type: dtype.code(),
        name: name.to_owned(),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}

/// `None` if the type cannot hold a value exactly.
fn to_raw_floats(values: &[f64], dtype: ElementType) -> Option<Vec<u8>> {
    let mut raw = Vec::with_capacity(values.len() * dtype.bits() / 8);
    for &value in values {
        let same = |back: f64| back == value || (back.is_nan() && value.is_nan());
        match dtype {
            ElementType::Float32 => {
                same(f64::from(value as f32)).then(|| raw.extend((value as f32).to_le_bytes()))?
            }
            ElementType::BFloat16 => {
                let bits = if value.is_nan() { 0x7fc0 } else { ((value as f32).to_bits() >> 16) as u16 };
                same(from_bfloat(bits)).then(|| raw.extend(bits.to_le_bytes()))?;
            }
            ElementType::Float16 => {
                let bits = to_half(value);
                same(from_half(bits)).then(|| raw.extend(bits.to_le_bytes()))?;
            }
            ElementType::Float64 => raw.extend(value.to_le_bytes()),
            _ => return None,
        }
    }
    Some(raw)
}

/// The half-precision number nearest below in magnitude; exact where one exists.
fn to_half(value: f64) -> u16 {
    let sign = u16::from(value.is_sign_negative()) << 15;
    let magnitude = value.abs();
    if value.is_nan() {
        return sign | 0x7e00;
    }
    if magnitude == f64::INFINITY {
        return sign | 0x7c00;
    }
    if magnitude < 2f64.powi(-14) {
        return sign | (magnitude * 2f64.powi(24)) as u16;
    }
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023).min(15);
    let fraction = (magnitude * 2f64.powi(10 - exponent)) as u16 & 1023;
    sign | ((exponent + 15) as u16) << 10 | fraction
}

fn to_raw_ints(values: &[i64], dtype: ElementType) -> Vec<u8> {
    if dtype.bits() == 4 {
        let pair = |pair: &[i64]| pair[0] as u8 & 15 | (pair.get(1).copied().unwrap_or(0) as u8) << 4;
        return values.chunks(2).map(pair).collect();
    }
    values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(dtype.bits() / 8)).collect()
}
