#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, Tensor, TensorData};
use nas_api::graph::Window;
use nas_api::rng::{RngExt, seeded};
use nas_api::{GraphBuilder, SearchSpace, Setting, Settings, Task, Value};
use nas_data::Object;
use nas_network::{Network, Plan};
use nas_spaces::Detector;

use super::assign::Assigned;
use super::{Pyramid, assign, batch, example, found, start, widths};

const SMALL: &str = "block=basic,width=16,depth1=1,depth2=1,depth3=1,depth4=1,neck=fpn,neck_width=64,\
                     neck_conv=separable,extra_levels=1,head_depth=1,head_conv=separable,head_weights=shared,\
                     head_norm=group";

fn close(found: impl Into<f64>, expected: f64) {
    let found = found.into();
    assert!((found - expected).abs() <= 2e-6 + 1e-5 * expected.abs(), "{found}, not {expected}");
}

fn object(sides: [f32; 4], class: u32) -> Object {
    Object { sides, class, crowd: false }
}

#[test]
fn pyramids_follow_from_the_number_of_places() {
    for (image, stride, sizes) in [
        ([64, 64], 8.0, vec![64, 16, 4]),
        ([64, 64], 8.0, vec![64, 16, 4, 1, 1]),
        ([24, 40], 8.0, vec![15, 6, 2, 1]),
        ([33, 20], 2.0, vec![170, 45, 15]),
        ([16, 16], 8.0, vec![4, 1, 1]),
        ([800, 1088], 8.0, vec![13_600, 3_400, 850, 221, 63]),
    ] {
        let pyramid = Pyramid::of(sizes.iter().sum(), image).unwrap();
        assert_eq!((pyramid.sizes(), pyramid.places()[0].stride), (sizes, stride), "{image:?}");
    }
    assert_eq!(Pyramid::of(85 + 4, [64, 64]), None, "there is none");
    assert_eq!(Pyramid::of(5, [8, 8]), None, "strides of 4, or of 8");
    assert_eq!(Pyramid::of(3, [8, 8]), None, "strides of 8, or of 16");
}

#[test]
fn places_lie_in_the_middle_of_their_stride() {
    let places = Pyramid::of(84, [64, 64]).unwrap().places();
    let at = |row: usize| (places[row].x, places[row].y, places[row].stride);
    assert_eq!([at(0), at(1), at(8)], [(4.0, 4.0, 8.0), (12.0, 4.0, 8.0), (4.0, 12.0, 8.0)]);
    assert_eq!([at(64), at(69), at(83)], [(8.0, 8.0, 16.0), (24.0, 24.0, 16.0), (48.0, 48.0, 32.0)]);
}

#[test]
fn places_learn_the_smallest_box_around_them() {
    let pyramid = Pyramid::of(84, [64, 64]).unwrap();
    let large = object([0.0, 0.0, 30.0, 16.0], 2);
    let small = object([0.0, 0.0, 16.0, 16.0], 1);
    let rows = |objects: &[Object]| -> Vec<(usize, u32)> {
        assign(&pyramid, objects).iter().map(|it| (it.row, it.class)).collect()
    };
    // Only the finest level has any: no place is 32 pixels from a side.
    let expected = [(0, 1), (1, 1), (2, 2), (3, 2), (8, 1), (9, 1), (10, 2), (11, 2)];
    assert_eq!(rows(&[large, small]), expected);
    assert_eq!(rows(&[small, large]), expected, "whatever the order");
    let first = assign(&pyramid, &[small])[1];
    assert_eq!(first.distances, [1.5, 0.5, 0.5, 1.5]);
    close(first.centreness(), (1.0_f64 / 9.0).sqrt());
    // The border of a box is not within it, and crowds are not learnt.
    assert_eq!(rows(&[object([4.0, 4.0, 13.0, 13.0], 0)]), [(9, 0)]);
    assert_eq!(rows(&[Object { crowd: true, ..large }]), []);
}

