//! Decodes the outputs of a detector into objects.

use std::cmp::Ordering;

use super::pyramid::Pyramid;
use super::{area, common};

/// The most candidates of one level, as in the authors' code.
const CANDIDATES: usize = 1000;
/// The overlap (intersection over union) above which the less likely of two boxes of one class is dropped (section 4:
/// 0.6).
const OVERLAP: f64 = 0.6;
/// The most objects of one image, as COCO counts them.
const MOST: usize = 100;

/// A detected object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// The score, from 0 to 1: √(probability of the class · centreness).
    pub score: f32,
    pub class: u32,
    /// Left, top, right and bottom, in pixels, clipped to the image.
    pub sides: [f32; 4],
}

/// The objects in one image, the most likely first, given its rows of classes, boxes and centreness.
///
/// No score threshold is applied; average precision needs none. Callers pick their own cut-off.
pub fn found(pyramid: &Pyramid, outputs: [&[f32]; 3]) -> Vec<Detection> {
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in candidates(pyramid, outputs) {
        if kept.len() == MOST {
            break;
        }
        let same = |other: &&Detection| other.class == candidate.class;
        if kept.iter().filter(same).all(|other| overlap(other.sides, candidate.sides) <= OVERLAP) {
            kept.push(candidate);
        }
    }
    kept
}

/// Intersection over union.
fn overlap(one: [f32; 4], other: [f32; 4]) -> f64 {
    let common = common(one, other);
    common / (area(one) + area(other) - common)
}

/// Orders by descending score, and equal scores by their index.
fn likelier(a: &(f32, usize), b: &(f32, usize)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// The most likely candidates of every level, sorted by score; equal scores stay in the order of rows and classes.
fn candidates(pyramid: &Pyramid, [classes, boxes, centreness]: [&[f32]; 3]) -> Vec<Detection> {
    let count = classes.len() / centreness.len();
    let places = pyramid.places();
    let mut all = Vec::new();
    let mut first = 0;
    for size in pyramid.sizes() {
        let numbers = first * count..(first + size) * count;
        let score = |at: usize| (sigmoid(classes[at]) * sigmoid(centreness[at / count])).sqrt();
        let mut scores: Vec<(f32, usize)> = numbers.map(|at| (score(at), at)).filter(|it| !it.0.is_nan()).collect();
        if scores.len() > CANDIDATES {
            scores.select_nth_unstable_by(CANDIDATES, likelier);
            scores.truncate(CANDIDATES);
        }
        all.extend(scores);
        first += size;
    }
    all.sort_by(likelier);
    let [height, width] = pyramid.image().map(|side| side as f32);
    let located = |(score, at): (f32, usize)| {
        let (row, class) = (at / count, (at % count) as u32);
        let place = places[row];
        let [left, top, right, bottom]: [f32; 4] = std::array::from_fn(|side| boxes[row * 4 + side] * place.stride);
        let across = |x: f32| x.clamp(0.0, width);
        let down = |y: f32| y.clamp(0.0, height);
        let sides = [across(place.x - left), down(place.y - top), across(place.x + right), down(place.y + bottom)];
        (area(sides) > 0.0).then_some(Detection { score, class, sides })
    };
    all.into_iter().filter_map(located).collect()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
