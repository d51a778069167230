//! Weights and running statistics: their initial values and their form outside burn.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Device, FloatDType, Gradients, Tensor, TensorData};
use nas_api::graph::weights;

use super::array::{Array, ArrayError};
use super::value::{Value, each_rank, each_tensor};

/// All tensors that the optimizer changes, by rank.
#[derive(Module, Debug)]
pub struct Weights {
    /// Biases, scales and shifts of normalisations, and the numbers of every `Weight`.
    pub vectors: Vec<Param<Tensor<1>>>,
    /// The matrices of `Gemm`, `[in, out]`, since burn multiplies from the right.
    pub matrices: Vec<Param<Tensor<2>>>,
    /// The tables of `Gather`, `[embeddings, width]`.
    pub tables: Vec<Param<Tensor<2>>>,
    /// The kernels of `Conv`, `[out, in / group, height, width]`, and of `ConvTranspose`, `[in, out / group, height,
    /// width]`; the height is 1 for signals.
    pub kernels: Vec<Param<Tensor<4>>>,
}

impl Weights {
    /// No weights.
    pub fn empty() -> Self {
        Self { vectors: Vec::new(), matrices: Vec::new(), tables: Vec::new(), kernels: Vec::new() }
    }
}

/// The running statistics of one `BatchNormalization`, without gradients.
#[derive(Clone, Debug)]
pub struct Running {
    /// The mean, `[channels]`.
    pub mean: Tensor<1>,
    /// The variance, `[channels]`.
    pub variance: Tensor<1>,
}

impl Running {
    /// The statistics in another precision.
    pub fn cast(self, precision: FloatDType) -> Self {
        Self { mean: self.mean.cast(precision), variance: self.variance.cast(precision) }
    }
}

/// Changes the precision of weights.
pub struct Cast(pub FloatDType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, weight) = (param.id, param.val().cast(self.0).detach());
        Param::initialized(id, weight.require_grad())
    }
}

/// The list that holds the tensor of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// One of [`Weights::vectors`].
    Vector,
    /// One of [`Weights::matrices`].
    Matrix,
    /// One of [`Weights::tables`].
    Table,
    /// One of [`Weights::kernels`].
    Kernel,
    /// The running mean of a batch normalisation.
    Mean,
    /// The running variance of a batch normalisation.
    Variance,
}

/// One tensor of a network.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The name, shape and initial values, as in [`Array`].
    pub tensor: weights::TensorSpec,
    /// The list that holds it; the k-th slot of a list is its k-th tensor.
    pub place: SlotKind,
}

impl Slot {
    /// A slot of a node with the operator `op`.
    pub fn new(tensor: weights::TensorSpec, op: &str) -> Self {
        let place = match (tensor.what, op) {
            ("running_mean", _) => SlotKind::Mean,
            ("running_var", _) => SlotKind::Variance,
            ("weight", "Gemm") => SlotKind::Matrix,
            ("weight", "Gather") => SlotKind::Table,
            ("weight", "Conv" | "ConvTranspose") => SlotKind::Kernel,
            _ => SlotKind::Vector,
        };
        Self { tensor, place }
    }
}

/// Weights with initial values drawn from `seed`.
pub fn initial(slots: &[Slot], seed: u32, device: &Device) -> (Weights, Vec<Running>) {
    assemble(slots, device, slots.iter().map(|slot| slot.tensor.initial(seed).collect()))
}

/// Weights with the values of arrays. Arrays that belong to no slot are ignored.
///
/// # Errors
///
/// Fails if an array is missing or has another shape.
pub fn from_arrays(slots: &[Slot], arrays: &[Array], device: &Device) -> Result<(Weights, Vec<Running>), ArrayError> {
    let mut values = Vec::with_capacity(slots.len());
    for Slot { tensor, .. } in slots {
        let array = arrays.iter().find(|array| array.name == tensor.name);
        let array = array.ok_or_else(|| ArrayError::Missing(tensor.name.clone()))?;
        if array.shape != tensor.shape || array.values.len() as u64 != tensor.numbers() {
            let (name, found, expected) = (tensor.name.clone(), array.shape.clone(), tensor.shape.clone());
            return Err(ArrayError::Shape { name, found, expected });
        }
        values.push(array.values.clone());
    }
    Ok(assemble(slots, device, values.into_iter()))
}

