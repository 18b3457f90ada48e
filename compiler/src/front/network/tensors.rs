//! The tensors of a `.safetensors` file.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use crate::front::onnx::{ConstantTensor, from_bfloat, from_half};

/// Every tensor of the file, with what keeps it from being read.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Result<ConstantTensor, String>>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let tensor = tensor(view.dtype(), view.shape().to_vec(), view.data());
        (name, tensor)
    });
    Ok(tensors.collect())
}

fn tensor(dtype: Dtype, shape: Vec<usize>, data: &[u8]) -> Result<ConstantTensor, String> {
    fn list<const N: usize, T>(data: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
        data.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
    }
    let float = |values: Vec<f64>| ConstantTensor::float(shape.clone(), values);
    let int = |values: Vec<i64>| ConstantTensor::int(shape.clone(), values);
    Ok(match dtype {
        Dtype::F64 => float(list(data, f64::from_le_bytes)),
        Dtype::F32 => float(list(data, |bytes| f32::from_le_bytes(bytes).into())),
        Dtype::F16 => float(list(data, |bytes| from_half(u16::from_le_bytes(bytes)))),
        Dtype::BF16 => float(list(data, |bytes| from_bfloat(u16::from_le_bytes(bytes)))),
        Dtype::BOOL | Dtype::U8 => int(list(data, |[byte]: [u8; 1]| byte.into())),
        Dtype::I8 => int(list(data, |bytes| i8::from_le_bytes(bytes).into())),
        Dtype::U16 => int(list(data, |bytes| u16::from_le_bytes(bytes).into())),
        Dtype::I16 => int(list(data, |bytes| i16::from_le_bytes(bytes).into())),
        Dtype::U32 => int(list(data, |bytes| u32::from_le_bytes(bytes).into())),
        Dtype::I32 => int(list(data, |bytes| i32::from_le_bytes(bytes).into())),
        Dtype::I64 => int(list(data, i64::from_le_bytes)),
        other => return Err(format!("elements of type {other:?} are not read")),
    })
}
