//! Operators that move, cut, pad, resize, reduce and join values.

use nas_api::Node;

use super::{Batch, int, list, signed};

pub fn apply(node: &Node, x: &Batch) -> Batch {
    let shape = &x.shape;
    match node.op.as_str() {
        "Flatten" => Batch { shape: vec![shape.iter().product()], values: x.values.clone() },
        "Reshape" => {
            let mut wanted = signed(node, "shape");
            let known: i64 = wanted.iter().filter(|&&size| size > 0).product();
            let rest = shape.iter().product::<usize>() as i64 / known;
            wanted.iter_mut().filter(|size| **size < 0).for_each(|size| *size = rest);
            Batch { shape: wanted.into_iter().map(|size| size as usize).collect(), values: x.values.clone() }
        }
        "Transpose" => {
            let perm = list(node, "perm");
            let to: Vec<usize> = perm[1..].iter().map(|&from| shape[from - 1]).collect();
            Batch::build(x.count(), &to, |at| {
                let mut place = vec![0; at.len()];
                perm.iter().zip(at).for_each(|(&from, &at)| place[from] = at);
                x.at(&place)
            })
        }
        "Slice" => {
            let axis = node.axis("axis", None, shape.len()).unwrap();
            let bound = |name: &str| {
                let given = node.int(name, None).unwrap();
                if given < 0 { given + shape[axis] as i64 } else { given }
            };
            let mut to = shape.clone();
            to[axis] = (bound("end") - bound("start")) as usize;
            Batch::build(x.count(), &to, |at| {
                let mut place = at.to_vec();
                place[axis + 1] += bound("start") as usize;
                x.at(&place)
            })
        }
        "Pad" => {
            let pads = list(node, "pads");
            let axes = shape.len();
            let to: Vec<usize> = (0..axes).map(|axis| shape[axis] + pads[axis] + pads[axis + axes]).collect();
            Batch::build(x.count(), &to, |at| {
                let inner = at[1..].iter().zip(&pads).map(|(&at, &pad)| at.checked_sub(pad));
                let inner: Option<Vec<usize>> = inner.collect();
                let inside = inner.filter(|inner| inner.iter().zip(shape).all(|(at, size)| at < size));
                inside.map_or(node.float("value", 0.0).unwrap(), |inner| x.at(&[&[at[0]], &inner[..]].concat()))
            })
        }
        "Resize" => resize(node, x),
        "DepthToSpace" => {
            let block = int(node, "blocksize", 0);
            let channels = shape[0] / block.pow(2);
            Batch::build(x.count(), &[channels, shape[1] * block, shape[2] * block], |at| {
                let offset = at[2] % block * block + at[3] % block;
                x.at(&[at[0], offset * channels + at[1], at[2] / block, at[3] / block])
            })
        }
        "SpaceToDepth" => {
            let block = int(node, "blocksize", 0);
            let to = [shape[0] * block.pow(2), shape[1] / block, shape[2] / block];
            Batch::build(x.count(), &to, |at| {
                let (offset, channel) = (at[1] / shape[0], at[1] % shape[0]);
                x.at(&[at[0], channel, at[2] * block + offset / block, at[3] * block + offset % block])
            })
        }
        _ => reduce(node, x),
    }
}

fn resize(node: &Node, x: &Batch) -> Batch {
    let scales = list(node, "scales");
    let (height, width) = (x.shape[1], x.shape[2]);
    let linear = node.text("mode", "nearest").unwrap() == "linear";
    // The two pixels that contribute along one side, with their shares.
    let places = |at: usize, scale: usize, size: usize| {
        if !linear {
            return [(at / scale, 1.0), (0, 0.0)];
        }
        let place = ((at as f64 + 0.5) / scale as f64 - 0.5).clamp(0.0, size as f64 - 1.0);
        let below = place.floor() as usize;
        [(below, 1.0 - place.fract()), ((below + 1).min(size - 1), place.fract())]
    };
    Batch::build(x.count(), &[x.shape[0], height * scales[0], width * scales[1]], |at| {
        let mut sum = 0.0;
        for (row, down) in places(at[2], scales[0], height) {
            for (column, right) in places(at[3], scales[1], width) {
                sum += down * right * x.at(&[at[0], at[1], row, column]);
            }
        }
        sum
    })
}

fn reduce(node: &Node, x: &Batch) -> Batch {
    let axes = signed(node, "axes").into_iter();
    let axes: Vec<usize> =
        axes.map(|axis| if axis < 0 { axis + x.shape.len() as i64 } else { axis - 1 } as usize).collect();
    let mut kept = x.shape.clone();
    axes.iter().for_each(|&axis| kept[axis] = 1);
    let inner: Vec<usize> = axes.iter().map(|&axis| x.shape[axis]).collect();
    let mut reduced = Batch::build(x.count(), &kept, |at| {
        let all = Batch::build(1, &inner, |inside| {
            let mut place = at.to_vec();
            axes.iter().zip(&inside[1..]).for_each(|(&axis, &at)| place[axis + 1] = at);
            x.at(&place)
        });
        of_all(&node.op, &all.values)
    });
    if int(node, "keepdims", 1) == 0 {
        let left = (0..x.shape.len()).filter(|axis| !axes.contains(axis));
        reduced.shape = left.map(|axis| x.shape[axis]).collect();
    }
    reduced
}

fn of_all(op: &str, numbers: &[f64]) -> f64 {
    let sum: f64 = numbers.iter().sum();
    match op {
        "ReduceMean" => sum / numbers.len() as f64,
        "ReduceSum" => sum,
        "ReduceMax" => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        other => panic!("the reference does not know {other}"),
    }
}

pub fn concat(node: &Node, inputs: &[&Batch]) -> Batch {
    let axis = node.axis("axis", None, inputs[0].shape.len()).unwrap();
    let mut shape = inputs[0].shape.clone();
    shape[axis] = inputs.iter().map(|input| input.shape[axis]).sum();
    let count = inputs.iter().map(|input| input.count()).max().unwrap();
    Batch::build(count, &shape, |at| {
        let mut place = at.to_vec();
        for input in inputs {
            if place[axis + 1] < input.shape[axis] {
                return input.at(&place);
            }
            place[axis + 1] -= input.shape[axis];
        }
        panic!("the place is outside of all inputs")
    })
}
