//! Reads and checks a file of annotations in COCO's format.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Component, Path};

use serde::Deserialize;

use crate::boxes::Object;
use crate::error::DataError;

/// Pixels that a box may reach beyond its image without a warning, since annotations are rounded.
const ROUNDING: f64 = 1.0;

/// The parts of the file that are used. All others (segmentations, licences) are skipped.
#[derive(Deserialize)]
struct Document {
    images: Vec<ImageEntry>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct ImageEntry {
    id: i64,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Deserialize)]
struct Annotation {
    id: i64,
    image_id: i64,
    category_id: i64,
    /// x, y, width, height.
    bbox: [f64; 4],
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

/// An image with its objects, whose sides are in pixels of the image file.
#[derive(Debug)]
pub struct Annotated {
    /// The name in the file of annotations.
    pub file_name: String,
    pub width: u32,
    pub height: u32,
    pub objects: Vec<Object>,
}

/// Ids and names, sorted by id, which is the order of the classes.
pub type Categories = Vec<(i64, String)>;

/// The contents of a file of annotations.
#[derive(Debug)]
pub struct Annotations {
    /// The images in the file's order.
    pub images: Vec<Annotated>,
    pub classes: Categories,
    /// Number of boxes without an area in their image, which are left out.
    pub without_area: usize,
    /// Number of boxes that reached more than a pixel beyond their image and were cut at its border.
    pub cut: usize,
}

/// Reads a file of annotations.
///
/// # Errors
///
/// Fails if the file cannot be read, or if its annotations contradict each other.
pub fn read(path: &Path) -> Result<Annotations, DataError> {
    let file = File::open(path).map_err(|error| DataError::read(path, error))?;
    let document: Document = serde_json::from_reader(BufReader::new(file)).map_err(|error| {
        let wanted = "it must hold 'images', 'annotations' and 'categories' as COCO's object detection files do";
        wrong(path, format!("{error}; {wanted}"))
    })?;
    document.checked().map_err(|problem| wrong(path, problem))
}

fn wrong(path: &Path, problem: String) -> DataError {
    DataError::Annotations { path: path.to_owned(), problem }
}

impl Document {
    fn checked(self) -> Result<Annotations, String> {
        let classes = classes(&self.categories)?;
        let mut places = HashMap::with_capacity(self.images.len());
        let mut images = Vec::with_capacity(self.images.len());
        for image in self.images {
            check_image(&image)?;
            if places.insert(image.id, images.len()).is_some() {
                return Err(format!("two images have the id {}: give each its own", image.id));
            }
            let ImageEntry { file_name, width, height, .. } = image;
            images.push(Annotated { file_name, width, height, objects: Vec::new() });
        }
        if images.is_empty() {
            return Err("it has no images".to_owned());
        }
        let names = classes.iter().map(|(&id, &(_, at))| (id, self.categories[at].name.clone())).collect();
        let mut all = Annotations { images, classes: names, without_area: 0, cut: 0 };
        let mut known = HashSet::with_capacity(self.annotations.len());
        for annotation in self.annotations {
            if !known.insert(annotation.id) {
                return Err(format!("two annotations have the id {}: give each its own", annotation.id));
            }
            let image = places.get(&annotation.image_id).ok_or_else(|| missing(&annotation, "image"))?;
            let class = classes.get(&annotation.category_id).ok_or_else(|| missing(&annotation, "category"))?;
            all.add(*image, class.0, &annotation)?;
        }
        Ok(all)
    }
}

/// Maps the id of each category to its class and its index in the file. Classes are numbered in the order of ids.
fn classes(categories: &[Category]) -> Result<BTreeMap<i64, (u32, usize)>, String> {
    if categories.is_empty() {
        return Err("it has no categories".to_owned());
    }
    let (mut classes, mut names) = (BTreeMap::new(), BTreeSet::new());
    for (at, Category { id, name }) in categories.iter().enumerate() {
        if classes.insert(*id, (0, at)).is_some() {
            return Err(format!("two categories have the id {id}: give each its own"));
        }
        if !names.insert(name) {
            return Err(format!("two categories have the name '{name}': give each its own, or merge them"));
        }
    }
    (0..).zip(classes.values_mut()).for_each(|(class, (number, _))| *number = class);
    Ok(classes)
}

fn check_image(image: &ImageEntry) -> Result<(), String> {
    let ImageEntry { id, file_name, width, height } = image;
    let mut parts = Path::new(file_name).components();
    if file_name.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!(
            "the 'file_name' of image {id}, '{file_name}', is not the name of a file within the folder of images"
        ));
    }
    if *width == 0 || *height == 0 {
        return Err(format!("image {id} ('{file_name}') has the size {width}×{height}: give its width and height"));
    }
    Ok(())
}

fn missing(annotation: &Annotation, what: &str) -> String {
    let id = if what == "image" { annotation.image_id } else { annotation.category_id };
    format!(
        "annotation {} belongs to the {what} {id}, which is not there: add that {what}, or remove the annotation",
        annotation.id
    )
}

impl Annotations {
    /// Adds an object. Its box is cut at the border of the image, as in the reference code of torchvision and
    /// Detectron2, and left out if it then has no area.
    fn add(&mut self, image: usize, class: u32, annotation: &Annotation) -> Result<(), String> {
        let Annotation { id, bbox: [x, y, width, height], iscrowd, .. } = *annotation;
        if width < 0.0 || height < 0.0 {
            let problem = format!("the box of annotation {id} is {width} wide and {height} high");
            return Err(format!("{problem}: 'bbox' is [x, y, width, height], and neither may be negative"));
        }
        if iscrowd > 1 {
            return Err(format!("'iscrowd' of annotation {id} is {iscrowd}, but must be 0 or 1"));
        }
        let image = &mut self.images[image];
        let [right, bottom] = [f64::from(image.width), f64::from(image.height)];
        let sides = [x.max(0.0), y.max(0.0), (x + width).min(right), (y + height).min(bottom)].map(|side| side as f32);
        if sides[2] <= sides[0] || sides[3] <= sides[1] {
            self.without_area += 1;
            return Ok(());
        }
        let beyond = (-x).max(-y).max(x + width - right).max(y + height - bottom);
        self.cut += usize::from(beyond > ROUNDING);
        image.objects.push(Object { sides, class, crowd: iscrowd == 1 });
        Ok(())
    }
}
