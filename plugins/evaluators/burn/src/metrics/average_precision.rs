//! Average precision as COCO defines it (`COCOeval` of pycocotools; boxes, all areas, at most 100 objects per image):
//! precision at 101 recalls, for each class and each overlap.

use nas_data::Object;

use crate::detection::{Detection, area, common};

/// The number of overlaps: 0.50, 0.55, ..., 0.95.
const OVERLAPS: usize = 10;
/// The number of recalls: 0.00, 0.01, ..., 1.00.
const RECALLS: usize = 101;

/// The detections in an image, the most likely first, and its true objects.
#[derive(Debug)]
pub struct Seen<'b> {
    pub found: Vec<Detection>,
    pub there: &'b [Object],
}

/// Means over the classes that have objects; 0 if none has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AveragePrecision {
    /// The mean over all overlaps, which is COCO's AP.
    pub mean: f64,
    /// The average precision at an overlap of 0.5.
    pub at_half: f64,
}

impl AveragePrecision {
    /// The average precision over these images.
    pub fn of(images: &[Seen<'_>], classes: u32) -> Self {
        let all: Vec<[f64; OVERLAPS]> = (0..classes).filter_map(|class| of_class(images, class)).collect();
        let count = all.len().max(1) as f64;
        let at = |overlap: usize| all.iter().map(|of_class| of_class[overlap]).sum::<f64>() / count;
        Self { mean: (0..OVERLAPS).map(at).sum::<f64>() / OVERLAPS as f64, at_half: at(0) }
    }
}

/// The k-th overlap as numpy's `linspace` computes it.
fn overlap(k: usize) -> f64 {
    if k + 1 == OVERLAPS { 0.95 } else { 0.5 + k as f64 * ((0.95 - 0.5) / (OVERLAPS - 1) as f64) }
}

/// How a detection counts at one overlap.
#[derive(Clone, Copy, PartialEq)]
enum Match {
    Right,
    Wrong,
    /// It matches a crowd and does not count.
    Neither,
}

/// The average precision of one class at each overlap; `None` if no image has an object of it, not counting crowds.
fn of_class(images: &[Seen<'_>], class: u32) -> Option<[f64; OVERLAPS]> {
    let own = |object: &&Object| object.class == class;
    let objects = images.iter().flat_map(|image| image.there).filter(own).filter(|object| !object.crowd).count();
    if objects == 0 {
        return None;
    }
    let mut matched: Vec<(f32, [Match; OVERLAPS])> = Vec::new();
    for image in images {
        // Crowds come last, because a detection matches a crowd only if it matches no object.
        let mut there: Vec<&Object> = image.there.iter().filter(own).collect();
        there.sort_by_key(|object| object.crowd);
        let found: Vec<&Detection> = image.found.iter().filter(|found| found.class == class).collect();
        let by_overlap: [Vec<Match>; OVERLAPS] = std::array::from_fn(|k| matches(&found, &there, overlap(k)));
        let all = found.iter().enumerate();
        matched.extend(all.map(|(at, found)| (found.score, std::array::from_fn(|k| by_overlap[k][at]))));
    }
    // Detections with equal scores stay in the order of the images.
    matched.sort_by(|a, b| b.0.total_cmp(&a.0));
    Some(std::array::from_fn(|k| mean_precision(matched.iter().map(|(_, of)| of[k]), objects)))
}

/// Matches each detection, the most likely first, with the free object that has the largest overlap, the last of equal
/// ones.
fn matches(found: &[&Detection], there: &[&Object], least: f64) -> Vec<Match> {
    let mut taken = vec![false; there.len()];
    let one = |found: &&Detection| {
        let mut best: Option<usize> = None;
        let mut most = least.min(1.0 - 1e-10);
        for (at, object) in there.iter().enumerate() {
            if taken[at] && !object.crowd {
                continue;
            }
            if object.crowd && best.is_some_and(|best| !there[best].crowd) {
                break;
            }
            let shared = shared(found.sides, object);
            if shared >= most {
                most = shared;
                best = Some(at);
            }
        }
        let Some(best) = best else { return Match::Wrong };
        taken[best] = true;
        if there[best].crowd { Match::Neither } else { Match::Right }
    };
    found.iter().map(one).collect()
}

/// Intersection over union; for a crowd, intersection over the area of the detection.
fn shared(found: [f32; 4], object: &Object) -> f64 {
    let common = common(found, object.sides);
    let whole = if object.crowd { area(found) } else { area(found) + area(object.sides) - common };
    common / whole
}

/// The mean over all recalls of the highest precision at that recall or more. The matches come in the order of their
/// scores.
fn mean_precision(matches: impl Iterator<Item = Match>, objects: usize) -> f64 {
    let (mut right, mut all) = (0_usize, 0_usize);
    let mut curve: Vec<(f64, f64)> = Vec::new();
    for found in matches.filter(|found| *found != Match::Neither) {
        right += usize::from(found == Match::Right);
        all += 1;
        curve.push((right as f64 / objects as f64, right as f64 / all as f64));
    }
    let mut most = 0.0_f64;
    for (_, precision) in curve.iter_mut().rev() {
        most = most.max(*precision);
        *precision = most;
    }
    // The recalls as numpy's `linspace` computes them.
    let at = |recall: usize| {
        let place = curve.partition_point(|(reached, _)| *reached < recall as f64 * 0.01);
        curve.get(place).map_or(0.0, |(_, precision)| *precision)
    };
    (0..RECALLS).map(at).sum::<f64>() / RECALLS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator that `references/average_precision.py` implements as well.
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, limit: u64) -> i32 {
            self.0 = (self.0 * 1_103_515_245 + 12_345) % (1 << 31);
            ((self.0 >> 16) % limit) as i32
        }

        fn sides(&mut self) -> [i32; 4] {
            [60, 60, 36, 36].map(|limit| self.below(limit))
        }
    }