#[test]
fn levels_take_boxes_by_size() {
    // With strides 8, 16 and 32, the levels take distances up to 64 pixels, 64 to 128, and more.
    let pyramid = Pyramid::of(256 + 64 + 16, [128, 128]).unwrap();
    assert_eq!(pyramid.ranges(), [[0.0, 64.0], [64.0, 128.0], [128.0, f32::INFINITY]]);
    let rows = |side: f32| -> Vec<usize> {
        assign(&pyramid, &[object([0.0, 0.0, side, side], 0)]).iter().map(|it| it.row).collect()
    };
    assert_eq!(rows(128.0), (256..320).collect::<Vec<_>>(), "all of the middle level");
    let middle = rows(100.0);
    assert!(middle.iter().any(|row| *row < 256) && middle.iter().any(|row| *row >= 256), "{middle:?}");
    assert!(rows(40.0).iter().all(|row| *row < 256));
}

/// One image written by hand: three places, two of which learn a box.
fn by_hand() -> ([Vec<f32>; 3], Vec<Assigned>) {
    let classes = vec![-1.5, 0.5, 2.0, -3.0, 0.25, 0.0];
    let boxes = vec![1.0, 0.5, 2.0, 3.0, 0.0, 1.0, 0.5, 0.25, 9.0, 9.0, 9.0, 9.0];
    let assigned = vec![
        Assigned { row: 0, class: 1, distances: [1.5, 1.0, 1.0, 2.0] },
        Assigned { row: 1, class: 0, distances: [0.5, 0.5, 0.75, 2.0] },
    ];
    ([classes, boxes, vec![0.7, -1.2, 5.0]], assigned)
}

fn tensors(outputs: &[Vec<f32>; 3], rows: usize) -> Vec<Tensor<2>> {
    let device = Device::flex().autodiff();
    let tensor = |numbers: &Vec<f32>| {
        let shape = [rows, numbers.len() / rows];
        Tensor::<2>::from_data(TensorData::new(numbers.clone(), shape), &device).require_grad()
    };
    outputs.iter().map(tensor).collect()
}

fn gradients(outputs: &[Vec<f32>; 3], rows: usize, assigned: &[Vec<Assigned>]) -> (f32, [Vec<f32>; 3]) {
    let tensors = tensors(outputs, rows);
    let loss = batch(tensors.clone(), assigned);
    let value = loss.clone().into_scalar::<f32>();
    let gradients = loss.backward();
    let of = |at: usize| match tensors[at].grad(&gradients) {
        Some(gradient) => gradient.into_data().try_into_vec::<f32>().unwrap(),
        None => vec![0.0; outputs[at].len()],
    };
    (value, [0, 1, 2].map(of))
}

/// The expected numbers are those of PyTorch 2.15 in double precision: focal loss by its formula, `giou` as in
/// torchvision, `binary_cross_entropy_with_logits`.
#[test]
fn the_loss_and_its_gradient_agree_with_pytorch() {
    let (outputs, assigned) = by_hand();
    let (loss, [classes, boxes, centreness]) = gradients(&outputs, 3, std::slice::from_ref(&assigned));
    close(loss, 1.738_057_864_028_882_8);
    let [a, b, c] = &outputs;
    close(example([a, b, c], &assigned) / 2.0, 1.738_057_864_028_882_8);
    let expected = [
        6.386_664_458_7e-3,
        -1.724_212_466_9e-2,
        -6.088_675_244_2e-4,
        1.180_769_424_3e-4,
        0.152_341_279_88,
        0.111_857_548_18,
    ];
    classes.iter().zip(expected).for_each(|(&found, expected)| close(found, expected));
    let expected = [
        -0.117_075_232_5,
        -0.097_844_463_2,
        0.059_428_209_2,
        0.053_307_269_7,
        -0.169_547_325_1,
        0.091_563_786_0,
        -0.169_547_325_1,
        -0.074_074_074_1,
    ];
    boxes.iter().zip(expected).for_each(|(&found, expected)| close(found, expected));
    assert_eq!(boxes[8..], [0.0; 4], "no box is learnt there");
    [0.045_418_751_5, -0.088_386_537_0, 0.0]
        .iter()
        .zip(centreness)
        .for_each(|(&expected, found)| close(found, expected));
}

