//! Elements of arrays, as numpy and safetensors store them.

/// A type of element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// One byte, zero or one.
    Bool,
    /// Two's complement or unsigned, of 1, 2, 4 or 8 bytes.
    Int {
        /// Two's complement.
        signed: bool,
        /// Bytes.
        bytes: usize,
    },
    /// IEEE 754 of 2, 4 or 8 bytes.
    Float(usize),
    /// The upper half of an IEEE 754 single.
    BFloat,
}

/// The elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Integers and booleans.
    Ints(Vec<i64>),
    /// Floats.
    Floats(Vec<f64>),
}

impl Element {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int { bytes, .. } | Self::Float(bytes) => bytes,
            Self::BFloat => 2,
        }
    }

    /// Reads elements, whole ones.
    ///
    /// # Errors
    /// If an unsigned element does not fit `i64`.
    pub fn read(self, bytes: &[u8], big_endian: bool) -> Result<Data, String> {
        let size = self.size();
        let words = bytes.chunks_exact(size).map(|chunk| {
            let place = |n: usize| if big_endian { size - 1 - n } else { n };
            (0..size).fold(0u64, |word, n| word | u64::from(chunk[place(n)]) << (8 * n))
        });
        Ok(match self {
            Self::Bool => Data::Ints(words.map(|word| i64::from(word != 0)).collect()),
            Self::Int { signed: true, bytes } => {
                let unused = 64 - 8 * bytes as u32;
                Data::Ints(words.map(|word| ((word << unused) as i64) >> unused).collect())
            }
            Self::Int { signed: false, .. } => {
                let wide = |word: u64| {
                    i64::try_from(word).map_err(|_| format!("{word} is beyond 64-bit signed integers"))
                };
                Data::Ints(words.map(wide).collect::<Result<_, _>>()?)
            }
            Self::Float(2) => Data::Floats(words.map(|word| half(word as u16)).collect()),
            Self::Float(4) => Data::Floats(words.map(|word| f32::from_bits(word as u32).into()).collect()),
            Self::Float(_) => Data::Floats(words.map(f64::from_bits).collect()),
            Self::BFloat => {
                Data::Floats(words.map(|word| f32::from_bits((word as u32) << 16).into()).collect())
            }
        })
    }
}

/// The value of an IEEE 754 half.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read() {
        let int = |signed, bytes| Element::Int { signed, bytes };
        let floats = |values: &[f64]| Ok(Data::Floats(values.to_vec()));
        assert_eq!(int(true, 1).read(&[0xff, 2], false), Ok(Data::Ints(vec![-1, 2])));
        assert_eq!(int(false, 2).read(&[1, 2], true), Ok(Data::Ints(vec![0x102])));
        assert_eq!(int(true, 8).read(&(-5i64).to_le_bytes(), false), Ok(Data::Ints(vec![-5])));
        assert!(int(false, 8).read(&[0xff; 8], false).is_err());
        assert_eq!(Element::Bool.read(&[0, 1], false), Ok(Data::Ints(vec![0, 1])));
        assert_eq!(
            Element::Float(2).read(&[0, 0x3c, 1, 0, 0, 0xc0], false),
            floats(&[1.0, 2f64.powi(-24), -2.0])
        );
        assert_eq!(Element::Float(4).read(&1.5f32.to_be_bytes(), true), floats(&[1.5]));
        assert_eq!(Element::Float(8).read(&(-0.25f64).to_le_bytes(), false), floats(&[-0.25]));
        assert_eq!(Element::BFloat.read(&[0x80, 0x3f], false), floats(&[1.0]));
    }
}
