//! Renders a picture as PNG.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use crate::DrawError;
use crate::text::{BOLD, FAMILY, REGULAR};

/// The largest number of pixels. Larger pictures are scaled down.
const MAX_PIXELS: f32 = 40_000_000.0;

/// Renders a picture of [`draw`](crate::draw) or [`compare`](crate::compare) as PNG, with `scale` pixels per unit of
/// length. The font is built in, so that every machine renders the same bytes.
///
/// # Errors
/// Fails if the text is no SVG, or its size is impossible.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, DrawError> {
    let broken = |problem: &dyn std::fmt::Display| DrawError::Broken(problem.to_string());
    let mut fonts = Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let options = Options { fontdb: Arc::new(fonts), font_family: FAMILY.to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| broken(&error))?;
    let size = tree.size();
    let scale = scale.min((MAX_PIXELS / (size.width() * size.height())).sqrt());
    let (width, height) = ((size.width() * scale).ceil() as u32, (size.height() * scale).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| broken(&"its size is impossible"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| broken(&error))
}