    /// The sides of a box, given left, top, width and height.
    fn sides([x, y, width, height]: [i32; 4]) -> [f32; 4] {
        [x, y, x + width, y + height].map(|side| side as f32)
    }

    const CLASSES: u32 = 4;

    /// The true objects and the detections, image by image.
    fn made_up() -> Vec<(Vec<Object>, Vec<Detection>)> {
        let mut draw = Draw(7);
        let mut image = || {
            let (mut there, mut found) = (Vec::new(), Vec::new());
            let mut places = Vec::new();
            for _ in 0..draw.below(6) {
                let [x, y, width, height] = draw.sides();
                let place = [x, y, width + 4, height + 4];
                let (class, crowd) = (draw.below(3), draw.below(8) == 0);
                there.push(Object { sides: sides(place), class: class as u32, crowd });
                places.push((place, class));
            }
            for (place, class) in places {
                for _ in 0..draw.below(4) {
                    let moved = place.map(|side| side + draw.below(7) - 3);
                    let moved = [moved[0], moved[1], moved[2].max(1), moved[3].max(1)];
                    let class = if draw.below(6) == 0 { draw.below(4) } else { class };
                    let score = (1 + draw.below(32)) as f32 / 32.0;
                    found.push(Detection { score, class: class as u32, sides: sides(moved) });
                }
            }
            for _ in 0..draw.below(4) {
                let [x, y, width, height] = draw.sides();
                let class = draw.below(4) as u32;
                let score = (1 + draw.below(32)) as f32 / 64.0;
                found.push(Detection { score, class, sides: sides([x, y, width + 4, height + 4]) });
            }
            // A detector returns them in this order; the sort is stable.
            found.sort_by(|a: &Detection, b| b.score.total_cmp(&a.score));
            (there, found)
        };
        (0..12).map(|_| image()).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }

    /// The expected numbers are those of pycocotools 2.0.11, computed by `references/average_precision.py`.
    #[test]
    fn made_up_detections_have_the_precision_of_pycocotools() {
        let images = made_up();
        let seen: Vec<Seen<'_>> =
            images.iter().map(|(there, found)| Seen { found: found.clone(), there: &there[..] }).collect();
        let counts = [
            images.iter().map(|(there, _)| there.len()).sum::<usize>(),
            images.iter().flat_map(|(there, _)| there).filter(|object| object.crowd).count(),
            images.iter().map(|(_, found)| found.len()).sum(),
        ];
        assert_eq!(counts, [34, 5, 66]);
        let first = of_class(&seen, 0).unwrap();
        let expected = [
            0.529_909_240_924_092_4,
            0.401_815_181_518_151_8,
            0.401_815_181_518_151_8,
            0.365_099_009_900_990_1,
            0.223_597_359_735_973_6,
            0.146_658_415_841_584_15,
            0.071_027_817_067_421_03,
            0.032_838_283_828_382_84,
            0.0,
            0.0,
        ];
        for (found, expected) in first.into_iter().zip(expected) {
            close(found, expected);
        }
        assert_eq!(of_class(&seen, 3), None, "no image has an object of this class");
        let all = AveragePrecision::of(&seen, CLASSES);
        close(all.mean, 0.150_568_914_034_260_56);
        close(all.at_half, 0.383_732_123_212_321_25);
    }

    #[test]
    fn perfect_detections_score_one_and_none_score_zero() {
        let there = [Object { sides: [1.0, 2.0, 9.0, 7.0], class: 1, crowd: false }];
        let right = Detection { score: 0.1, class: 1, sides: there[0].sides };
        let of = |found: Vec<Detection>| AveragePrecision::of(&[Seen { found, there: &there }], CLASSES);
        assert_eq!(of(vec![right]), AveragePrecision { mean: 1.0, at_half: 1.0 });
        assert_eq!(of(vec![]), AveragePrecision { mean: 0.0, at_half: 0.0 });
        let other = Detection { class: 0, ..right };
        assert_eq!(of(vec![other]).mean, 0.0, "of another class");
        // A second detection of the same object is wrong, but less likely.
        let twice = Detection { score: 0.05, ..right };
        assert_eq!(of(vec![right, twice]).mean, 1.0);
        let before = Detection { score: 0.9, class: 1, sides: [50.0, 50.0, 60.0, 60.0] };
        assert_eq!(of(vec![before, right]).mean, 0.5);
        assert_eq!(AveragePrecision::of(&[], CLASSES).mean, 0.0);
    }
}
