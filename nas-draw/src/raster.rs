//! The picture in pixels.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use crate::DrawError;
use crate::text::{BOLD, FAMILY, REGULAR};

/// Pixels of a picture at most; larger ones are drawn smaller.
const MOST_PIXELS: f32 = 40_000_000.0;

/// A picture of [`draw`](crate::draw) or [`compare`](crate::compare) as PNG, `scale` pixels for each unit of length.
/// The font is the program's own, so that every machine makes the same one.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, DrawError> {
    let broken = |problem: &dyn std::fmt::Display| DrawError::Broken(problem.to_string());
    let mut fonts = Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let options = Options { fontdb: Arc::new(fonts), font_family: FAMILY.to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| broken(&error))?;
    let size = tree.size();
    let scale = scale.min((MOST_PIXELS / (size.width() * size.height())).sqrt());
    let (wide, high) = ((size.width() * scale).ceil() as u32, (size.height() * scale).ceil() as u32);
    let mut pixels = Pixmap::new(wide, high).ok_or_else(|| broken(&"its size is impossible"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| broken(&error))
}
