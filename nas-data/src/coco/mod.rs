//! Reads images with boxes that are annotated in COCO's format (T.-Y. Lin et al., "Microsoft COCO: Common Objects in
//! Context", ECCV 2014; <https://cocodataset.org/#format-data>).

mod annotations;
mod layout;

use std::path::{Path, PathBuf};

pub use layout::is_folder;

use crate::boxes::{Boxes, Object};
use crate::decode::{Format, Header};
use crate::error::DataError;
use crate::examples::Targets;
use crate::folder::Images;
use crate::lazy_images::ImageFiles;
use annotations::{Annotated, Annotations, Categories};
use layout::{Layout, Part};

/// An annotated image and its file.
struct FoundImage {
    path: PathBuf,
    header: Header,
    annotated: Annotated,
}

/// Finds all images and reads their boxes. Both will be resized to `size` by `size` pixels unless it is 0.
///
/// # Errors
///
/// Fails if annotations are wrong, if an image is missing or has another size than they say, or if parts differ in
/// their categories.
pub fn read(folder: &Path, size: usize) -> Result<Images<ImageFiles>, DataError> {
    let Layout { train, validation, test } = Layout::of(folder)?;
    let (all, classes) = part(&train)?;
    let other = |other: &Part| {
        let (images, others) = part(other)?;
        if others != classes {
            let [own, other] = [&train.annotations, &other.annotations].map(|path| path.display().to_string());
            let problem =
                format!("'{own}' and '{other}' differ in their categories: all parts need the same ids and names");
            return Err(DataError::Folder { folder: folder.to_owned(), problem });
        }
        Ok(images)
    };
    let validation = validation.as_ref().map(other).transpose()?;
    let test = test.as_ref().map(other).transpose()?;
    let parts = [Some(&all), validation.as_ref(), test.as_ref()];
    let headers = parts.into_iter().flatten().flatten().map(|found| Ok((found.path.as_path(), found.header)));
    let format = Format::of(headers, folder, size, false)?;
    let pictures = |images: Vec<FoundImage>| pictures(format, folder, images, classes.len() as u32);
    let (all, validation, test) = (pictures(all), validation.map(pictures), test.map(pictures));
    Ok(Images { all, validation, test, classes: classes.into_iter().map(|(_, name)| name).collect() })
}

/// Says which annotations were left out or changed, and what can be done about it.
///
/// # Errors
///
/// Fails if the annotations cannot be read.
pub fn oddities(folder: &Path) -> Result<Vec<String>, DataError> {
    let Layout { train, validation, test } = Layout::of(folder)?;
    let mut found = Vec::new();
    for part in [Some(train), validation, test].into_iter().flatten() {
        let Annotations { without_area, cut, images, .. } = annotations::read(&part.annotations)?;
        let of = format!("in '{}'", part.annotations.display());
        if without_area > 0 {
            found.push(format!("boxes without an area in their image were left out {of}: {without_area}"));
        }
        if cut > 0 {
            found.push(format!(
                "boxes that reach beyond their image were cut at its border {of}: {cut}; \
                 is 'bbox' [x, y, width, height]?"
            ));
        }
        let empty = images.iter().filter(|image| image.objects.is_empty()).count();
        if empty > 0 {
            found.push(format!("images without objects, which are background everywhere, {of}: {empty}"));
        }
    }
    Ok(found)
}

/// The images of one part, and its classes.
fn part(part: &Part) -> Result<(Vec<FoundImage>, Categories), DataError> {
    let Annotations { images, classes, .. } = annotations::read(&part.annotations)?;
    let images = images.into_iter().map(|annotated| found(part, annotated)).collect::<Result<_, _>>()?;
    Ok((images, classes))
}

/// The file of an image, which must be as large as the annotations say.
fn found(part: &Part, annotated: Annotated) -> Result<FoundImage, DataError> {
    let wrong = |problem: String| DataError::Annotations { path: part.annotations.clone(), problem };
    let name = &annotated.file_name;
    let path = part.images.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    let path = path.ok_or_else(|| {
        let folders = part.images.iter().map(|folder| format!("'{}'", folder.display())).collect::<Vec<_>>().join(", ");
        wrong(format!("there is no image '{name}' in {folders}: add it, or remove it from the annotations"))
    })?;
    // The image is taken as stored: boxes are drawn on that, and COCO's tools ignore EXIF orientation.
    let header = Header::of(&path, false)?;
    let (width, height) = header.sides;
    if (width, height) != (annotated.width, annotated.height) {
        let said = format!("{}×{}", annotated.width, annotated.height);
        return Err(wrong(format!(
            "'{}' has {width}×{height} pixels, not {said}: its boxes would be in the wrong places; annotate the image \
             as it is stored",
            path.display()
        )));
    }
    Ok(FoundImage { path, header, annotated })
}

fn pictures(format: Format, folder: &Path, images: Vec<FoundImage>, classes: u32) -> ImageFiles {
    let shape = format.shape();
    let mut boxes = Boxes::new(classes);
    let mut paths = Vec::with_capacity(images.len());
    for FoundImage { path, annotated, .. } in images {
        let horizontal = shape[2] as f32 / annotated.width as f32;
        let vertical = shape[1] as f32 / annotated.height as f32;
        let scaled = |object: &Object| {
            let [left, top, right, bottom] = object.sides;
            Object { sides: [left * horizontal, top * vertical, right * horizontal, bottom * vertical], ..*object }
        };
        boxes.push(annotated.objects.iter().map(scaled));
        paths.push(path);
    }
    ImageFiles { format, folder: folder.to_owned(), paths, targets: Targets::Boxes(boxes) }
}
