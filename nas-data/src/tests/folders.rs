//! Tests of folders of images.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

use super::{config, labels, refused};
use crate::{Data, DataConfig, Examples};

const RED: Rgb<u8> = Rgb([250, 10, 30]);
const BLUE: Rgb<u8> = Rgb([5, 20, 240]);

/// Saves `count` images of one colour, alternately as PNG and JPEG.
fn fill(folder: &Path, count: usize, (width, height): (u32, u32), colour: Rgb<u8>) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        let ending = ["png", "JPG"][number % 2];
        RgbImage::from_pixel(width, height, colour).save(folder.join(format!("{number:03}.{ending}"))).unwrap();
    }
}

fn raw(data: &Data, set: &Examples, image: usize, channel: usize) -> Vec<f32> {
    let plane = set.shape[1] * set.shape[2];
    let at = (image * set.shape[0] + channel) * plane;
    let (mean, std) = (data.normalization.mean[channel], data.normalization.std[channel]);
    set.inputs[at..at + plane].iter().map(|value| value * std + mean).collect()
}

#[test]
fn a_folder_for_each_class_is_split() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("red"), 30, (6, 4), RED);
    fill(&folder.path().join("blue"), 20, (6, 4), BLUE);
    fs::write(folder.path().join("red/readme.txt"), "not an image").unwrap();
    fs::create_dir(folder.path().join(".hidden")).unwrap();
    let data = Data::open(&config(folder.path())).unwrap();
    assert_eq!(data.classes, ["blue", "red"]);
    assert_eq!([&data.train, &data.validation, &data.test].map(Examples::len), [30, 10, 10]);
    assert_eq!(data.train.shape, [3, 4, 6]);
    for (image, &label) in labels(&data.train).iter().enumerate() {
        let colour = if label == 1 { RED } else { BLUE };
        for channel in 0..3 {
            // JPEG changes colours a little.
            let close = |value: &f32| (value - f32::from(colour.0[channel])).abs() < 5.0;
            assert!(raw(&data, &data.train, image, channel).iter().all(close));
        }
    }
}

#[test]
fn separate_validation_and_test_folders_stay_separate() {
    let folder = tempfile::tempdir().unwrap();
    let part = |part: &str, count, side| {
        fill(&folder.path().join(part).join("a"), count, (side, side), RED);
        fill(&folder.path().join(part).join("b"), count, (side, side), BLUE);
    };
    part("train", 10, 8);
    part("test", 4, 8);
    let opened = |size, limit| {
        let given = DataConfig { size, validation_limit: limit, ..config(folder.path()) };
        let data = Data::open(&given).unwrap();
        ([&data.train, &data.validation, &data.test].map(Examples::len), data.train.shape)
    };
    assert_eq!(opened(0, 0), ([16, 4, 8], vec![3, 8, 8]));
    part("val", 3, 16);
    refused(&config(folder.path()), &["differ in size", "8×8 pixels", "16×16 pixels", "'size'"]);
    assert_eq!(opened(12, 0), ([20, 6, 8], vec![3, 12, 12]));
    assert_eq!(opened(12, 2), ([20, 2, 8], vec![3, 12, 12]));
    let data = Data::open(&DataConfig { size: 12, validation_limit: 2, ..config(folder.path()) }).unwrap();
    let mut classes = labels(&data.validation).to_vec();
    classes.sort_unstable();
    assert_eq!(classes, [0, 1], "one of each class");
}

#[test]
fn images_have_one_channel_if_all_are_grey() {
    let folder = tempfile::tempdir().unwrap();
    for (class, offset) in [("dark", 0), ("light", 100)] {
        fs::create_dir(folder.path().join(class)).unwrap();
        for number in 0..6 {
            let image = GrayImage::from_fn(3, 2, |x, y| Luma([offset + 10 * x as u8 + y as u8]));
            image.save(folder.path().join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    let data = Data::open(&config(folder.path())).unwrap();
    assert_eq!(data.train.shape, [1, 2, 3]);
    let light = labels(&data.train).iter().position(|&label| label == 1).unwrap();
    let expected = [100.0, 110.0, 120.0, 101.0, 111.0, 121.0];
    for (value, expected) in raw(&data, &data.train, light, 0).iter().zip(expected) {
        assert!((value - expected).abs() < 1e-3, "{value} {expected}");
    }

    let sixteen = image::ImageBuffer::<Luma<u16>, _>::from_pixel(3, 2, Luma([0x8000]));
    DynamicImage::ImageLuma16(sixteen).save(folder.path().join("dark/7.png")).unwrap();
    assert_eq!(Data::open(&config(folder.path())).unwrap().train.shape, [1, 2, 3]);
    RgbImage::from_pixel(3, 2, RED).save(folder.path().join("dark/8.png")).unwrap();
    assert_eq!(Data::open(&config(folder.path())).unwrap().train.shape, [3, 2, 3]);
}

#[test]
fn shrinking_averages_all_pixels() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        for number in 0..5 {
            // The stripes are finer than the pixels of the smaller image.
            let image = GrayImage::from_fn(64, 64, |x, _| Luma([if x % 2 == 0 { 0 } else { 200 }]));
            image.save(folder.path().join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    let data = Data::open(&DataConfig { size: 8, ..config(folder.path()) }).unwrap();
    let values = raw(&data, &data.train, 0, 0);
    assert!(values.iter().all(|value| (value - 100.0).abs() < 5.0), "{values:?}");
}

#[test]
fn folders_that_cannot_be_used_say_where_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let (path, given) = (folder.path(), config(folder.path()));
    refused(&given, &["train-images-idx3-ubyte", "a folder of images for each class"]);
    fill(&path.join("a"), 5, (4, 4), RED);
    refused(&given, &["a single class, 'a'"]);
    fs::create_dir(path.join("b")).unwrap();
    refused(&given, &["b' cannot be used", "no file that ends in .png"]);
    fs::write(path.join("b/x.webp"), "").unwrap();
    refused(&given, &["'x.webp' is neither PNG nor JPEG", "convert"]);
    fs::remove_file(path.join("b/x.webp")).unwrap();
    fill(&path.join("b"), 5, (4, 4), BLUE);
    assert!(Data::open(&given).is_ok());
    fs::write(path.join("b/005.png"), "no image").unwrap();
    refused(&given, &["b/005.png' cannot be read as an image"]);
    let whole = fs::read(path.join("b/000.png")).unwrap();
    fs::write(path.join("b/005.png"), &whole[..whole.len() / 2]).unwrap();
    refused(&given, &["b/005.png' cannot be read as an image"]);
    fs::remove_file(path.join("b/005.png")).unwrap();
    fs::create_dir(path.join("b/more")).unwrap();
    refused(&given, &["it holds a folder 'more'"]);
    fs::remove_dir(path.join("b/more")).unwrap();
    refused(&DataConfig { target: "x".into(), ..given.clone() }, &["'target' is for tables"]);

    fs::create_dir(path.join("test")).unwrap();
    refused(&given, &["none named 'train'"]);
    for class in ["a", "b"] {
        fs::create_dir_all(path.join("train")).unwrap();
        fs::rename(path.join(class), path.join("train").join(class)).unwrap();
    }
    refused(&given, &["test' cannot be used: it holds no images"]);
    fill(&path.join("test/c"), 2, (4, 4), RED);
    refused(&given, &["a class 'c' that", "train' lacks"]);
}
