//! The network as the trainer wrote it: named tensors, operators, constants. Shapes include the frame axis, whose
//! extent is 1.
//!
//! *Architecture invariant:* nothing here knows an operator; what an operator is and means is said in [`crate::ops`].

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::ops::{Known, Operator};

/// The largest number of elements in one tensor of a graph.
pub const ELEMENT_LIMIT: usize = 1 << 26;

/// The number of elements of `shape`, or `None` above [`ELEMENT_LIMIT`].
pub fn elements(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent))?;
    (count <= ELEMENT_LIMIT && shape.len() <= 8).then_some(count)
}

/// Constant data. Integers are held as floats with `integer` set; indices and shapes are far below 2⁵³.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extents.
    pub shape: Vec<usize>,
    /// Elements, row-major.
    pub data: Vec<f64>,
    /// Whether the element type is an integer type.
    pub integer: bool,
}

impl Tensor {
    /// A float tensor.
    ///
    /// # Panics
    /// If `data` has not as many elements as `shape` says.
    pub fn new(shape: Vec<usize>, data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "shape and data differ");
        Self { shape, data, integer: false }
    }

    /// A float scalar.
    pub fn scalar(value: f64) -> Self {
        Self::new(Vec::new(), vec![value])
    }

    /// A list of integers.
    pub fn ints(values: &[i64]) -> Self {
        let data = values.iter().map(|&v| v as f64).collect();
        Self { shape: vec![values.len()], data, integer: true }
    }

    /// The elements as integers, truncated.
    pub fn to_ints(&self) -> Vec<i64> {
        self.data.iter().map(|&v| v as i64).collect()
    }

    /// The element type set to integer or float.
    #[must_use]
    pub fn typed(mut self, integer: bool) -> Self {
        self.integer = integer;
        self
    }
}

/// A tensor of a [`Graph`], by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub u32);

impl TensorId {
    /// The position in the graph's list.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a tensor.
#[derive(Clone, Debug, Default)]
pub struct TensorInfo {
    /// Name, unique in the graph.
    pub name: String,
    /// Extents; the inference pass fills in those that the model does not state.
    pub shape: Option<Vec<usize>>,
    /// The data of a constant.
    pub constant: Option<Arc<Tensor>>,
    /// Whether the element type is an integer type.
    pub integer: bool,
}

/// What a node does.
#[derive(Clone, Debug)]
pub enum Action {
    /// An operator.
    Operator(Arc<dyn Operator>),
    /// A call of the graph's function of this number.
    Call(usize),
}

/// One operator or call.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name, unique in the graph.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// Tensors read; `None` where an optional one is absent.
    pub inputs: Vec<Option<TensorId>>,
    /// Tensors defined.
    pub outputs: Vec<TensorId>,
}

/// A network, or the body of a function.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Name.
    pub name: String,
    /// Tensors.
    pub tensors: Vec<TensorInfo>,
    /// Nodes, each after those it reads from.
    pub nodes: Vec<Node>,
    /// Inputs, in order.
    pub inputs: Vec<TensorId>,
    /// Outputs, in order.
    pub outputs: Vec<TensorId>,
    /// Functions that nodes of this graph and of its functions call; none calls a later one. Only a main graph has any.
    pub functions: Arc<Vec<Graph>>,
    /// Whether axis 0 of every input is the frame, with extent 1 whatever batch the model states. Otherwise inputs
    /// have no frame axis, as in a graph network whose axis 0 counts nodes.
    pub framed: bool,
}

