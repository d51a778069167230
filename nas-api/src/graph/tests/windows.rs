//! Tests of convolutions, pooling, and resizing of images.

use super::super::builder::{int, ints};
use super::super::{Attribute, Symbol};
use super::{cost, one, refused};

#[test]
fn convolutions_follow_onnx() {
    let with = |more: &[(Symbol, Attribute)]| {
        let mut attributes = vec![int("out_channels", 6), ints("kernel_shape", &[3, 5])];
        attributes.extend_from_slice(more);
        attributes
    };
    assert_eq!(one("Conv", 1, with(&[]), &[3, 10, 11]).unwrap(), [6, 8, 7]);
    let padded = [ints("pads", &[1, 2, 0, 3]), ints("strides", &[2, 3]), ints("dilations", &[2, 1])];
    // (10 + 1 + 0 - 5) / 2 + 1 and (11 + 2 + 3 - 5) / 3 + 1
    assert_eq!(one("Conv", 1, with(&padded), &[3, 10, 11]).unwrap(), [6, 4, 4]);
    assert_eq!(one("Conv", 1, with(&[int("group", 3)]), &[3, 10, 11]).unwrap(), [6, 8, 7]);
    refused("Conv", 1, with(&[int("group", 2)]), &[3, 10, 11], "does not divide the 3 input channels");
    refused("Conv", 1, with(&[int("group", 4)]), &[4, 10, 11], "does not divide the 6 output channels");
    refused("Conv", 1, with(&[]), &[3, 10, 4], "window is 5 wide, larger than the padded input of 4");
    refused("Conv", 1, with(&[]), &[30], "takes a value of 2 or 3 axes");
    refused("Conv", 1, with(&[ints("strides", &[0, 1])]), &[3, 10, 11], "'strides' is 0, but");
    refused("Conv", 1, with(&[ints("pads", &[0, 0, -1, 0])]), &[3, 10, 11], "'pads' holds -1");
    refused("Conv", 1, with(&[ints("strides", &[1])]), &[3, 10, 11], "2 whole numbers");
    refused("Conv", 1, with(&[ints("dilations", &[1 << 31, 1])]), &[3, 10, 11], "larger than the padded");
}

#[test]
fn pooling_windows_in_the_padding_alone_are_refused() {
    let pool = |pad: i64| vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), ints("pads", &[pad; 4])];
    assert_eq!(one("AveragePool", 1, pool(0), &[3, 5, 4]).unwrap(), [3, 2, 2]);
    assert_eq!(one("MaxPool", 1, pool(1), &[3, 5, 4]).unwrap(), [3, 3, 3]);
    refused("AveragePool", 1, pool(2), &[3, 5, 4], "in the padding alone");
    refused("MaxPool", 1, vec![], &[3, 5, 4], "'kernel_shape' is missing");
    assert_eq!(one("GlobalAveragePool", 1, vec![], &[3, 5, 4]).unwrap(), [3, 1, 1]);
}

#[test]
fn windows_move_along_signals() {
    let conv = |more: &[(Symbol, Attribute)]| [&[int("out_channels", 6), ints("kernel_shape", &[5])], more].concat();
    // (20 + 1 + 2 - 2 * 4 - 1) / 3 + 1
    let moved = conv(&[ints("pads", &[1, 2]), ints("strides", &[3]), ints("dilations", &[2])]);
    assert_eq!(one("Conv", 1, moved, &[4, 20]).unwrap(), [6, 5]);
    // 6 · 4 · 5 weights at 16 positions.
    assert_eq!(cost("Conv", 1, conv(&[]), &[4, 20]), [120 + 6, 120 * 16, 6 * 16]);
    assert_eq!(cost("Conv", 1, conv(&[int("group", 2), int("bias", 0)]), &[4, 20]), [60, 60 * 16, 0]);
    refused("Conv", 1, conv(&[ints("strides", &[1, 1])]), &[4, 20], "1 whole numbers");
    refused("Conv", 1, conv(&[]), &[4, 3], "window is 5 long, larger than the padded input of 3");
    let pool = vec![ints("kernel_shape", &[2]), ints("strides", &[2])];
    assert_eq!(one("MaxPool", 1, pool.clone(), &[4, 21]).unwrap(), [4, 10]);
    refused("MaxPool", 1, pool, &[4, 6, 6], "2 whole numbers");
    assert_eq!(one("GlobalMaxPool", 1, vec![], &[4, 21]).unwrap(), [4, 1]);
    assert_eq!(one("GlobalMaxPool", 1, vec![], &[4, 5, 6]).unwrap(), [4, 1, 1]);
    refused("GlobalAveragePool", 1, vec![], &[4], "2 or 3 axes");
}

