//! Draws rectangles, discs and triangles of random sizes, colours and positions. Equal seeds give equal files.

use std::error::Error;
use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use nas_api::rng::{Random, RngExt, derive, seeded};
use serde_json::{Value, json};

const KINDS: [&str; 3] = ["rectangle", "disc", "triangle"];
/// The greatest number of objects in one image.
const MAX_OBJECTS: u32 = 4;
/// The number of positions that are tried for one object.
const ATTEMPTS: u32 = 20;

/// Writes `images` square images, `side` pixels wide, to `folder/images`, and COCO annotations to
/// `folder/annotations.json`.
///
/// # Errors
/// A file cannot be written.
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
            let ([x, y, width, height], id) = (shape.bounds, annotations.len());
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
    /// An index into [`KINDS`].
    kind: usize,
    /// Left, top, width and height in pixels.
    bounds: [u32; 4],
}

impl Shape {
    /// Whether the shape covers the centre of this pixel.
    fn covers(&self, x: u32, y: u32) -> bool {
        let [left, top, width, height] = self.bounds;
        if x < left || y < top || x >= left + width || y >= top + height {
            return false;
        }
        // The position in the bounds, from 0 to 1 in both directions.
        let across = (f64::from(x - left) + 0.5) / f64::from(width);
        let down = (f64::from(y - top) + 0.5) / f64::from(height);
        match KINDS[self.kind] {
            "rectangle" => true,
            "disc" => (across - 0.5).powi(2) + (down - 0.5).powi(2) <= 0.25,
            _ => (across - 0.5).abs() <= down / 2.0,
        }
    }

    /// Whether the bounds of the two overlap.
    fn overlaps(&self, other: &Self) -> bool {
        let apart = |axis: usize| {
            let (a, b) = (self.bounds, other.bounds);
            a[axis] + a[axis + 2] <= b[axis] || b[axis] + b[axis + 2] <= a[axis]
        };
        !apart(0) && !apart(1)
    }
}

/// Draws up to four shapes that do not overlap on a dark background with some noise.
fn draw(side: u32, rng: &mut Random) -> (RgbImage, Vec<Shape>) {
    let background: [u8; 3] = std::array::from_fn(|_| rng.random_range(0..90_u32) as u8);
    let mut picture = RgbImage::from_fn(side, side, |_, _| {
        Rgb(background.map(|value| value.saturating_add(rng.random_range(0..20_u32) as u8)))
    });
    let mut shapes: Vec<Shape> = Vec::new();
    for _ in 0..rng.random_range(0..=MAX_OBJECTS) {
        let kind = rng.random_range(0..KINDS.len() as u32) as usize;
        let colour = Rgb(std::array::from_fn(|_| rng.random_range(110..=255_u32) as u8));
        let mut candidate = || {
            let [width, height] = std::array::from_fn(|_| rng.random_range(side / 5..=side / 2));
            let [left, top] = [width, height].map(|length| rng.random_range(0..=side - length));
            Shape { kind, bounds: [left, top, width, height] }
        };
        let is_free = |shape: &Shape| shapes.iter().all(|other| !other.overlaps(shape));
        let Some(shape) = (0..ATTEMPTS).map(|_| candidate()).find(is_free) else { continue };
        let pixels = (0..side * side).map(|index| (index % side, index / side)).filter(|&(x, y)| shape.covers(x, y));
        pixels.for_each(|(x, y)| picture.put_pixel(x, y, colour));
        shapes.push(shape);
    }
    (picture, shapes)
}