impl Graph {
    /// An empty graph with a frame axis.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), framed: true, ..Self::default() }
    }

    /// Adds a tensor that a node or the caller will define.
    pub fn tensor(&mut self, name: impl Into<String>) -> TensorId {
        self.tensors.push(TensorInfo { name: name.into(), ..TensorInfo::default() });
        TensorId(self.tensors.len() as u32 - 1)
    }

    /// Adds a float input.
    pub fn input(&mut self, name: impl Into<String>, shape: &[usize]) -> TensorId {
        let id = self.tensor(name);
        self.tensors[id.index()].shape = Some(shape.to_vec());
        self.inputs.push(id);
        id
    }

    /// Adds an input of indices.
    pub fn index_input(&mut self, name: impl Into<String>, shape: &[usize]) -> TensorId {
        let id = self.input(name, shape);
        self.tensors[id.index()].integer = true;
        id
    }

    /// Adds a constant.
    pub fn constant(&mut self, name: impl Into<String>, value: Tensor) -> TensorId {
        let id = self.tensor(name);
        self.set_constant(id, value);
        id
    }

    /// Makes a tensor a constant.
    pub fn set_constant(&mut self, id: TensorId, value: Tensor) {
        let info = &mut self.tensors[id.index()];
        info.shape = Some(value.shape.clone());
        info.integer = value.integer;
        info.constant = Some(Arc::new(value));
    }

    /// Adds an operator with one output, which takes the node's name.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        operator: impl Operator + 'static,
        inputs: &[TensorId],
    ) -> TensorId {
        let name = name.into();
        let output = self.tensor(name.clone());
        let inputs = inputs.iter().copied().map(Some).collect();
        self.nodes.push(Node {
            name,
            action: Action::Operator(Arc::new(operator)),
            inputs,
            outputs: vec![output],
        });
        output
    }

    /// Adds an operator with several outputs, named one by one.
    pub fn add_all(
        &mut self,
        name: impl Into<String>,
        outputs: &[&str],
        operator: impl Operator + 'static,
        inputs: &[TensorId],
    ) -> Vec<TensorId> {
        let outputs: Vec<TensorId> = outputs.iter().map(|&output| self.tensor(output)).collect();
        self.nodes.push(Node {
            name: name.into(),
            action: Action::Operator(Arc::new(operator)),
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: outputs.clone(),
        });
        outputs
    }

    /// Adds a call of function `number`, with the names of its results.
    pub fn call(
        &mut self,
        name: impl Into<String>,
        number: usize,
        inputs: &[TensorId],
        results: &[&str],
    ) -> Vec<TensorId> {
        let outputs: Vec<TensorId> = results.iter().map(|&result| self.tensor(result)).collect();
        let inputs = inputs.iter().copied().map(Some).collect();
        self.nodes.push(Node {
            name: name.into(),
            action: Action::Call(number),
            inputs,
            outputs: outputs.clone(),
        });
        outputs
    }

    /// Makes a tensor an output.
    pub fn output(&mut self, id: TensorId) {
        self.outputs.push(id);
    }

    /// The tensor `id`.
    pub fn info(&self, id: TensorId) -> &TensorInfo {
        &self.tensors[id.index()]
    }

    /// The tensor named `name`, or else the first output of the node of that name.
    pub fn find(&self, name: &str) -> Option<TensorId> {
        let tensor = self.tensors.iter().position(|info| info.name == name).map(|n| TensorId(n as u32));
        tensor.or_else(|| self.nodes.iter().find(|node| node.name == name).map(|node| node.outputs[0]))
    }

    /// Every tensor's shape and constant as the operators see them.
    pub fn known(&self, id: Option<TensorId>) -> Option<Known<'_>> {
        let info = self.info(id?);
        Some(Known {
            shape: info.shape.as_deref()?,
            constant: info.constant.as_deref(),
            integer: info.integer,
        })
    }

    /// The outputs in float arithmetic, by the operators' references. `inputs` are whole tensors, the frame axis included.
    pub fn evaluate(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Diagnostic> {
        let values = self.trace(inputs)?;
        self.outputs.iter().map(|id| Ok(self.traced(&values, *id)?.clone())).collect()
    }

    /// The value of every tensor that is not a constant, `None` at those, in float arithmetic as [`Self::evaluate`].
    pub fn trace(&self, inputs: &[Tensor]) -> Result<Vec<Option<Tensor>>, Diagnostic> {
        self.values(inputs, &self.functions)
    }

    /// The value of a tensor in what [`Self::trace`] found, or the constant's.
    pub fn traced<'a>(
        &'a self,
        values: &'a [Option<Tensor>],
        id: TensorId,
    ) -> Result<&'a Tensor, Diagnostic> {
        let value = self.info(id).constant.as_deref().or(values[id.index()].as_ref());
        value.ok_or_else(|| missing(&self.info(id).name))
    }

    /// Computes what the nodes from number `first` on define. `functions` are the main graph's.
    pub fn run(
        &self,
        first: usize,
        values: &mut [Option<Tensor>],
        functions: &[Graph],
    ) -> Result<(), Diagnostic> {
        for node in &self.nodes[first..] {
            if node.outputs.iter().all(|id| self.info(*id).constant.is_some()) {
                continue;
            }
            let value = |id: TensorId| self.info(id).constant.as_deref().or(values[id.index()].as_ref());
            let operands: Vec<Option<&Tensor>> = node.inputs.iter().map(|id| id.and_then(value)).collect();
            let results = match &node.action {
                Action::Operator(operator) => {
                    operator.reference(&operands).map_err(|fault| fault.at(&node.name))?
                }
                Action::Call(number) => {
                    let given: Option<Vec<Tensor>> =
                        operands.iter().map(|operand| operand.cloned()).collect();
                    let (called, given) = (&functions[*number], given.ok_or_else(|| missing(&node.name))?);
                    let values = called.values(&given, functions)?;
                    let result = |id: &TensorId| Ok(called.traced(&values, *id)?.clone());
                    called.outputs.iter().map(result).collect::<Result<_, Diagnostic>>()?
                }
            };
            for (id, result) in node.outputs.iter().zip(results) {
                values[id.index()] = Some(result);
            }
        }
        Ok(())
    }

    fn values(&self, inputs: &[Tensor], functions: &[Graph]) -> Result<Vec<Option<Tensor>>, Diagnostic> {
        let mut values = vec![None; self.tensors.len()];
        for (id, value) in self.inputs.iter().zip(inputs) {
            values[id.index()] = Some(value.clone());
        }
        self.run(0, &mut values, functions)?;
        Ok(values)
    }
}

fn missing(node: &str) -> Diagnostic {
    Diagnostic::new("internal", node, "a tensor has no value", "this is a bug, please report it")
}