#[test]
fn gradients_agree_with_finite_differences() {
    let mut rng = seeded(3);
    let mut draw = |count: usize, from: f32, to: f32| -> Vec<f32> {
        (0..count).map(|_| from + (to - from) * rng.random::<f32>()).collect()
    };
    let (places, classes) = (5, 3);
    let outputs = [draw(10 * classes, -4.0, 4.0), draw(10 * 4, 0.1, 3.0), draw(10, -4.0, 4.0)];
    let mut learnt = |row: usize, class: u32| {
        let distances = draw(4, 0.2, 3.0).try_into().unwrap();
        Assigned { row, class, distances }
    };
    let assigned = [vec![learnt(0, 2), learnt(3, 0)], vec![learnt(4, 1)]];
    let sum = |outputs: &[Vec<f32>; 3]| -> f64 {
        let of = |image: usize| {
            let part = |at: usize, width: usize| &outputs[at][image * places * width..(image + 1) * places * width];
            example([part(0, classes), part(1, 4), part(2, 1)], &assigned[image])
        };
        (of(0) + of(1)) / 3.0
    };
    let (loss, found) = gradients(&outputs, 10, &assigned);
    close(loss, sum(&outputs));
    for (at, found) in found.iter().enumerate() {
        for (place, &found) in found.iter().enumerate() {
            let shifted = |by: f32| {
                let mut moved = outputs.clone();
                moved[at][place] += by;
                (sum(&moved), f64::from(moved[at][place]))
            };
            let ((more, right), (less, left)) = (shifted(1e-3), shifted(-1e-3));
            let expected = (more - less) / (right - left);
            assert!((f64::from(found) - expected).abs() < 2e-4, "output {at}, {place}: {found}, not {expected}");
        }
    }
}

#[test]
fn images_without_objects_are_background_and_extremes_stay_finite() {
    let outputs = [vec![-100.0, 100.0, 0.0, 0.0], vec![0.0; 8], vec![-100.0, 100.0]];
    let (loss, [classes, boxes, _]) = gradients(&outputs, 2, &[vec![]]);
    let [a, b, c] = &outputs;
    close(loss, example([a, b, c], &[]));
    close(loss, 0.75 * (100.0 + 2.0 * 0.25 * 2.0_f64.ln()));
    assert!(classes.iter().all(|gradient| gradient.is_finite()));
    assert_eq!(boxes, [0.0; 8]);
    // An empty box learns nothing by itself, and breaks nothing.
    let (loss, gradients) =
        gradients(&outputs, 2, &[vec![Assigned { row: 0, class: 0, distances: [1.0, 1.0, 1.0, 1.0] }]]);
    assert!(loss.is_finite() && gradients.iter().flatten().all(|gradient| gradient.is_finite()), "{gradients:?}");
}

#[test]
fn detections_are_scored_clipped_and_suppressed() {
    // The pyramid has one level of eight places with a stride of 8, and there are two classes.
    let pyramid = Pyramid::of(8, [32, 16]).unwrap();
    let logit = |p: f32| (p / (1.0 - p)).ln();
    let (none, sure) = (-50.0, [50.0; 8]);
    let mut classes = [none; 16];
    let likely = [(0, 0.64), (2, 0.25), (5, 0.36), (6, 0.16)];
    likely.iter().for_each(|&(at, p)| classes[at] = logit(p));
    // Places are at 4 and 12. The first two predict nearly the same box, the third the same with another class.
    let mut boxes = [0.0; 32];
    boxes[..16].copy_from_slice(&[0.5, 0.5, 1.0, 1.0, 1.5, 0.5, 0.0, 1.0, 0.5, 1.5, 1.0, 0.0, 0.25, 0.25, 9.0, 9.0]);
    let found = found(&pyramid, [&classes, &boxes, &sure]);
    let likely: Vec<_> = found.iter().filter(|found| found.score > 0.01).collect();
    assert_eq!(likely.len(), 3, "{likely:?}");
    assert_eq!((likely[0].class, likely[0].sides), (0, [0.0, 0.0, 12.0, 12.0]));
    assert_eq!((likely[1].class, likely[1].sides), (1, [0.0, 0.0, 12.0, 12.0]));
    assert_eq!((likely[2].class, likely[2].sides), (0, [10.0, 10.0, 16.0, 32.0]), "cut at the border");
    for (found, expected) in likely.iter().zip([0.8, 0.6, 0.4]) {
        close(found.score, expected);
    }
    // Now the centreness is a half.
    let found = super::found(&pyramid, [&classes, &boxes, &[0.0; 8]]);
    close(found[0].score, 0.32_f64.sqrt());
    // Scores that are NaN and empty boxes give no objects.
    assert!(super::found(&pyramid, [&[f32::NAN; 16], &boxes, &[0.0; 8]]).is_empty());
    assert!(super::found(&pyramid, [&classes, &[0.0; 32], &[0.0; 8]]).is_empty());
}

