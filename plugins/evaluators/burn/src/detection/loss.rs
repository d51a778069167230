//! The loss of a detector: the sum of three losses over the places of a batch, divided by the number of places that
//! learn a box (at least 1). FCOS, section 3.1, equation 2, with λ = 1.
//!
//! - Classes: focal loss of every place and class, α = 0.25, γ = 2 (T.-Y. Lin et al., "Focal Loss for Dense Object
//!   Detection", ICCV 2017, section 3, equation 5).
//! - Boxes: 1 - GIoU of the places that learn one (H. Rezatofighi et al., "Generalized Intersection over Union", CVPR
//!   2019), as in torchvision, in place of the paper's -ln IoU.
//! - Centreness: binary cross entropy of the same places.

use burn::tensor::{Int, Tensor, TensorData, activation};

use super::assign::Assigned;

const ALPHA: f64 = 0.25;
const GAMMA: i32 = 2;

/// The loss of a batch. The outputs are `[places, classes]`, `[places, 4]` and `[places, 1]`, the places of one image
/// after those of the other; `assigned` has the targets of each image.
pub fn batch(outputs: Vec<Tensor<2>>, assigned: &[Vec<Assigned>]) -> Tensor<1> {
    let [classes, boxes, centreness] = three(outputs);
    let device = classes.device();
    let tensor = |numbers: Vec<f32>, shape: [usize; 2]| Tensor::from_data(TensorData::new(numbers, shape), &device);
    let [rows, count] = classes.dims();
    let places = rows / assigned.len();
    let images = assigned.iter().enumerate();
    let all: Vec<(usize, Assigned)> =
        images.flat_map(|(image, assigned)| assigned.iter().map(move |it| (image * places + it.row, *it))).collect();
    let mut signs = vec![-1.0; rows * count];
    all.iter().for_each(|(row, it)| signs[row * count + it.class as usize] = 1.0);
    let loss = focal(classes, tensor(signs, [rows, count]));
    if all.is_empty() {
        return loss;
    }
    let at: Vec<i32> = all.iter().map(|(row, _)| *row as i32).collect();
    let at = Tensor::<1, Int>::from_data(TensorData::new(at, [all.len()]), &device);
    let distances = all.iter().flat_map(|(_, it)| it.distances).collect();
    // Target distances are positive, but a network without a final rectifier may return negative ones.
    let found = boxes.select(0, at.clone()).clamp_min(0.0);
    let apart = one_minus_giou(found, tensor(distances, [all.len(), 4]));
    let centres = all.iter().map(|(_, it)| it.centreness()).collect();
    let centres = binary(centreness.select(0, at), tensor(centres, [all.len(), 1]));
    (loss + apart + centres).div_scalar(all.len() as f64)
}

fn three(outputs: Vec<Tensor<2>>) -> [Tensor<2>; 3] {
    outputs.try_into().unwrap_or_else(|_| unreachable!("the plan of a detector has three outputs"))
}

/// The sum of the focal loss over all numbers; `signs` are 1 for the class that is present, otherwise -1.
fn focal(logits: Tensor<2>, signs: Tensor<2>) -> Tensor<1> {
    let towards = logits * signs.clone();
    // A prediction that is right with probability p has the loss -α (1 - p)^γ ln p.
    let wrong = activation::sigmoid(towards.clone().neg()).powi_scalar(GAMMA);
    let weight = signs.mul_scalar(ALPHA - 0.5).add_scalar(0.5);
    (wrong * activation::log_sigmoid(towards) * weight).sum().neg()
}

/// The sum over all rows of 1 - GIoU of two boxes around the same place, given by their distances from it.
fn one_minus_giou(found: Tensor<2>, wanted: Tensor<2>) -> Tensor<1> {
    let rows = found.dims()[0];
    let area = |boxes: &Tensor<2>| {
        let sides = boxes.clone().slice([0..rows, 0..2]) + boxes.clone().slice([0..rows, 2..4]);
        sides.clone().slice([0..rows, 0..1]) * sides.slice([0..rows, 1..2])
    };
    let common = area(&found.clone().min_pair(wanted.clone()));
    let around = area(&found.clone().max_pair(wanted.clone()));
    let union = area(&found) + area(&wanted) - common.clone();
    let giou = common / union.clone() - (around.clone() - union) / around;
    giou.neg().add_scalar(1.0).sum()
}

/// The sum of the binary cross entropies of logits.
fn binary(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    // -t ln σ(x) - (1 - t) ln (1 - σ(x)), and ln (1 - σ(x)) is ln σ(x) - x.
    (logits.clone() * targets.neg().add_scalar(1.0) - activation::log_sigmoid(logits)).sum()
}

/// The same sum for one image, not yet divided, given its rows of classes, boxes and centreness.
pub fn example(outputs: [&[f32]; 3], assigned: &[Assigned]) -> f64 {
    let [classes, boxes, centreness] = outputs;
    let count = classes.len() / centreness.len();
    let absent = |&logit: &f32| (1.0 - ALPHA) * focal_of(-f64::from(logit));
    let mut sum: f64 = classes.iter().map(absent).sum();
    for it in assigned {
        let logit = classes[it.row * count + it.class as usize];
        sum += ALPHA * focal_of(f64::from(logit)) - absent(&logit);
        // NaN stays NaN.
        let at_least_0 = |distance: f32| if distance < 0.0 { 0.0 } else { f64::from(distance) };
        let found = std::array::from_fn(|side| at_least_0(boxes[it.row * 4 + side]));
        sum += 1.0 - giou(found, it.distances.map(f64::from));
        let (logit, target) = (f64::from(centreness[it.row]), f64::from(it.centreness()));
        sum += logit * (1.0 - target) - log_sigmoid(logit);
    }
    sum
}

/// -(1 - p)^γ ln p for p = σ(towards).
fn focal_of(towards: f64) -> f64 {
    -log_sigmoid(-towards).exp().powi(GAMMA) * log_sigmoid(towards)
}

/// ln σ(x), computed without overflow.
fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

fn giou(found: [f64; 4], wanted: [f64; 4]) -> f64 {
    let area = |[left, top, right, bottom]: [f64; 4]| (left + right) * (top + bottom);
    let pair = |choose: fn(f64, f64) -> f64| area(std::array::from_fn(|side| choose(found[side], wanted[side])));
    let (common, around) = (pair(f64::min), pair(f64::max));
    let union = area(found) + area(wanted) - common;
    common / union - (around - union) / around
}
