//! Augments training inputs differently in each epoch. The changes depend on the trial's seed, the epoch and the
//! example.
//!
//! All changes work on normalised inputs. The padding of a crop is black before normalisation, as in torchvision, which
//! crops first. A cutout hole is the mean of the training set, 0, as in the paper of DeVries and Taylor, who normalise
//! first.

mod image;
mod mixup;

use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{Error, Parameter, Result, Settings};

pub use mixup::Mixing;

use image::{Crop, Shape};
use nas_data::{Data, Kind, Normalization};

/// The augmentation of training inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Augment {
    /// Pixels of padding on every side before a random part of the original size is cut out; 0 turns this off.
    crop: usize,
    /// The probability that an image is mirrored left to right.
    flip: f64,
    /// The side in pixels of the square that is cut out of each image; 0 turns this off.
    cutout: usize,
    /// The α of mixup; 0 turns it off.
    mixup: f64,
    /// The value of a black pixel after normalisation, by channel.
    black: Vec<f32>,
}

/// The parameters that a user may set.
pub fn parameters() -> Vec<Parameter> {
    vec![
        Parameter::integer(
            "crop",
            0,
            0,
            256,
            "black pixels around each image before a random part of the original size is cut out; 0: no cropping",
        ),
        Parameter::number("flip", 0.0, 0.0, 1.0, "probability that an image is mirrored left to right"),
        Parameter::integer(
            "cutout",
            0,
            0,
            512,
            "side in pixels of a square that is cut out of each image (DeVries & Taylor 2017); 0: none",
        ),
        Parameter::number(
            "mixup",
            0.0,
            0.0,
            100.0,
            "α of mixup, which blends the examples of a batch and their targets (Zhang et al. 2018); 0: none",
        ),
    ]
}

impl Augment {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Fails if a setting is missing or has another type.
    pub fn of(settings: &Settings) -> Result<Self> {
        Ok(Self {
            crop: settings.integer("crop")? as usize,
            flip: settings.number("flip")?,
            cutout: settings.integer("cutout")? as usize,
            mixup: settings.number("mixup")?,
            black: Vec::new(),
        })
    }

    /// Prepares the augmentation for these data.
    ///
    /// # Errors
    ///
    /// Fails if these data cannot be augmented like this.
    pub fn fitted(mut self, data: &Data) -> Result<Self> {
        let images = [("crop", self.crop > 0), ("flip", self.flip > 0.0), ("cutout", self.cutout > 0)];
        let set = images.into_iter().find(|(_, set)| *set).map(|(name, _)| name);
        match (set, &data.train.shape[..]) {
            (Some(_), &[_, height, width]) => self.check_sides(height.min(width))?,
            (Some(name), _) => {
                return Err(Error::new(format!("'{name}' is for images, but the data have none: set it to 0")));
            }
            (None, _) => {}
        }
        if self.mixup > 0.0 && data.kind == Kind::Language {
            return Err(Error::new("'mixup' cannot blend the tokens of a text: set it to 0"));
        }
        if data.kind == Kind::Detection {
            self.check_boxes()?;
        }
        let Normalization { mean, std, .. } = &data.normalization;
        self.black = mean.iter().zip(std).map(|(mean, std)| -mean / std).collect();
        Ok(self)
    }

