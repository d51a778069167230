//! Fronts of several objectives: dominance, hypervolume and IGD+. Every coordinate is to be minimized.

/// A point in objective space, with one coordinate per objective.
pub type Point = Vec<f64>;

/// Whether a is nowhere worse than b.
fn weakly_dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

/// The points that no other point weakly dominates, without repetition, ordered by the first coordinate.
pub fn front(points: impl IntoIterator<Item = Point>) -> Vec<Point> {
    let mut kept = Vec::new();
    points.into_iter().for_each(|point| {
        insert(&mut kept, point);
    });
    kept.sort_by(|a, b| {
        a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(a.len().cmp(&b.len()))
    });
    kept
}

/// Adds a point to a front and removes the points that it dominates. Returns false, and leaves the front as it is,
/// where the front weakly dominates the point already.
pub fn insert(front: &mut Vec<Point>, point: Point) -> bool {
    if front.iter().any(|other| weakly_dominates(other, &point)) {
        return false;
    }
    front.retain(|other| !weakly_dominates(&point, other));
    front.push(point);
    true
}

/// The exact volume that points dominate below a reference point (Zitzler & Thiele 1999): a sweep for two objectives,
/// otherwise the sum of what each point adds to those after it (WFG; While et al. 2012, IEEE TEC 16(1)).
pub fn hypervolume(points: &[Point], reference: &[f64]) -> f64 {
    let inside = points.iter().filter(|point| point.iter().zip(reference).all(|(value, limit)| value < limit));
    let front = front(inside.cloned());
    match reference.len() {
        0 => 0.0,
        1 => front.first().map_or(0.0, |point| reference[0] - point[0]),
        2 => {
            let mut below = reference[1];
            let mut area = 0.0;
            for point in &front {
                area += (reference[0] - point[0]) * (below - point[1]);
                below = point[1];
            }
            area
        }
        _ => front.iter().enumerate().map(|(at, point)| exclusive(point, &front[at + 1..], reference)).sum(),
    }
}

/// The hypervolume that a front gains by a point.
pub fn added_volume(point: &[f64], front: &[Point], reference: &[f64]) -> f64 {
    let inside = point.iter().zip(reference).all(|(value, limit)| value < limit);
    if inside { exclusive(point, front, reference) } else { 0.0 }
}

/// The volume that a point dominates and the others do not.
fn exclusive(point: &[f64], others: &[Point], reference: &[f64]) -> f64 {
    let all: f64 = point.iter().zip(reference).map(|(value, limit)| limit - value).product();
    let limited = others.iter().map(|other| other.iter().zip(point).map(|(a, b)| a.max(*b)).collect());
    all - hypervolume(&limited.collect::<Vec<Point>>(), reference)
}

/// The mean distance from each point of the reference front to the nearest point, where only coordinates that are worse
/// count (IGD+; Ishibuchi et al. 2015, EMO). It is 0 where the front is reached and NaN without points.
pub fn igd_plus(points: &[Point], reference: &[Point]) -> f64 {
    let worse = |point: &Point, goal: &Point| {
        point.iter().zip(goal).map(|(value, goal)| (value - goal).max(0.0).powi(2)).sum::<f64>().sqrt()
    };
    let nearest = |goal: &Point| points.iter().map(|point| worse(point, goal)).fold(f64::INFINITY, f64::min);
    if points.is_empty() {
        return f64::NAN;
    }
    reference.iter().map(nearest).sum::<f64>() / reference.len() as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures;
    use super::*;

    #[test]
    fn hypervolumes_by_hand() {
        let points = [vec![1.0, 3.0], vec![2.0, 2.0], vec![3.0, 1.0], vec![3.0, 3.0]];
        assert_eq!(hypervolume(&points, &[4.0, 4.0]), 6.0, "3 + 2 + 1");
        assert_eq!(hypervolume(&points, &[1.0, 1.0]), 0.0, "nothing is below it");
        let points = [vec![0.0, 1.0, 1.0], vec![1.0, 0.0, 1.0], vec![1.0, 1.0, 0.0]];
        // Three boxes of 2 × 1 × 1 share the one of 1 × 1 × 1: 3 · 2 − 2.
        assert_eq!(hypervolume(&points, &[2.0, 2.0, 2.0]), 4.0);
        assert_eq!(hypervolume(&[vec![0.5; 4]], &[1.0; 4]), 0.0625);
    }

    #[test]
    fn igd_plus_counts_only_worse_coordinates() {
        let goal = [vec![0.0, 0.0]];
        assert_eq!(igd_plus(&[vec![-1.0, 3.0]], &goal), 3.0);
        assert_eq!(igd_plus(&[vec![3.0, 4.0]], &goal), 5.0);
        assert_eq!(igd_plus(&[vec![-1.0, -1.0]], &goal), 0.0);
    }

    #[test]
    fn hypervolume_and_igd_plus_agree_with_pymoo() {
        for expected in fixtures::FRONTS {
            let owned = |points: &[&[f64]]| points.iter().map(|point| point.to_vec()).collect::<Vec<Point>>();
            let (points, reference) = (owned(expected.points), owned(expected.reference));
            let corner = vec![0.9; points[0].len()];
            assert!((hypervolume(&points, &corner) - expected.hypervolume).abs() < 1e-12);
            assert!((igd_plus(&points, &reference) - expected.igd_plus).abs() < 1e-12);
        }
    }

    fn points(objectives: usize) -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec(prop::collection::vec((0..10).prop_map(|v| f64::from(v) / 10.0), objectives), 1..9)
    }

    proptest! {
        /// All coordinates lie on a grid, whose dominated cells are counted.
        #[test]
        fn hypervolume_equals_the_number_of_dominated_cells(points in points(3)) {
            let mut cells = 0;
            for (x, y, z) in (0..1000).map(|cell| (cell / 100, cell / 10 % 10, cell % 10)) {
                let corner = [x, y, z].map(|at| f64::from(at) / 10.0);
                cells += u32::from(points.iter().any(|point| weakly_dominates(point, &corner)));
            }
            prop_assert!((hypervolume(&points, &[1.0; 3]) - f64::from(cells) / 1000.0).abs() < 1e-9);
        }

        #[test]
        fn volumes_added_one_by_one_are_the_whole(points in points(3)) {
            let (mut front, mut sum) = (Vec::new(), 0.0);
            for point in &points {
                sum += added_volume(point, &front, &[0.8; 3]);
                insert(&mut front, point.clone());
            }
            prop_assert!((sum - hypervolume(&points, &[0.8; 3])).abs() < 1e-9);
        }

        #[test]
        fn a_constant_third_objective_changes_nothing(points in points(2)) {
            let raised: Vec<Point> = points.iter().map(|point| [&point[..], &[0.0]].concat()).collect();
            let (flat, raised) = (hypervolume(&points, &[1.0; 2]), hypervolume(&raised, &[1.0; 3]));
            prop_assert!((flat - raised).abs() < 1e-9);
        }

        #[test]
        fn more_points_never_make_a_front_worse(points in points(2), more in points(2)) {
            let reference = front(points.iter().chain(&more).cloned());
            let all: Vec<Point> = points.iter().chain(&more).cloned().collect();
            prop_assert!(hypervolume(&all, &[1.0; 2]) >= hypervolume(&points, &[1.0; 2]) - 1e-12);
            prop_assert!(igd_plus(&all, &reference) <= igd_plus(&points, &reference));
            prop_assert_eq!(igd_plus(&all, &reference), 0.0);
        }
    }
}
