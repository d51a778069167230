//! Assigns boxes to the places that learn them.

use nas_data::Object;

use super::area;
use super::pyramid::{Place, Pyramid};

/// The target of one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assigned {
    /// The row in the outputs of its image.
    pub row: usize,
    pub class: u32,
    /// The distances from the place to the left, top, right and bottom of the box, in strides of its level.
    pub distances: [f32; 4],
}

impl Assigned {
    /// The centreness, from 0 to 1: how close the place is to the middle of its box (section 3.4).
    pub fn centreness(&self) -> f32 {
        let [left, top, right, bottom] = self.distances;
        ((left.min(right) / left.max(right)) * (top.min(bottom) / top.max(bottom))).sqrt()
    }
}

/// The places that learn a box, in order; all others learn that they show no object. A place learns the smallest of the
/// boxes around it whose size belongs to its level, the first of equal ones (section 3.1). Crowds are not learnt.
pub fn assign(pyramid: &Pyramid, objects: &[Object]) -> Vec<Assigned> {
    let places = pyramid.places();
    let mut assigned = Vec::new();
    let mut row = 0;
    for (size, range) in pyramid.sizes().into_iter().zip(pyramid.ranges()) {
        for place in &places[row..row + size] {
            if let Some((object, distances)) = smallest(place, range, objects) {
                assigned.push(Assigned { row, class: object.class, distances });
            }
            row += 1;
        }
    }
    assigned
}

/// The smallest box around a place whose size is in this range.
fn smallest<'o>(place: &Place, [least, most]: [f32; 2], objects: &'o [Object]) -> Option<(&'o Object, [f32; 4])> {
    let mut best: Option<(&Object, [f32; 4])> = None;
    for object in objects.iter().filter(|object| !object.crowd) {
        let [left, top, right, bottom] = object.sides;
        let distances = [place.x - left, place.y - top, right - place.x, bottom - place.y];
        let farthest = distances.into_iter().fold(0.0, f32::max);
        let inside = distances.iter().all(|&distance| distance > 0.0);
        let smaller = best.is_none_or(|(other, _)| area(object.sides) < area(other.sides));
        if inside && (least..=most).contains(&farthest) && smaller {
            best = Some((object, distances.map(|distance| distance / place.stride)));
        }
    }
    best
}
