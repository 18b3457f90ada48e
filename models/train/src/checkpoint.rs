//! Parameters on disk: safetensors with one entry `nn2hdl` of metadata, written whole or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::recipe::Recipe;
use crate::state::{Moments, State};

/// Name of the metadata's only entry: one key, so that equal contents are equal bytes.
const ENTRY: &str = "nn2hdl";
const SCHEMA: &str = "nn2hdl.train/1";
const KINDS: [&str; 3] = ["weight", "bias", "fraction"];

/// Where a training stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// Index of the stage that is next.
    pub stage: usize,
    /// Steps done in that stage.
    pub step: u64,
    /// Cost when the pruning ramp started.
    pub start_cost: Option<f64>,
    /// Sum of the losses since the last validation, and their number.
    pub losses: (f64, u64),
}

/// What a file says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub schema: String,
    /// The whole recipe.
    pub recipe: Recipe,
    /// SHA-256 of the file that the parameters started from.
    pub start: Option<String>,
    /// Name of the stage that the parameters belong to.
    pub stage: String,
    /// Whether the parameters are used quantized.
    pub quantized: bool,
    /// Steps done over all stages.
    pub step: u64,
    /// In a checkpoint: where to go on.
    pub position: Option<Position>,
}

impl Header {
    pub fn new(recipe: &Recipe, start: Option<&str>, stage: usize, step: u64) -> Self {
        let at = &recipe.stage[stage.min(recipe.stage.len() - 1)];
        Self {
            schema: SCHEMA.into(),
            recipe: recipe.clone(),
            start: start.map(str::to_owned),
            stage: at.name.clone(),
            quantized: at.quantize,
            step,
            position: None,
        }
    }
}

/// The file's bytes.
pub(crate) fn to_bytes(header: &Header, state: &State, moments: Option<&Moments>) -> Result<Vec<u8>, String> {
    let mut arrays: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    for (n, layer) in state.layers.iter().enumerate() {
        let spec = &header.recipe.network.layer[n];
        let shape = vec![spec.outputs, header.recipe.network.inputs(n), spec.rows, spec.columns];
        for (kind, values) in layer.learned().into_iter().enumerate() {
            let (name, shape) = (
                format!("layer{n}.{}", KINDS[kind]),
                if kind == 0 { shape.clone() } else { vec![spec.outputs] },
            );
            if let Some(moments) = moments {
                let (first, second) = (&moments.first[n][kind], &moments.second[n][kind]);
                arrays.push((format!("{name}.first"), shape.clone(), Dtype::F32, bytes(first)));
                arrays.push((format!("{name}.second"), shape.clone(), Dtype::F32, bytes(second)));
            }
            arrays.push((name, shape, Dtype::F32, bytes(values)));
        }
        arrays.push((format!("layer{n}.limit"), shape, Dtype::U8, layer.limit.to_vec()));
    }
    let views = arrays.iter().map(|(name, shape, dtype, data)| {
        TensorView::new(*dtype, shape.clone(), data).map(|view| (name, view)).map_err(|e| e.to_string())
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let text = serde_json::to_string(header).map_err(|error| error.to_string())?;
    safetensors::serialize(views, Some([(ENTRY.to_owned(), text)].into())).map_err(|error| error.to_string())
}

/// Reads what [`to_bytes`] wrote.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<(Header, State, Option<Moments>), String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
    let text = text.ok_or("no file of parameters of nn2hdl")?;
    let header: Header = serde_json::from_str(text).map_err(|error| format!("its metadata: {error}"))?;
    if header.schema != SCHEMA {
        return Err(format!("its schema is {}, {SCHEMA} is supported", header.schema));
    }
    header.recipe.check().map_err(|error| error.to_string())?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let array = |name: &str, count: usize, dtype: Dtype| {
        let view = tensors.tensor(name).map_err(|_| format!("it has no tensor {name}"))?;
        if view.dtype() != dtype || view.shape().iter().product::<usize>() != count {
            return Err(format!("its tensor {name} has another type or size"));
        }
        Ok(view.data().to_vec())
    };
    let floats = |name: &str, count: usize| -> Result<Vec<f32>, String> {
        let data = array(name, count, Dtype::F32)?;
        Ok(data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    };
    let mut state = State::new(&header.recipe.network, 0);
    let mut moments = header.position.is_some().then(|| Moments::new(&state));
    for (n, layer) in state.layers.iter_mut().enumerate() {
        for (kind, values) in layer.learned_mut().into_iter().enumerate() {
            let name = format!("layer{n}.{}", KINDS[kind]);
            *values = floats(&name, values.len())?;
            if let Some(moments) = &mut moments {
                moments.first[n][kind] = floats(&format!("{name}.first"), values.len())?;
                moments.second[n][kind] = floats(&format!("{name}.second"), values.len())?;
            }
        }
        layer.limit = array(&format!("layer{n}.limit"), layer.weight.len(), Dtype::U8)?.into();
    }
    Ok((header, state, moments))
}

/// Writes a file beside its place and moves it there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let beside = path.with_extension("partial");
    let work = || {
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    work().map_err(|error| TrainError::file(path, error))
}

/// The file's content, `None` if there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, TrainError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TrainError::file(path, error)),
    }
}
