//! Tests of images with boxes.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::{config, refused};
use crate::{Boxes, Data, DataConfig, Examples, Kind, Object, Targets, describe};

/// Saves an image of one colour with this size in pixels.
fn image(path: PathBuf, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(width, height, Rgb([255, 255, 200])).save(path).unwrap();
}

/// Annotations of `count` images of 20×10 pixels with one box each, whose place differs from image to image.
fn annotated(count: i64) -> Value {
    let images = (0..count).map(|id| json!({ "id": id, "file_name": format!("{id}.png"), "width": 20, "height": 10 }));
    let boxes = (0..count).map(|id| {
        json!({ "id": 100 + id, "image_id": id, "category_id": if id % 2 == 0 { 7 } else { 3 },
            "bbox": [id % 10, 2.0, 8.0, 4.0], "iscrowd": 0, "segmentation": [[1, 2, 3]] })
    });
    let categories = json!([{ "id": 7, "name": "cat" }, { "id": 3, "name": "dog", "supercategory": "animal" }]);
    json!({ "info": {}, "images": images.collect::<Vec<_>>(), "annotations": boxes.collect::<Vec<_>>(),
        "categories": categories })
}

/// Writes annotations, and images of 20×10 pixels for them.
fn write(annotations: &Value, file: PathBuf, images: &Path) {
    for entry in annotations["images"].as_array().unwrap() {
        image(images.join(entry["file_name"].as_str().unwrap()), 20, 10);
    }
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, annotations.to_string()).unwrap();
}

/// A folder with such annotations and their images.
pub fn simple(count: i64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&annotated(count), folder.path().join("annotations.json"), folder.path());
    folder
}

fn given(folder: &Path) -> DataConfig {
    DataConfig { kind: Kind::of(&folder.to_string_lossy()), ..config(folder) }
}

fn boxes(examples: &Examples) -> &Boxes {
    match &examples.targets {
        Targets::Boxes(boxes) => boxes,
        _ => panic!("no boxes"),
    }
}

