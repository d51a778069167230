//! Makes a data set for detection: images of rectangles, discs and triangles of random sizes, colours and places, with COCO's
//! annotations. Equal seeds make equal files.
//!
//! `cargo run --release --example shapes -- FOLDER [IMAGES] [SIDE] [SEED]`

#![allow(dead_code)]

use std::error::Error;
use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use nas_api::rng::{Random, RngExt, derive, seeded};
use serde_json::{Value, json};

const KINDS: [&str; 3] = ["rectangle", "disc", "triangle"];
/// Objects of one image, at most.
const MOST: u32 = 4;
/// Places that are tried for one object.
const TRIES: u32 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = arguments.first() else {
        return Err("give a folder, and perhaps how many images, the length of their sides and a seed".into());
    };
    let number = |at: usize, default: u32| arguments.get(at).map_or(Ok(default), |text| text.parse());
    write(Path::new(folder), number(1, 1000)?, number(2, 64)?, number(3, 0)?)
}

/// Writes so many images of this side, in pixels, to `FOLDER/images`, and `FOLDER/annotations.json`.
pub fn write(folder: &Path, images: u32, side: u32, seed: u32) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder.join("images"))?;
    let (mut entries, mut annotations) = (Vec::new(), Vec::<Value>::new());
    for number in 0..images {
        let mut rng = seeded(derive(seed, "image", number));
        let (picture, shapes) = draw(side, &mut rng);
        let name = format!("{number:05}.png");
        picture.save(folder.join("images").join(&name))?;
        entries.push(json!({ "id": number, "file_name": name, "width": side, "height": side }));
        for shape in shapes {
            let ([x, y, width, height], id) = (shape.place, annotations.len());
            annotations.push(json!({
                "id": id, "image_id": number, "category_id": shape.kind + 1, "bbox": [x, y, width, height],
                "area": width * height, "iscrowd": 0,
            }));
        }
    }
    let categories: Vec<Value> =
        (1..).zip(KINDS).map(|(id, name): (usize, &str)| json!({ "id": id, "name": name })).collect();
    let all = json!({ "images": entries, "annotations": annotations, "categories": categories });
    Ok(fs::write(folder.join("annotations.json"), all.to_string())?)
}

struct Shape {
    kind: usize,
    /// Left, top, width and height, in pixels.
    place: [u32; 4],
}

impl Shape {
    /// Whether it covers the middle of this pixel.
    fn covers(&self, x: u32, y: u32) -> bool {
        let [left, top, width, height] = self.place;
        if x < left || y < top || x >= left + width || y >= top + height {
            return false;
        }
        // From 0 to 1 across and down its box.
        let across = (f64::from(x - left) + 0.5) / f64::from(width);
        let down = (f64::from(y - top) + 0.5) / f64::from(height);
        match KINDS[self.kind] {
            "rectangle" => true,
            "disc" => (across - 0.5).powi(2) + (down - 0.5).powi(2) <= 0.25,
            _ => (across - 0.5).abs() <= down / 2.0,
        }
    }

    fn touches(&self, other: &Self) -> bool {
        let apart = |at: usize| {
            let (own, others) = (self.place, other.place);
            own[at] + own[at + 2] <= others[at] || others[at] + others[at + 2] <= own[at]
        };
        !apart(0) && !apart(1)
    }
}

/// None to four shapes that do not touch, on a dark ground with some noise.
fn draw(side: u32, rng: &mut Random) -> (RgbImage, Vec<Shape>) {
    let ground: [u8; 3] = std::array::from_fn(|_| rng.random_range(0..90_u32) as u8);
    let mut picture = RgbImage::from_fn(side, side, |_, _| {
        Rgb(ground.map(|value| value.saturating_add(rng.random_range(0..20_u32) as u8)))
    });
    let mut shapes: Vec<Shape> = Vec::new();
    for _ in 0..rng.random_range(0..=MOST) {
        let kind = rng.random_range(0..KINDS.len() as u32) as usize;
        let colour = Rgb(std::array::from_fn(|_| rng.random_range(110..=255_u32) as u8));
        let mut place = || {
            let [width, height] = std::array::from_fn(|_| rng.random_range(side / 5..=side / 2));
            let [left, top] = [width, height].map(|length| rng.random_range(0..=side - length));
            Shape { kind, place: [left, top, width, height] }
        };
        let free = |shape: &Shape| shapes.iter().all(|other| !other.touches(shape));
        let Some(shape) = (0..TRIES).map(|_| place()).find(free) else { continue };
        let pixels = (0..side * side).map(|at| (at % side, at / side)).filter(|&(x, y)| shape.covers(x, y));
        pixels.for_each(|(x, y)| picture.put_pixel(x, y, colour));
        shapes.push(shape);
    }
    (picture, shapes)
}
