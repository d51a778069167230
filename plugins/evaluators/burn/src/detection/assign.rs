//! Which place learns which box.

use nas_data::Object;

use super::area;
use super::pyramid::{Place, Pyramid};

/// What one place is to find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assigned {
    /// Row of the outputs of its image.
    pub row: usize,
    pub class: u32,
    /// From the place to the left, top, right and bottom of the box, in strides of its level.
    pub distances: [f32; 4],
}

impl Assigned {
    /// How near the middle of its box the place is, from 0 to 1 (section 3.4).
    pub fn centreness(&self) -> f32 {
        let [left, top, right, bottom] = self.distances;
        ((left.min(right) / left.max(right)) * (top.min(bottom) / top.max(bottom))).sqrt()
    }
}

/// The places that learn a box, in order; all others learn that nothing is there. A place learns the smallest of the boxes
/// around it whose size is for its level, the first of equals (section 3.1). Nothing is learnt of crowds.
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

/// The smallest box around a place that is of a size in this range.
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