/// Each image in turn is truncated after its header. That is an error only if the image is used.
#[test]
fn images_that_no_part_uses_are_not_decoded() {
    let folder = simple(10);
    let whole = given(folder.path());
    let some = DataConfig { train_limit: 1, validation_limit: 1, ..whole.clone() };
    let [used, all] = [&some, &whole].map(|config| Data::open(config).unwrap());
    assert_eq!([&used.train, &used.validation, &used.test].map(Examples::len), [1, 1, 2]);
    assert_eq!(boxes(&used.train), &boxes(&all.train).rows(&[0]));
    let mut unread = 0;
    for number in 0..10 {
        let path = folder.path().join(format!("{number}.png"));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
        unread += usize::from(Data::open(&some).is_ok());
        refused(&whole, &[path.to_str().unwrap()]);
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(unread, 6);
}

#[test]
fn images_keep_their_boxes_when_split_and_resized() {
    let folder = simple(20);
    let config = given(folder.path());
    assert_eq!(config.kind, Kind::Detection);
    let data = Data::open(&config).unwrap();
    assert_eq!(data.classes, ["dog", "cat"], "in the order of their ids");
    assert_eq!([&data.train, &data.validation, &data.test].map(Examples::len), [12, 4, 4]);
    assert_eq!((&data.train.shape[..], data.train.outputs()), (&[3, 10, 20][..], 2));
    let mut places: Vec<_> = [&data.train, &data.validation, &data.test]
        .iter()
        .flat_map(|set| boxes(set).objects())
        .map(|object| (object.sides[0] as i64, object.class))
        .collect();
    places.sort_unstable();
    let expected = (0..20).map(|id| (id % 10, u32::from(id % 2 == 0)));
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    assert_eq!(places, expected);
    let other = Data::open(&DataConfig { split_seed: 1, ..config.clone() }).unwrap();
    assert_ne!(boxes(&other.train), boxes(&data.train), "the seed decides");
    let small = Data::open(&DataConfig { size: 5, train_limit: 3, ..config }).unwrap();
    assert_eq!((&small.train.shape[..], small.train.len()), (&[3, 5, 5][..], 3));
    for (object, before) in boxes(&small.train).objects().iter().zip(boxes(&data.train).objects()) {
        let [left, top, right, bottom] = before.sides;
        assert_eq!(object.sides, [left / 4.0, top / 2.0, right / 4.0, bottom / 2.0]);
    }
}

#[test]
fn boxes_are_cut_at_the_border_and_those_without_area_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = annotated(10);
    let given_boxes = [[-3.0, -2.0, 8.0, 4.0], [15.0, 5.0, 9.0, 9.0], [4.0, 4.0, 0.0, 5.0], [30.0, 2.0, 4.0, 4.0]];
    for (at, bbox) in given_boxes.iter().enumerate() {
        all["annotations"][at]["bbox"] = json!(bbox);
        all["annotations"][at]["image_id"] = json!(0);
    }
    all["annotations"][4]["image_id"] = json!(0);
    all["annotations"][4]["iscrowd"] = json!(1);
    write(&all, folder.path().join("annotations.json"), &folder.path().join("images"));
    // Six of ten images have objects. Some seeds leave validation or test without any, which is an error.
    let split = |split_seed| DataConfig { validation: 0.1, test: 0.1, split_seed, ..given(folder.path()) };
    let opened = (0..50).map(|seed| (seed, Data::open(&split(seed))));
    let (good, bad): (Vec<_>, Vec<_>) = opened.partition(|(_, data)| data.is_ok());
    assert!(bad[0].1.as_ref().unwrap_err().to_string().contains("has no object in any "), "{:?}", bad[0].1);
    let config = split(good[0].0);
    let data = Data::open(&config).unwrap();
    let sets = [&data.train, &data.validation, &data.test];
    let of_first =
        sets.into_iter().flat_map(|set| (0..set.len()).map(|row| boxes(set).of(row))).find(|of| of.len() > 1);
    let object = |sides, class, crowd| Object { sides, class, crowd };
    let expected = [
        object([0.0, 0.0, 5.0, 2.0], 1, false),
        object([15.0, 5.0, 20.0, 10.0], 0, false),
        object([4.0, 2.0, 12.0, 6.0], 1, true),
    ];
    assert_eq!(of_first.unwrap(), expected);
    let empty = sets.into_iter().flat_map(|set| (0..set.len()).map(|row| boxes(set).of(row).len()));
    assert_eq!(empty.filter(|&objects| objects == 0).count(), 4, "images without objects stay");
    let described = describe(&config).unwrap();
    assert_eq!((described.task.as_str(), described.outputs), ("detection", 2));
    let objects: usize = described.classes.iter().flat_map(|class| class.examples).sum();
    assert_eq!(objects, 7, "crowds are none");
    for part in ["without an area", "reach beyond their image", "images without objects", "training objects: "] {
        assert!(described.warnings.iter().any(|warning| warning.contains(part)), "{part}: {:?}", described.warnings);
    }
}

#[test]
fn parts_are_found_in_cocos_layout_and_in_folders_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (train, other) = (annotated(10), annotated(4));
    write(&train, root.join("annotations/instances_train2017.json"), &root.join("train2017"));
    let lengths = |root: &Path| {
        let data = Data::open(&given(root)).unwrap();
        [&data.train, &data.validation, &data.test].map(Examples::len)
    };
    assert_eq!(lengths(root), [6, 2, 2]);
    write(&other, root.join("annotations/instances_val2017.json"), &root.join("images/val2017"));
    fs::write(root.join("annotations/captions_val2017.json"), "{}").unwrap();
    assert_eq!(lengths(root), [8, 4, 2]);
    write(&other, root.join("annotations/instances_val2014.json"), &root.join("val2014"));
    refused(&given(root), &["'val2014' and of 'val2017'", "keep one"]);

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(&train, root.join("train/_annotations.coco.json"), &root.join("train"));
    write(&other, root.join("valid/_annotations.coco.json"), &root.join("valid"));
    write(&other, root.join("test/annotations.json"), &root.join("test/images"));
    assert_eq!(lengths(root), [10, 4, 4]);
    let mut renamed = other.clone();
    renamed["categories"][0]["name"] = json!("lynx");
    write(&renamed, root.join("test/annotations.json"), &root.join("test/images"));
    refused(&given(root), &["differ in their categories"]);
    fs::remove_dir_all(root.join("train")).unwrap();
    refused(&given(root), &["none for training"]);
}

