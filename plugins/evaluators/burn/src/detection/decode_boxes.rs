//! From what a detector returns for an image to the objects in it.

use std::cmp::Ordering;

use super::pyramid::Pyramid;
use super::{area, common};

/// Candidates of one level, at most, as in the authors' code.
const CANDIDATES: usize = 1000;
/// Of two boxes of one class that have more of their union in common, the less likely is none (section 4: 0.6).
const OVERLAP: f64 = 0.6;
/// Objects of one image, at most, as COCO counts them.
const MOST: usize = 100;

/// Something that was found in an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// From 0 to 1: √(probability of the class · centreness).
    pub score: f32,
    pub class: u32,
    /// Left, top, right and bottom, in pixels, within the image.
    pub sides: [f32; 4],
}

/// The objects in one image by its rows of classes, boxes and centreness, the likeliest first.
///
/// There is no least score, which average precision does not need: how many of the 100 are objects is for who uses them to
/// say.
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

/// The greater score first, of equals the first number.
fn likelier(a: &(f32, usize), b: &(f32, usize)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// The likeliest of every level, the likeliest of all first; of equals the first in the order of rows and classes.
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
