//! Writes a data set for detection: images of rectangles, discs and triangles with COCO annotations.
//!
//! `cargo run --release --example shapes -- FOLDER [IMAGES] [SIDE] [SEED]`

mod data_set;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = arguments.first() else {
        return Err("give a folder, and optionally the number of images, the length of their sides and a seed".into());
    };
    let number = |position: usize, default: u32| arguments.get(position).map_or(Ok(default), |text| text.parse());
    data_set::write(Path::new(folder), number(1, 1000)?, number(2, 64)?, number(3, 0)?)
}