#[test]
fn a_layer_of_several_outputs_keeps_its_initial_weights() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let conv = graph.conv("all", input, 8, Window::same(3, 1));
    let mut rows = graph.reshape("rows", conv, &[8, -1]);
    rows = graph.transpose("places", rows, &[0, 2, 1]);
    // Every step doubles the number of paths that lead back.
    for step in 0..60 {
        let twice = graph.concat(format!("twice{step}"), &[rows, rows], -1);
        rows = graph.slice(format!("once{step}"), twice, -1, 0, 8);
    }
    let cut = [("classes", 0, 3), ("boxes", 3, 7), ("centreness", 7, 8)];
    let outputs = cut.map(|(name, from, to)| graph.slice(name, rows, -1, from, to));
    let graph = graph.finish(&outputs);
    let mut plan = Plan::of(&graph, &[3, 8, 8], &widths(3)).unwrap();
    let fills =
        |plan: &Plan| plan.slots.iter().map(|slot| format!("{:?}", slot.tensor.initializer)).collect::<Vec<_>>();
    let before = fills(&plan);
    start(&mut plan, &graph).unwrap();
    assert_eq!(fills(&plan), before);
}

#[test]
fn classes_start_unlikely_and_boxes_with_an_extent() {
    let space = Detector::new();
    for text in
        [SMALL.to_owned(), SMALL.replace("shared", "separate"), SMALL.replace("head_conv=separable", "head_conv=full")]
    {
        let set = [Setting { name: "stem".into(), value: Value::Text("imagenet".into()) }];
        let settings = Settings::checked(&space.task_parameters(), &set).unwrap();
        let task = Task { input_shape: vec![3, 64, 64], outputs: 3, kind: "detection".into(), settings };
        let graph = space.build(&space.parse(&text).unwrap(), &task).unwrap();
        let mut plan = Plan::of(&graph, &[3, 64, 64], &widths(3)).unwrap();
        start(&mut plan, &graph).unwrap();
        let arrays = Network::new(plan, 1, &Device::flex().autodiff()).arrays().unwrap();
        let biases = arrays.iter().filter(|array| array.name.ends_with(".bias") && array.name.contains(".out."));
        let biases: Vec<_> = biases.filter(|array| array.name.starts_with("head.")).collect();
        let levels = if text.contains("separate") { 4 } else { 1 };
        assert_eq!(biases.len(), 3 * levels, "{biases:?}");
        for array in biases {
            let starts = [("classes", -(99.0_f32.ln())), ("boxes", 2.0), ("centreness", 0.0)];
            let (_, start) = starts.into_iter().find(|(name, _)| array.name.contains(name)).unwrap();
            assert!(array.values.iter().all(|value| (value - start).abs() < 1e-6), "{array:?}");
            let weights = array.name.replace(".bias", ".weight");
            let weights = &arrays.iter().find(|array| array.name == weights).unwrap().values;
            let deviation = (weights.iter().map(|x| x * x).sum::<f32>() / weights.len() as f32).sqrt();
            assert!((0.006..0.014).contains(&deviation), "{}: {deviation}", array.name);
        }
    }
}
