//! Tests of elementwise functions, normalisations, reductions and rearrangement.

use super::super::builder::{float, int, ints, text};
use super::super::operators;
use super::{cost, one, refused};

#[test]
fn the_table_is_sorted_and_every_operator_is_found() {
    let names: Vec<&str> = operators::names().collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    assert!(names.iter().all(|name| operators::is_known(name)));
    assert!(!operators::is_known("Conv3d") && !operators::is_known(""));
    assert!(operators::is_unary("Slice") && !operators::is_unary("Add") && !operators::is_unary("Weight"));
}

#[test]
fn elementwise_functions_keep_the_shape() {
    for op in ["Neg", "Abs", "Exp", "Log", "Sqrt", "Reciprocal", "Erf", "LogSoftmax", "Swish", "Clip"] {
        assert_eq!(one(op, 1, vec![], &[3, 4]).unwrap(), [3, 4]);
        assert_eq!(cost(op, 1, vec![], &[3, 4]), [0, 0, 0]);
    }
    assert!(one("Clip", 1, vec![float("min", 0.0), float("max", 6.0)], &[3]).is_ok());
    refused("Clip", 1, vec![float("min", 1.0), float("max", 0.5)], &[3], "'min' is 1, above the attribute 'max', 0.5");
    refused("Clip", 1, vec![float("max", f64::INFINITY)], &[3], "finite");
    refused("Swish", 1, vec![float("alpha", 0.0)], &[3], "above 0");
}

#[test]
fn normalisations_count_scales_and_shifts() {
    assert_eq!(cost("BatchNormalization", 1, vec![], &[6, 10]), [12, 0, 0]);
    assert_eq!(cost("LayerNormalization", 1, vec![], &[6, 10]), [20, 0, 0]);
    assert_eq!(cost("LayerNormalization", 1, vec![int("bias", 0)], &[6, 10]), [10, 0, 0]);
    assert_eq!(cost("LayerNormalization", 1, vec![int("axis", 1)], &[6, 10]), [120, 0, 0]);
    assert_eq!(cost("RMSNormalization", 1, vec![], &[6, 10]), [10, 0, 0]);
    assert_eq!(cost("RMSNormalization", 1, vec![int("axis", -2)], &[6, 10]), [60, 0, 0]);
    assert_eq!(cost("GroupNormalization", 1, vec![int("num_groups", 3)], &[6, 10]), [12, 0, 0]);
    assert_eq!(cost("InstanceNormalization", 1, vec![], &[6, 4, 4]), [12, 0, 0]);
    refused("GroupNormalization", 1, vec![int("num_groups", 4)], &[6, 10], "4, which does not divide the 6 channels");
    refused("GroupNormalization", 1, vec![], &[6, 10], "'num_groups' is missing");
    refused("InstanceNormalization", 1, vec![], &[6], "at least 2 axes");
    refused("LayerNormalization", 1, vec![int("axis", 3)], &[6, 10], "1 to 2");
    refused("RMSNormalization", 1, vec![int("bias", 1)], &[6], "not known");
    refused("RMSNormalization", 1, vec![float("epsilon", 0.0)], &[6], "above 0");
}

#[test]
fn reductions_remove_or_keep_their_axes() {
    for op in ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"] {
        assert_eq!(one(op, 1, vec![ints("axes", &[2])], &[3, 4, 5]).unwrap(), [3, 1, 5]);
        assert_eq!(one(op, 1, vec![ints("axes", &[1, -1]), int("keepdims", 0)], &[3, 4, 5]).unwrap(), [4]);
    }
    refused("ReduceMean", 1, vec![], &[3], "missing");
    refused("ReduceMean", 1, vec![ints("axes", &[])], &[3], "must name 1 to 1 axes");
    refused("ReduceMean", 1, vec![ints("axes", &[0])], &[3], "0 is the batch");
    refused("ReduceMean", 1, vec![ints("axes", &[1, -2])], &[3, 4], "name axis 1 twice");
    refused("ReduceMean", 1, vec![ints("axes", &[1]), int("keepdims", 0)], &[3], "leave no axis");
}

#[test]
fn rearrangement_keeps_every_element() {
    assert_eq!(one("Transpose", 1, vec![ints("perm", &[0, 3, 1, 2])], &[3, 4, 5]).unwrap(), [5, 3, 4]);
    for perm in [&[1, 0, 2, 3][..], &[0, 1, 1, 2], &[0, 1, 2, 4], &[0, 1, 2, -1], &[0, 1, 2, 0]] {
        refused("Transpose", 1, vec![ints("perm", perm)], &[3, 4, 5], "must hold 0 (the batch) first");
    }
    refused("Transpose", 1, vec![ints("perm", &[0, 1])], &[3, 4, 5], "4 whole numbers");

    assert_eq!(one("Reshape", 1, vec![ints("shape", &[5, 12])], &[3, 4, 5]).unwrap(), [5, 12]);
    assert_eq!(one("Reshape", 1, vec![ints("shape", &[2, -1, 3])], &[3, 4, 5]).unwrap(), [2, 10, 3]);
    for shape in [&[7, -1][..], &[59], &[61], &[1 << 40, 1 << 40], &[-1, 1 << 62, 4]] {
        refused("Reshape", 1, vec![ints("shape", shape)], &[3, 4, 5], "does not hold the 60 numbers");
    }
    for shape in [&[-1, -1][..], &[0, -1], &[-2]] {
        refused("Reshape", 1, vec![ints("shape", shape)], &[3, 4, 5], "sizes are at least 1");
    }
    refused("Reshape", 1, vec![ints("shape", &[])], &[3], "has 0 axes");

    let slice = |start, end| vec![int("axis", 1), int("start", start), int("end", end)];
    assert_eq!(one("Slice", 1, slice(0, 1), &[7, 2]).unwrap(), [1, 2]);
    assert_eq!(one("Slice", 1, slice(-3, -1), &[7, 2]).unwrap(), [2, 2]);
    refused("Slice", 1, slice(3, 3), &[7, 2], "keeps nothing");
    refused("Slice", 1, slice(0, 8), &[7, 2], "'end' is 8, but the axis has 7 positions");
    refused("Slice", 1, slice(i64::MIN, 1), &[7, 2], "'start'");

    let pads = |pads: &[i64]| vec![ints("pads", pads)];
    assert_eq!(one("Pad", 1, pads(&[0, 1, 2, 3]), &[7, 2]).unwrap(), [9, 6]);
    refused("Pad", 1, pads(&[1, 1]), &[7, 2], "4 whole numbers");
    refused("Pad", 1, pads(&[0, 0, 0, -1]), &[7, 2], "-1");
    refused("Pad", 1, pads(&[1 << 31, 0, 1 << 31, 0]), &[1 << 20, 2], "numbers");
}

#[test]
fn text_attributes_are_checked() {
    refused("Resize", 1, vec![ints("scales", &[2, 2]), text("mode", "cubic")], &[1, 2, 2], "'nearest' or 'linear'");
    refused("Gemm", 1, vec![int("out_features", 2), text("tied", "")], &[3], "must name an earlier Gather or Gemm");
    refused("Gemm", 1, vec![int("out_features", 2), int("tied", 1)], &[3], "must be a text");
}
