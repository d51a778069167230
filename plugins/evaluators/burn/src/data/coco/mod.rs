//! Images with boxes, annotated in the format of COCO (T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV
//! 2014; <https://cocodataset.org/#format-data>).

mod annotations;
mod layout;

use std::path::{Path, PathBuf};

pub use layout::is_folder;

use super::boxes::{Boxes, Object};
use super::folder::Images;
use super::picture::{self, Format};
use super::{DataError, Examples, Targets};
use annotations::{Annotated, Annotations, Categories};
use layout::{Layout, Part};

/// Images of one part with their files.
struct Found {
    path: PathBuf,
    annotated: Annotated,
}

/// Reads all images, resized to `size` by `size` pixels unless it is 0, and their boxes with them.
pub fn read(folder: &Path, size: usize) -> Result<Images, DataError> {
    let Layout { train, validation, test } = Layout::of(folder)?;
    let (all, classes) = part(&train)?;
    let other = |other: &Part| {
        let (images, others) = part(other)?;
        if others != classes {
            let [own, other] = [&train.annotations, &other.annotations].map(|path| path.display().to_string());
            let problem =
                format!("'{own}' and '{other}' have other categories: all parts need the same, ids and names");
            return Err(DataError::Folder { folder: folder.to_owned(), problem });
        }
        Ok(images)
    };
    let validation = validation.as_ref().map(other).transpose()?;
    let test = test.as_ref().map(other).transpose()?;
    let parts = [Some(&all), validation.as_ref(), test.as_ref()];
    let paths = parts.into_iter().flatten().flatten().map(|found| found.path.as_path());
    // As they are stored: boxes are drawn on that, and COCO's tools turn nothing.
    let format = Format::of(paths, folder, size, false)?;
    let read = |images: &Vec<Found>| examples(&format, folder, images, classes.len() as u32);
    Ok(Images {
        all: read(&all)?,
        validation: validation.as_ref().map(read).transpose()?,
        test: test.as_ref().map(read).transpose()?,
        classes: classes.into_iter().map(|(_, name)| name).collect(),
    })
}

/// What was left out of the annotations, or changed, and what may be done.
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
                "boxes that reach beyond their image were cut at its border {of}: {cut}; is 'bbox' [x, y, width, height]?"
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
fn part(part: &Part) -> Result<(Vec<Found>, Categories), DataError> {
    let Annotations { images, classes, .. } = annotations::read(&part.annotations)?;
    let images = images.into_iter().map(|annotated| found(part, annotated)).collect::<Result<_, _>>()?;
    Ok((images, classes))
}

/// The file of an image, which must be as large as the annotations say.
fn found(part: &Part, annotated: Annotated) -> Result<Found, DataError> {
    let wrong = |problem: String| DataError::Annotations { path: part.annotations.clone(), problem };
    let name = &annotated.file_name;
    let path = part.images.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    let path = path.ok_or_else(|| {
        let folders = part.images.iter().map(|folder| format!("'{}'", folder.display())).collect::<Vec<_>>().join(", ");
        wrong(format!("there is no image '{name}' in {folders}: add it, or remove it from the annotations"))
    })?;
    let (width, height) = picture::sides(&path)?;
    if (width, height) != (annotated.width, annotated.height) {
        let said = format!("{}×{}", annotated.width, annotated.height);
        return Err(wrong(format!(
            "'{}' has {width}×{height} pixels, not {said}: its boxes would be in the wrong places; annotate the image as \
             it is stored",
            path.display()
        )));
    }
    Ok(Found { path, annotated })
}

fn examples(format: &Format, folder: &Path, images: &[Found], classes: u32) -> Result<Examples, DataError> {
    let inputs = format.read(folder, images.iter().map(|found| found.path.as_path()))?;
    let shape = format.shape();
    let mut boxes = Boxes::new(classes);
    for Found { annotated, .. } in images {
        let horizontal = shape[2] as f32 / annotated.width as f32;
        let vertical = shape[1] as f32 / annotated.height as f32;
        let scaled = |object: &Object| {
            let [left, top, right, bottom] = object.sides;
            Object { sides: [left * horizontal, top * vertical, right * horizontal, bottom * vertical], ..*object }
        };
        boxes.push(annotated.objects.iter().map(scaled));
    }
    Ok(Examples { shape, inputs: inputs.into(), targets: Targets::Boxes(boxes) })
}
