//! The program: a network as exact integer arithmetic.

use serde::{Deserialize, Serialize};

use crate::codec::{Decoder, Encoder};
use crate::format::Format;
use crate::id::{BlockId, TableId, ValueId};
use crate::kernel::Kernel;
use crate::validate::{self, ProgramError};

/// Version of the serialized form. Any change that an older reader could misread raises it.
pub const VERSION: u32 = 1;

/// A network as exact integer arithmetic; the definition of its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Version of the serialized form.
    pub version: u32,
    /// Name of the model.
    pub name: String,
    /// Constants: weights, thresholds, shift amounts, function tables.
    pub tables: Vec<Table>,
    /// Blocks; a call names an earlier block only, the last one is the program's main block.
    pub blocks: Vec<Block>,
    /// Inputs, in the order of the main block's parameters.
    pub inputs: Vec<Input>,
    /// Outputs, in the order of the main block's results.
    pub outputs: Vec<Output>,
}

/// A named list of constants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Where the constants came from.
    pub name: String,
    /// The constants.
    pub data: Vec<i64>,
}

/// A subprogram. The main block's steps are the layers of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Name of the block.
    pub name: String,
    /// Every tensor of the block.
    pub values: Vec<Value>,
    /// The values that a call sets.
    pub params: Vec<ValueId>,
    /// The values that a call delivers.
    pub results: Vec<ValueId>,
    /// What is computed, in order; every other value is written by exactly one step.
    pub steps: Vec<Step>,
}

/// A tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// The model's tensor name where there is one.
    pub name: String,
    /// Extents, row-major.
    pub shape: Vec<usize>,
    /// Format that holds every element's codes.
    pub format: Format,
}

impl Value {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One step of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A kernel.
    Kernel(Kernel),
    /// A call of an earlier block.
    Call(Call),
}

/// A call of a block, `repeat` times: after each but the last, the first `carried` results become the first
/// `carried` arguments of the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Name of the call.
    pub name: String,
    /// The block called.
    pub block: BlockId,
    /// Number of times, at least 1.
    pub repeat: u32,
    /// Number of leading results that feed back.
    pub carried: usize,
    /// One value for each parameter.
    pub args: Vec<ValueId>,
    /// One value for each result.
    pub results: Vec<ValueId>,
}

/// An input of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name in the source model.
    pub name: String,
    /// How the host turns values into codes.
    pub encoder: Encoder,
}

/// An output of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name in the source model.
    pub name: String,
    /// How the host turns codes into values.
    pub decoder: Decoder,
}

/// Why a serialized program was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a program, or damaged.
    #[error("not a readable nn2hdl program: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Written by another version.
    #[error("the program has version {found}, this nn2hdl reads version {VERSION}: compile the model again")]
    Version {
        /// The version found.
        found: u64,
    },
    /// Larger than a program can be.
    #[error("the program has {found} bytes, more than the {limit} that are read")]
    Size {
        /// Bytes found.
        found: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// Readable, but inconsistent.
    #[error("the program is inconsistent: {0}")]
    Invalid(#[from] ProgramError),
}

/// The largest serialized program that is read, in bytes.
pub const SIZE_LIMIT: usize = 1 << 30;

impl Program {
    /// An empty program without blocks.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            name: name.into(),
            tables: Vec::new(),
            blocks: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// The main block.
    pub fn main(&self) -> &Block {
        self.blocks.last().expect("a validated program has a main block")
    }

    /// The block `id`.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.index()]
    }

    /// The constants of table `id`.
    pub fn table(&self, id: TableId) -> &[i64] {
        &self.tables[id.index()].data
    }

    /// Adds a table.
    pub fn add_table(&mut self, name: impl Into<String>, data: Vec<i64>) -> TableId {
        self.tables.push(Table { name: name.into(), data });
        TableId::new(self.tables.len() - 1)
    }

    /// The main block's value behind input `n`.
    pub fn input_value(&self, n: usize) -> &Value {
        self.main().value(self.main().params[n])
    }

    /// The main block's value behind output `n`.
    pub fn output_value(&self, n: usize) -> &Value {
        self.main().value(self.main().results[n])
    }

    /// The serialized form.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a program has no map keys that JSON cannot hold")
    }

    /// Reads a serialized program and validates it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        #[derive(Deserialize)]
        struct Header {
            version: u64,
        }
        if bytes.len() > SIZE_LIMIT {
            return Err(LoadError::Size { found: bytes.len(), limit: SIZE_LIMIT });
        }
        let header: Header = serde_json::from_slice(bytes)?;
        if header.version != u64::from(VERSION) {
            return Err(LoadError::Version { found: header.version });
        }
        let program: Self = serde_json::from_slice(bytes)?;
        validate::validate(&program)?;
        Ok(program)
    }
}

impl Block {
    /// An empty block.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            values: Vec::new(),
            params: Vec::new(),
            results: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// The value `id`.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// Adds a value.
    pub fn add_value(&mut self, name: impl Into<String>, shape: Vec<usize>, format: Format) -> ValueId {
        self.values.push(Value { name: name.into(), shape, format });
        ValueId::new(self.values.len() - 1)
    }

    /// Every value's handle, in order.
    pub fn value_ids(&self) -> impl Iterator<Item = ValueId> {
        (0..self.values.len()).map(ValueId::new)
    }
}

impl Step {
    /// The step's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Kernel(kernel) => &kernel.name,
            Self::Call(call) => &call.name,
        }
    }

    /// The values the step reads.
    pub fn reads(&self) -> impl Iterator<Item = ValueId> {
        let (reads, args) = match self {
            Self::Kernel(kernel) => (kernel.reads.as_slice(), [].as_slice()),
            Self::Call(call) => ([].as_slice(), call.args.as_slice()),
        };
        reads.iter().map(|read| read.value).chain(args.iter().copied())
    }

    /// The values the step writes.
    pub fn writes(&self) -> &[ValueId] {
        match self {
            Self::Kernel(kernel) => std::slice::from_ref(&kernel.out),
            Self::Call(call) => &call.results,
        }
    }
}