fn assemble(slots: &[Slot], device: &Device, values: impl Iterator<Item = Vec<f32>>) -> (Weights, Vec<Running>) {
    let mut weights = Weights::empty();
    let (mut means, mut variances) = (Vec::new(), Vec::new());
    let plain = device.clone().without_autodiff();
    for ((slot, values), number) in slots.iter().zip(values).zip(0_u64..) {
        // The optimizer keeps its state under these ids. They are the same in every run, so that a saved state fits.
        let id = ParamId::from(number);
        match (slot.place, &slot.tensor.shape[..]) {
            (SlotKind::Matrix, &[to, from]) => {
                let tensor = Tensor::from_data(TensorData::new(transposed(&values, to, from), [from, to]), device);
                weights.matrices.push(Param::initialized(id, tensor.require_grad()));
            }
            (SlotKind::Table, &[rows, width]) => {
                let tensor = Tensor::from_data(TensorData::new(values, [rows, width]), device);
                weights.tables.push(Param::initialized(id, tensor.require_grad()));
            }
            (SlotKind::Kernel, &[to, from, ref sides @ ..]) => {
                // Kernels over signals have only one side.
                let (height, width) = if let &[height, width] = sides { (height, width) } else { (1, sides[0]) };
                let tensor = Tensor::from_data(TensorData::new(values, [to, from, height, width]), device);
                weights.kernels.push(Param::initialized(id, tensor.require_grad()));
            }
            (SlotKind::Mean, _) => means.push(vector(values, &plain)),
            (SlotKind::Variance, _) => variances.push(vector(values, &plain)),
            (SlotKind::Vector | SlotKind::Matrix | SlotKind::Table | SlotKind::Kernel, _) => {
                weights.vectors.push(Param::initialized(id, vector(values, device).require_grad()));
            }
        }
    }
    let running = means.into_iter().zip(variances).map(|(mean, variance)| Running { mean, variance }).collect();
    (weights, running)
}

/// The values of all slots as arrays.
///
/// # Errors
///
/// Fails if a tensor is missing, or if burn cannot return its numbers.
pub fn to_arrays(slots: &[Slot], weights: &Weights, running: &[Running]) -> Result<Vec<Array>, ArrayError> {
    let mut vectors = weights.vectors.iter();
    let mut matrices = weights.matrices.iter();
    let mut tables = weights.tables.iter();
    let mut kernels = weights.kernels.iter();
    let mut means = running.iter();
    let mut variances = running.iter();
    let mut arrays = Vec::with_capacity(slots.len());
    for slot in slots {
        let data = match slot.place {
            SlotKind::Vector => vectors.next().map(|tensor| tensor.val().into_data()),
            SlotKind::Matrix => matrices.next().map(|tensor| tensor.val().into_data()),
            SlotKind::Table => tables.next().map(|tensor| tensor.val().into_data()),
            SlotKind::Kernel => kernels.next().map(|tensor| tensor.val().into_data()),
            SlotKind::Mean => means.next().map(|running| running.mean.to_data()),
            SlotKind::Variance => variances.next().map(|running| running.variance.to_data()),
        };
        let data = data.ok_or_else(|| ArrayError::Missing(slot.tensor.name.clone()))?;
        let values = data
            .try_into_vec::<f32>()
            .map_err(|error| ArrayError::Tensor { name: slot.tensor.name.clone(), reason: format!("{error:?}") })?;
        let values = match (slot.place, &slot.tensor.shape[..]) {
            (SlotKind::Matrix, &[to, from]) => transposed(&values, from, to),
            _ => values,
        };
        arrays.push(Array { name: slot.tensor.name.clone(), shape: slot.tensor.shape.clone(), values });
    }
    Ok(arrays)
}

/// The gradients with respect to every weight and then to the input; 0 where there is none.
///
/// # Errors
///
/// Fails if burn cannot return the numbers of a gradient.
pub fn gradients(
    slots: &[Slot],
    weights: &Weights,
    input: &Value,
    gradients: Option<&Gradients>,
) -> Result<Vec<Array>, ArrayError> {
    let found = weights.clone().map(&mut Derivative(gradients));
    let learned: Vec<Slot> =
        slots.iter().filter(|slot| !matches!(slot.place, SlotKind::Mean | SlotKind::Variance)).cloned().collect();
    let mut arrays = to_arrays(&learned, &found, &[])?;
    let (shape, name) = (input.dims(), "input".to_owned());
    let gradient = each_rank!(input.clone(), x => derivative(&x, gradients));
    let values = each_tensor!(gradient, x => x.into_data().try_into_vec::<f32>(), _number => Ok(Vec::new()));
    let values = values.map_err(|error| ArrayError::Tensor { name: name.clone(), reason: format!("{error:?}") })?;
    arrays.push(Array { name, shape, values });
    Ok(arrays)
}

/// Replaces weights by their gradients.
struct Derivative<'a>(Option<&'a Gradients>);

impl ModuleMapper for Derivative<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::initialized(param.id, derivative(&param.val(), self.0))
    }
}

fn derivative<const D: usize>(x: &Tensor<D>, gradients: Option<&Gradients>) -> Tensor<D> {
    let found = gradients.and_then(|gradients| x.grad(gradients));
    found.unwrap_or_else(|| x.clone().without_autodiff().zeros_like())
}

fn vector(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let size = values.len();
    Tensor::from_data(TensorData::new(values, [size]), device)
}

fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|at| values[(at % rows) * columns + at / rows]).collect()
}