#[test]
fn transposed_convolutions_undo_the_sizes_of_convolutions() {
    let base = |more: &[(Symbol, Attribute)]| [&[int("out_channels", 6), ints("kernel_shape", &[3, 4])], more].concat();
    // 1 · (10 - 1) + 3 and 1 · (11 - 1) + 4
    assert_eq!(one("ConvTranspose", 1, base(&[]), &[4, 10, 11]).unwrap(), [6, 12, 14]);
    let moved = [
        ints("strides", &[2, 3]),
        ints("pads", &[1, 0, 1, 2]),
        ints("output_padding", &[1, 0]),
        ints("dilations", &[1, 2]),
    ];
    // 2 · 9 + 3 + 1 - 2 and 3 · 10 + (2 · 3 + 1) + 0 - 2
    assert_eq!(one("ConvTranspose", 1, base(&moved), &[4, 10, 11]).unwrap(), [6, 20, 35]);
    // 4 · 6 · 12 weights, each used once at each of the 110 input positions.
    assert_eq!(cost("ConvTranspose", 1, base(&[]), &[4, 10, 11]), [288 + 6, 288 * 110, 6 * 12 * 14]);
    assert_eq!(cost("ConvTranspose", 1, base(&[int("group", 2), int("bias", 0)]), &[4, 10, 11]), [144, 144 * 110, 0]);
    refused("ConvTranspose", 1, base(&[ints("output_padding", &[1, 0])]), &[4, 10, 11], "must be below stride");
    refused("ConvTranspose", 1, base(&[ints("pads", &[9, 0, 9, 0])]), &[4, 10, 11], "cut 18 off a result of 12");
    refused("ConvTranspose", 1, base(&[int("group", 4)]), &[4, 10, 11], "does not divide the 6 output channels");
    let too_large = vec![
        int("out_channels", 1),
        ints("kernel_shape", &[1 << 31]),
        ints("strides", &[1 << 31]),
        ints("dilations", &[1 << 31]),
    ];
    refused("ConvTranspose", 1, too_large, &[1, 1 << 31], "numbers");
}

#[test]
fn resizing_changes_height_and_width() {
    assert_eq!(one("Resize", 1, vec![ints("scales", &[2, 3])], &[4, 5, 6]).unwrap(), [4, 10, 18]);
    refused("Resize", 1, vec![ints("scales", &[0, 1])], &[4, 5, 6], "between 1 and");
    refused("Resize", 1, vec![], &[4, 5, 6], "missing");
    refused("Resize", 1, vec![ints("scales", &[1 << 31, 1 << 31])], &[4, 5, 6], "numbers");
    assert_eq!(one("DepthToSpace", 1, vec![int("blocksize", 2)], &[12, 5, 6]).unwrap(), [3, 10, 12]);
    refused("DepthToSpace", 1, vec![int("blocksize", 2)], &[6, 5, 6], "does not divide the 6 channels");
    assert_eq!(one("SpaceToDepth", 1, vec![int("blocksize", 2)], &[3, 10, 12]).unwrap(), [12, 5, 6]);
    refused("SpaceToDepth", 1, vec![int("blocksize", 2)], &[3, 5, 12], "does not divide the 5 rows");
}
