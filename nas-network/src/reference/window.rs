//! Convolutions and pooling. A signal is an image with one row.

use nas_api::Node;

use super::{Batch, Weights, array, int};

/// The movement of a window, height before width.
struct Moves {
    kernel: [i64; 2],
    strides: [i64; 2],
    dilations: [i64; 2],
    begin: [i64; 2],
    end: [i64; 2],
}

impl Moves {
    fn of(node: &Node, axes: usize) -> Self {
        let sides = |given: &[i64], row: i64| if axes == 1 { [row, given[0]] } else { [given[0], given[1]] };
        let set = |name: &str, default: Option<i64>, row: i64| sides(&node.ints(name, axes, default).unwrap(), row);
        let pads = node.ints("pads", 2 * axes, Some(0)).unwrap();
        Self {
            kernel: set("kernel_shape", None, 1),
            strides: set("strides", Some(1), 1),
            dilations: if node.op.ends_with("Pool") { [1, 1] } else { set("dilations", Some(1), 1) },
            begin: sides(&pads[..axes], 0),
            end: sides(&pads[axes..], 0),
        }
    }

    /// The places within the window.
    fn places(&self) -> impl Iterator<Item = [i64; 2]> + use<> {
        let [height, width] = self.kernel;
        (0..height).flat_map(move |down| (0..width).map(move |right| [down, right]))
    }

    /// The pixel that a place of the window reads for an output.
    fn reads(&self, output: [i64; 2], place: [i64; 2]) -> [i64; 2] {
        [0, 1].map(|side| output[side] * self.strides[side] + place[side] * self.dilations[side] - self.begin[side])
    }

    fn covers(&self, side: usize) -> i64 {
        self.dilations[side] * (self.kernel[side] - 1) + 1
    }

    fn outputs(&self, x: &Batch) -> [usize; 2] {
        [0, 1].map(|side| {
            let padded = x.shape[1 + side] as i64 + self.begin[side] + self.end[side];
            ((padded - self.covers(side)) / self.strides[side] + 1) as usize
        })
    }
}

impl Batch {
    /// A pixel of one example; `None` outside the image.
    fn pixel(&self, example: usize, channel: usize, [row, column]: [i64; 2]) -> Option<f64> {
        let (row, column) = (usize::try_from(row).ok()?, usize::try_from(column).ok()?);
        (row < self.shape[1] && column < self.shape[2]).then(|| self.at(&[example, channel, row, column]))
    }
}

pub fn apply(node: &Node, x: &Batch, weights: &Weights) -> Batch {
    let axes = x.shape.len() - 1;
    let image = Batch { shape: [&x.shape[..1], &[1][..2 - axes], &x.shape[1..]].concat(), values: x.values.clone() };
    let mut out = match node.op.as_str() {
        "Conv" => conv(node, &image, &Moves::of(node, axes), weights),
        "ConvTranspose" => transposed(node, &image, axes, weights),
        "MaxPool" => pool(&image, &Moves::of(node, axes), |window, _| greatest(window)),
        "AveragePool" if int(node, "count_include_pad", 0) == 1 => {
            pool(&image, &Moves::of(node, axes), |window, size| window.iter().sum::<f64>() / size as f64)
        }
        "AveragePool" => pool(&image, &Moves::of(node, axes), |window, _| mean(window)),
        global => {
            let area = image.shape[1] * image.shape[2];
            let of = if global == "GlobalMaxPool" { greatest } else { mean };
            Batch { shape: vec![image.shape[0], 1, 1], values: image.values.chunks(area).map(of).collect() }
        }
    };
    if axes == 1 {
        out.shape.remove(1);
    }
    out
}

fn greatest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn conv(node: &Node, x: &Batch, moves: &Moves, weights: &Weights) -> Batch {
    let (to, group) = (int(node, "out_channels", 0), int(node, "group", 1));
    let (weight, bias) = (array(node, weights, "weight").unwrap(), array(node, weights, "bias"));
    let from = x.shape[0] / group;
    let [height, width] = moves.outputs(x);
    Batch::build(x.count(), &[to, height, width], |at| {
        let (out, mut sum) = (at[1], bias.map_or(0.0, |bias| bias[at[1]]));
        for channel in 0..from {
            for [down, right] in moves.places() {
                let read = out / (to / group) * from + channel;
                let place = ((out * from + channel) as i64 * moves.kernel[0] + down) * moves.kernel[1] + right;
                let pixel = x.pixel(at[0], read, moves.reads([at[2] as i64, at[3] as i64], [down, right]));
                sum += pixel.unwrap_or(0.0) * weight[place as usize];
            }
        }
        sum
    })
}

/// Adds every input to all outputs that its window covers.
fn transposed(node: &Node, x: &Batch, axes: usize, weights: &Weights) -> Batch {
    let moves = Moves::of(node, axes);
    let (to, group) = (int(node, "out_channels", 0), int(node, "group", 1));
    let (weight, bias) = (array(node, weights, "weight").unwrap(), array(node, weights, "bias"));
    let more = node.ints("output_padding", axes, Some(0)).unwrap();
    let more = if axes == 1 { [0, more[0]] } else { [more[0], more[1]] };
    let [height, width] = [0, 1].map(|side| {
        let full = moves.strides[side] * (x.shape[1 + side] as i64 - 1) + moves.covers(side) + more[side];
        (full - moves.begin[side] - moves.end[side]) as usize
    });
    let mut out = Batch::build(x.count(), &[to, height, width], |at| bias.map_or(0.0, |bias| bias[at[1]]));
    let (each, from) = (to / group, x.shape[0] / group);
    let inputs = Batch::build(x.count(), &x.shape, |at| {
        for channel in 0..each {
            for [down, right] in moves.places() {
                let [row, column] = moves.reads([at[2] as i64, at[3] as i64], [down, right]);
                if !(0..height as i64).contains(&row) || !(0..width as i64).contains(&column) {
                    continue;
                }
                let place = ((at[1] * each + channel) as i64 * moves.kernel[0] + down) * moves.kernel[1] + right;
                let write = (at[0] * to + at[1] / from * each + channel) * height + row as usize;
                out.values[write * width + column as usize] += x.at(at) * weight[place as usize];
            }
        }
        0.0
    });
    assert_eq!(inputs.shape, x.shape);
    out
}

/// Pooling; `of` receives the numbers inside the image and the size of the whole window.
fn pool(x: &Batch, moves: &Moves, of: impl Fn(&[f64], usize) -> f64) -> Batch {
    let [height, width] = moves.outputs(x);
    Batch::build(x.count(), &[x.shape[0], height, width], |at| {
        let read = |place| x.pixel(at[0], at[1], moves.reads([at[2] as i64, at[3] as i64], place));
        let window: Vec<f64> = moves.places().filter_map(read).collect();
        of(&window, (moves.kernel[0] * moves.kernel[1]) as usize)
    })
}
