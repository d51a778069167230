//! Decodes PNG and JPEG files and brings all images to one format.

use std::path::Path;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader};

use crate::error::DataError;

/// The format that all images are brought to.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    grey: bool,
    width: usize,
    height: usize,
    turned: bool,
}

/// The header of an image file.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Width and height in pixels.
    pub sides: (u32, u32),
    grey: bool,
}

impl Header {
    /// Reads a file's header. If `turned`, the image is turned upright as its EXIF orientation says; else it is taken
    /// as stored.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or is not an image.
    pub fn of(path: &Path, turned: bool) -> Result<Self, DataError> {
        let mut decoder = decoder(path)?;
        let (grey, (width, height)) = (!decoder.color_type().has_color(), decoder.dimensions());
        let swapped = turned && swaps(orientation(&mut decoder, path)?);
        Ok(Self { sides: if swapped { (height, width) } else { (width, height) }, grey })
    }
}

impl Format {
    /// The format for files with these headers: grey if all files are, and `size` by `size` pixels. If `size` is 0, all
    /// files must have one size, which they keep. `turned` must be that of the headers.
    ///
    /// # Errors
    ///
    /// Fails if a header is an error, or if sizes differ and `size` is 0.
    pub fn of<'f>(
        files: impl Iterator<Item = Result<(&'f Path, Header), DataError>>,
        folder: &Path,
        size: usize,
        turned: bool,
    ) -> Result<Self, DataError> {
        let mut grey = true;
        let mut first: Option<(&Path, (u32, u32))> = None;
        for file in files {
            let (path, header) = file?;
            let sides = header.sides;
            grey &= header.grey;
            match first {
                None => first = Some((path, sides)),
                Some((other, known)) if known != sides && size == 0 => {
                    let shown =
                        |path: &Path, (width, height)| format!("'{}' has {width}×{height} pixels", path.display());
                    let problem = format!(
                        "its images differ in size, {} and {}: set the parameter 'size' to the side length in \
                         pixels that all are resized to",
                        shown(other, known),
                        shown(path, sides)
                    );
                    return Err(DataError::Folder { folder: folder.to_owned(), problem });
                }
                Some(_) => {}
            }
        }
        let (width, height) = first.map_or((0, 0), |(_, (width, height))| (width as usize, height as usize));
        let (width, height) = if size == 0 { (width, height) } else { (size, size) };
        Ok(Self { grey, width, height, turned })
    }

    /// `[channels, height, width]`.
    pub fn shape(&self) -> Vec<usize> {
        vec![if self.grey { 1 } else { 3 }, self.height, self.width]
    }

    /// Decodes the images, one after the other, each plane by plane, with values from 0 to 255.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be decoded, or if the images do not fit into memory.
    pub fn read<'f>(
        &self,
        folder: &Path,
        files: impl ExactSizeIterator<Item = &'f Path>,
    ) -> Result<Vec<f32>, DataError> {
        let shape = self.shape();
        let channels = shape[0];
        let mut inputs = Vec::new();
        let numbers = files.len().saturating_mul(shape.iter().product());
        inputs.try_reserve_exact(numbers).map_err(|_| {
            let (images, gib) = (files.len(), numbers as f64 * 4.0 / f64::from(1 << 30));
            let problem =
                format!("its {images} images need {gib:.1} GiB of memory, more than is free: set a smaller 'size'");
            DataError::Folder { folder: folder.to_owned(), problem }
        })?;
        for path in files {
            let mut decoder = decoder(path)?;
            let orientation = if self.turned { orientation(&mut decoder, path)? } else { Orientation::NoTransforms };
            let mut image = DynamicImage::from_decoder(decoder).map_err(|error| damaged(path, &error))?;
            image.apply_orientation(orientation);
            let (width, height) = (self.width as u32, self.height as u32);
            if (image.width(), image.height()) != (width, height) {
                image = image.resize_exact(width, height, FilterType::Triangle);
            }
            let pixels = if self.grey { image.to_luma8().into_raw() } else { image.to_rgb8().into_raw() };
            for channel in 0..channels {
                inputs.extend(pixels.iter().skip(channel).step_by(channels).copied().map(f32::from));
            }
        }
        Ok(inputs)
    }
}

fn decoder(path: &Path) -> Result<impl ImageDecoder + use<>, DataError> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let reader = reader.map_err(|error| DataError::read(path, error))?;
    reader.into_decoder().map_err(|error| damaged(path, &error))
}

/// The EXIF orientation of a photograph: how the camera was held.
fn orientation(decoder: &mut impl ImageDecoder, path: &Path) -> Result<Orientation, DataError> {
    decoder.orientation().map_err(|error| damaged(path, &error))
}

fn swaps(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

fn damaged(path: &Path, error: &image::ImageError) -> DataError {
    DataError::Image { path: path.to_owned(), problem: error.to_string() }
}
