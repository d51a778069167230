//! Objects in images, with their boxes.

use sha2::{Digest, Sha256};

/// One object in an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Object {
    /// Left, top, right and bottom of its box, in pixels from the image's upper left corner. The box lies within the
    /// image and has an area.
    pub sides: [f32; 4],
    /// Its class, below the number of classes.
    pub class: u32,
    /// Whether it is a crowd (COCO's `iscrowd`). Crowds are not trained on, and detections on them are neither right
    /// nor wrong.
    pub crowd: bool,
}

impl Object {
    /// The object as six words of four bytes.
    pub(crate) fn words(&self) -> [u32; 6] {
        let [left, top, right, bottom] = self.sides.map(f32::to_bits);
        [left, top, right, bottom, self.class, u32::from(self.crowd)]
    }

    /// The object that [`Object::words`] returned these words for.
    pub(crate) fn from_words([left, top, right, bottom, class, crowd]: [u32; 6]) -> Self {
        Self { sides: [left, top, right, bottom].map(f32::from_bits), class, crowd: crowd != 0 }
    }
}

/// The objects of every image.
#[derive(Clone, Debug, PartialEq)]
pub struct Boxes {
    /// Where the objects of each image end in `objects`, in order.
    ends: Vec<u32>,
    objects: Vec<Object>,
    /// Number of classes.
    pub classes: u32,
}

impl Boxes {
    /// Objects of no images yet.
    pub fn new(classes: u32) -> Self {
        Self { ends: Vec::new(), objects: Vec::new(), classes }
    }

    /// Puts [`Boxes::ends`] and [`Boxes::objects`] together again; `None` if they do not belong together.
    pub fn from_parts(ends: Vec<u32>, objects: Vec<Object>, classes: u32) -> Option<Self> {
        let fits = ends.is_sorted() && ends.last().map_or(0, |&end| end as usize) == objects.len();
        (fits && objects.iter().all(|object| object.class < classes)).then_some(Self { ends, objects, classes })
    }

    /// Adds an image with its objects.
    pub fn push(&mut self, objects: impl IntoIterator<Item = Object>) {
        self.objects.extend(objects);
        // Annotations of more than four billion objects do not fit into memory.
        self.ends.push(self.objects.len() as u32);
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The objects of one image, in the order of the annotations.
    pub fn of(&self, image: usize) -> &[Object] {
        let start = image.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.objects[start as usize..self.ends[image] as usize]
    }

    /// The objects of one image of this width, mirrored from left to right.
    pub fn mirrored(&self, image: usize, width: usize) -> Vec<Object> {
        let width = width as f32;
        let mirrored = |object: &Object| {
            let [left, top, right, bottom] = object.sides;
            Object { sides: [width - right, top, width - left, bottom], ..*object }
        };
        self.of(image).iter().map(mirrored).collect()
    }

    /// Where the objects of each image end among all.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The objects of all images, one after the other.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The objects of these images, in this order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        let mut some = Self::new(self.classes);
        rows.iter().for_each(|&row| some.push(self.of(row).iter().copied()));
        some
    }

    /// Adds the images of `others`.
    pub fn extend(&mut self, others: &Self) {
        (0..others.len()).for_each(|image| self.push(others.of(image).iter().copied()));
    }

    /// Adds every bit of the objects to the digest.
    pub(crate) fn digest(&self, digest: &mut Sha256) {
        digest.update(self.classes.to_le_bytes());
        digest.update(bytemuck::cast_slice(&self.ends));
        self.objects.iter().for_each(|object| digest.update(bytemuck::cast_slice(&object.words())));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn object(left: f32, class: u32, crowd: bool) -> Object {
        Object { sides: [left, 0.0, left + 2.5, 3.0], class, crowd }
    }

    #[test]
    fn images_keep_their_objects() {
        let mut boxes = Boxes::new(3);
        let [a, b, c] = [object(0.0, 0, false), object(0.1, 1, true), object(7.0, 2, false)];
        boxes.push([a, b]);
        boxes.push([]);
        boxes.push([c]);
        assert_eq!((boxes.of(0), boxes.of(1), boxes.of(2)), (&[a, b][..], &[][..], &[c][..]));
        let mut turned = boxes.rows(&[2, 0]);
        assert_eq!((turned.len(), turned.of(0), turned.of(1)), (2, &[c][..], &[a, b][..]));
        turned.extend(&boxes.rows(&[1]));
        assert_eq!((turned.len(), turned.of(2)), (3, &[][..]));
        for object in [a, b, c] {
            assert_eq!(Object::from_words(object.words()), object);
        }
    }

    #[test]
    fn a_mirrored_image_has_its_objects_on_the_other_side() {
        let mut boxes = Boxes::new(1);
        boxes.push([object(1.0, 0, false)]);
        assert_eq!(boxes.mirrored(0, 10)[0].sides, [6.5, 0.0, 9.0, 3.0]);
    }

    #[test]
    fn parts_that_do_not_belong_together_are_none() {
        let objects = vec![object(0.0, 0, false), object(1.0, 1, false)];
        let boxes = Boxes::from_parts(vec![0, 2], objects.clone(), 2).unwrap();
        assert_eq!((boxes.of(0).len(), boxes.of(1).len()), (0, 2));
        assert_eq!(Boxes::from_parts(vec![0, 1], objects.clone(), 2), None);
        assert_eq!(Boxes::from_parts(vec![3, 2], objects.clone(), 2), None);
        assert_eq!(Boxes::from_parts(vec![2], objects, 1), None, "a class too many");
    }
}