#[test]
fn mistakes_in_annotations_are_named() {
    let folder = simple(10);
    let file = folder.path().join("annotations.json");
    let wrong = |change: &dyn Fn(&mut Value), parts: &[&str]| {
        let mut all = annotated(10);
        change(&mut all);
        fs::write(&file, all.to_string()).unwrap();
        refused(&given(folder.path()), &[&["annotations.json"], parts].concat());
    };
    wrong(&|all| all["annotations"][3]["image_id"] = json!(77), &["annotation 103", "image 77", "not there"]);
    wrong(&|all| all["annotations"][3]["category_id"] = json!(1), &["annotation 103", "category 1", "not there"]);
    wrong(&|all| all["annotations"][3]["id"] = json!(101), &["two annotations have the id 101"]);
    wrong(&|all| all["images"][3]["id"] = json!(1), &["two images have the id 1"]);
    wrong(&|all| all["categories"][1]["id"] = json!(7), &["two categories have the id 7"]);
    wrong(&|all| all["categories"][1]["name"] = json!("cat"), &["two categories have the name 'cat'"]);
    wrong(&|all| all["categories"] = json!([]), &["no categories"]);
    wrong(&|all| all["annotations"][3]["bbox"] = json!([1, 1, -4, 2]), &["annotation 103", "negative"]);
    wrong(&|all| all["annotations"][3]["bbox"] = json!([1, 1, 4]), &["line 1"]);
    wrong(&|all| all["annotations"][3]["iscrowd"] = json!(2), &["'iscrowd' of annotation 103 is 2"]);
    wrong(&|all| all["images"][3]["file_name"] = json!("gone.png"), &["no image 'gone.png'", "add it, or remove it"]);
    wrong(&|all| all["images"][3]["file_name"] = json!("../x.png"), &["'../x.png'", "not the name of a file"]);
    wrong(&|all| all["images"][3]["width"] = json!(10), &["20×10 pixels, not 10×10"]);
    wrong(&|all| all["images"][3]["height"] = json!(0), &["image 3", "20×0"]);
    wrong(&|all| all["images"] = json!([]), &["it has no images"]);
    let mut without = annotated(10);
    without["annotations"] = json!([]);
    fs::write(&file, without.to_string()).unwrap();
    refused(&given(folder.path()), &["no object in any training image"]);
    fs::write(&file, "[1, 2").unwrap();
    refused(&given(folder.path()), &["annotations.json", "'images', 'annotations' and 'categories'"]);
    fs::write(&file, annotated(10).to_string()).unwrap();
    image(folder.path().join("3.png"), 20, 12);
    refused(&given(folder.path()), &["3.png' has 20×12 pixels, not 20×10"]);
    fs::write(folder.path().join("3.png"), "no image").unwrap();
    refused(&given(folder.path()), &["3.png", "cannot be read as an image"]);
}

#[test]
fn different_sizes_and_wrong_tasks_are_refused_with_reasons() {
    let folder = simple(10);
    for (kind, name) in [(Kind::Classification, "detection"), (Kind::Regression, "detection")] {
        refused(&DataConfig { kind, ..config(folder.path()) }, &["'task' must be", name]);
    }
    refused(&DataConfig { target: "x".into(), ..given(folder.path()) }, &["'target' is for tables"]);
    refused(&DataConfig { kind: Kind::Detection, ..config("digits") }, &["'task' cannot be \"detection\"", "COCO"]);
    let mut all = annotated(10);
    all["images"][4]["height"] = json!(12);
    fs::write(folder.path().join("annotations.json"), all.to_string()).unwrap();
    image(folder.path().join("4.png"), 20, 12);
    refused(&given(folder.path()), &["differ in size", "'size'"]);
    let resized = Data::open(&DataConfig { size: 8, ..given(folder.path()) }).unwrap();
    assert_eq!(resized.train.shape, [3, 8, 8]);
}

#[test]
fn folders_of_classes_may_hold_a_file_named_like_annotations() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["cat", "dog"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        for number in 0..10_u8 {
            let path = folder.path().join(class).join(format!("{number}.png"));
            image::GrayImage::from_pixel(4, 4, image::Luma([number])).save(path).unwrap();
        }
    }
    fs::write(folder.path().join("annotations.json"), "{\"who\": \"somebody else's\"}").unwrap();
    let classes = DataConfig { kind: Kind::Classification, ..config(folder.path()) };
    assert_eq!(Data::open(&classes).unwrap().classes, ["cat", "dog"]);
    let boxes = Data::open(&DataConfig { kind: Kind::Detection, ..classes }).unwrap_err();
    assert!(boxes.to_string().contains("annotations.json"), "{boxes}");
}