    /// Boxes are mirrored with their images. The other changes would cut objects or blend two lists of them.
    fn check_boxes(&self) -> Result<()> {
        let given = [("crop", self.crop > 0), ("cutout", self.cutout > 0), ("mixup", self.mixup > 0.0)];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Error::new(format!(
                "'{name}' cannot be used for images with boxes; only 'flip' changes both: set it to 0"
            ))),
            None => Ok(()),
        }
    }

    fn check_sides(&self, side: usize) -> Result<()> {
        for (name, size) in [("crop", self.crop), ("cutout", self.cutout)] {
            if size > 0 && size >= side {
                let problem = format!("'{name}' must be less than the images' side of {side} pixels, but is {size}");
                return Err(Error::new(format!("{problem}: nothing of an image might be left")));
            }
        }
        Ok(())
    }

    /// Augments the images of these rows and returns which of them were mirrored. A row is changed in the same way
    /// wherever it stands in a batch. `seed` is that of the epoch.
    pub fn images(&self, inputs: &mut [f32], shape: &[usize], rows: &[usize], seed: u32) -> Vec<bool> {
        let mut mirrored = vec![false; rows.len()];
        let &[channels, height, width] = shape else { return mirrored };
        if self.crop == 0 && self.flip == 0.0 && self.cutout == 0 {
            return mirrored;
        }
        let shape = Shape { channels, height, width };
        let mut old = vec![0.0; shape.numbers()];
        let images = inputs.chunks_exact_mut(shape.numbers()).zip(rows);
        for ((image, &row), mirrored) in images.zip(&mut mirrored) {
            // The rows of one data set never reach 2^32.
            let mut rng = seeded(derive(seed, "example", row as u32));
            if self.crop > 0 {
                old.copy_from_slice(image);
                let place = |rng: &mut _| RngExt::random_range(rng, 0..=2 * self.crop as u32) as usize;
                let crop = Crop { padding: self.crop, top: place(&mut rng), left: place(&mut rng) };
                crop.apply(&old, image, shape, &self.black);
            }
            if self.flip > 0.0 && rng.random::<f64>() < self.flip {
                image::flip(image, shape);
                *mirrored = true;
            }
            if self.cutout > 0 {
                let row = rng.random_range(0..height as u32) as usize;
                let column = rng.random_range(0..width as u32) as usize;
                image::cut_out(image, shape, self.cutout, [row, column]);
            }
        }
        mirrored
    }

    /// Draws how the examples of a batch are blended; `None` without mixup. `seed` is that of the batch.
    pub fn mixing(&self, batch: usize, seed: u32) -> Option<Mixing> {
        (self.mixup > 0.0).then(|| Mixing::draw(self.mixup, batch, seed)).flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Images with two channels of 4×5 pixels, all different; black is -1 and -2.
    fn images(count: usize) -> Vec<f32> {
        (0..count * SHAPE.iter().product::<usize>()).map(|pixel| pixel as f32).collect()
    }

    const SHAPE: [usize; 3] = [2, 4, 5];

    fn augment(crop: usize, flip: f64, cutout: usize) -> Augment {
        Augment { crop, flip, cutout, mixup: 0.0, black: vec![-1.0, -2.0] }
    }

    fn changed(augment: &Augment, rows: &[usize], seed: u32) -> Vec<f32> {
        let all = images(8);
        let width = SHAPE.iter().product::<usize>();
        let mut inputs: Vec<f32> = rows.iter().flat_map(|row| &all[row * width..(row + 1) * width]).copied().collect();
        let mirrored = augment.images(&mut inputs, &SHAPE, rows, seed);
        assert_eq!(mirrored.len(), rows.len());
        inputs
    }

    #[test]
    fn an_example_is_changed_the_same_way_anywhere_in_a_batch() {
        let augment = augment(2, 0.5, 2);
        let together = changed(&augment, &[0, 1, 2, 3, 4, 5, 6, 7], 9);
        for (place, expected) in together.chunks(40).enumerate() {
            assert_eq!(changed(&augment, &[7 - place, place], 9)[40..], *expected);
        }
        assert_eq!(together, changed(&augment, &[0, 1, 2, 3, 4, 5, 6, 7], 9));
        let other_epoch = changed(&augment, &[0, 1, 2, 3, 4, 5, 6, 7], 10);
        let equal = together.chunks(40).zip(other_epoch.chunks(40)).filter(|(a, b)| a == b).count();
        assert!(equal <= 1, "{equal} of 8 images are the same in another epoch");
    }

    #[test]
    fn without_augmentation_images_do_not_change() {
        assert_eq!(changed(&augment(0, 0.0, 0), &[0, 1, 2, 3, 4, 5, 6, 7], 1), images(8));
        assert_eq!(augment(2, 0.5, 2).mixing(4, 1), None);
        let mut rows = vec![1.0, 2.0, 3.0];
        augment(2, 0.5, 2).images(&mut rows, &[3], &[0], 1);
        assert_eq!(rows, [1.0, 2.0, 3.0], "rows of a table are no images");
    }

    #[test]
    fn crops_take_every_place_and_keep_channels_aligned() {
        let augment = augment(1, 0.0, 0);
        let mut places = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let image = &changed(&augment, &[3], seed)[..];
            // The middle of the image is in every crop; its place tells which part was cut out.
            let at = image.iter().position(|&pixel| pixel == 127.0).unwrap();
            let (row, column) = (at / 5, at % 5);
            places.insert((row, column));
            // 127 is row 1, column 2 of the first channel of image 3. The other channel must have moved with it.
            assert_eq!(image[20 + at], 147.0);
            assert_eq!(image[at + 1], 128.0);
            assert_eq!(image.iter().filter(|&&pixel| pixel < 0.0).count() % 2, 0);
        }
        assert_eq!(places.len(), 9, "{places:?}");
    }

    #[test]
    fn half_of_the_images_are_mirrored() {
        let augment = augment(0, 0.5, 0);
        let is_mirrored = |seed| {
            let mut image = images(1);
            let said = augment.images(&mut image, &SHAPE, &[0], seed);
            assert_eq!(said, [image[0] == 4.0]);
            said[0]
        };
        let mirrored = (0..1000).filter(|&seed| is_mirrored(seed)).count();
        assert!((440..560).contains(&mirrored), "{mirrored} of 1000");
    }
}
