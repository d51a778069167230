#![allow(clippy::unwrap_used, clippy::panic)]

mod boxes;
mod caches;
mod folders;
mod tables;
#[path = "../../../tests/common/test_data.rs"]
pub(crate) mod test_data;

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use self::test_data::test_data;
use super::{Data, DataConfig, Examples, Kind, Targets, Tokens};

fn config(source: impl AsRef<Path>) -> DataConfig {
    DataConfig {
        source: source.as_ref().to_string_lossy().into_owned(),
        target: String::new(),
        ignore: Vec::new(),
        categories: Vec::new(),
        category_limit: 64,
        kind: Kind::Classification,
        split_seed: 0,
        validation: 0.2,
        test: 0.2,
        train_limit: 0,
        validation_limit: 0,
        size: 0,
        context: 8,
        tokens: Tokens::Characters,
    }
}

fn labels(examples: &Examples) -> &[u32] {
    match &examples.targets {
        Targets::Labels { labels, .. } => labels,
        _ => panic!("not classes"),
    }
}

fn refused(config: &DataConfig, parts: &[&str]) {
    let error = Data::open(config).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "'{part}' is not in: {error}");
    }
}

fn gzip(path: &Path, bytes: &[u8]) {
    let mut file = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
    file.write_all(bytes).unwrap();
    file.finish().unwrap();
}

#[test]
fn every_part_holds_all_digits_in_proportion() {
    let data = Data::open(&config("digits")).unwrap();
    assert_eq!([&data.train, &data.validation, &data.test].map(Examples::len), [1079, 359, 359]);
    assert_eq!((&data.train.shape[..], data.train.outputs()), (&[1, 8, 8][..], 10));
    let overall = |digit: u32| {
        [&data.train, &data.validation, &data.test]
            .iter()
            .flat_map(|part| labels(part))
            .filter(|l| **l == digit)
            .count()
    };
    // These counts are published with the data set (scikit-learn's copy).
    assert_eq!((0..10).map(overall).collect::<Vec<_>>(), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    for part in [&data.train, &data.validation, &data.test] {
        for digit in 0..10 {
            let share = labels(part).iter().filter(|label| **label == digit).count() as f64 / part.len() as f64;
            assert!((share - overall(digit) as f64 / 1797.0).abs() < 0.006, "{digit}: {share}");
        }
    }
    let mean = data.train.inputs.iter().sum::<f32>() / data.train.inputs.len() as f32;
    assert!(mean.abs() < 1e-4, "{mean}");
}

/// A table whose first column numbers the rows, so that they can be identified after the split.
fn numbered(folder: &Path, rows: usize) -> PathBuf {
    let path = folder.join("numbered.csv");
    let lines: String =
        (0..rows).map(|row| format!("{row},{},{}\n", row % 7, ["red", "green", "blue"][row % 3])).collect();
    fs::write(&path, format!("row,other,colour\n{lines}")).unwrap();
    path
}

fn rows(data: &Data, part: &Examples) -> Vec<i64> {
    let (mean, std) = (data.normalization.mean[0], data.normalization.std[0]);
    part.inputs.chunks(2).map(|row| (row[0] * std + mean).round() as i64).collect()
}

#[test]
fn parts_share_no_example_and_depend_only_on_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let open = |split_seed, train_limit| {
        Data::open(&DataConfig { split_seed, train_limit, ..config(numbered(folder.path(), 300)) }).unwrap()
    };
    let data = open(0, 0);
    let parts = [&data.train, &data.validation, &data.test].map(|part| rows(&data, part));
    assert_eq!(parts.clone().map(|part| part.len()), [180, 60, 60]);
    assert_eq!(parts.iter().flatten().collect::<HashSet<_>>().len(), 300);
    // The classes are in the order of their names: blue, green, red.
    for (row, label) in parts[0].iter().zip(labels(&data.train)) {
        assert_eq!(*label, [2, 1, 0][(row % 3) as usize]);
    }
    let again = open(0, 0);
    assert_eq!(again.train, data.train);
    let other = open(1, 0);
    assert_ne!(rows(&other, &other.test), parts[2]);
    // A limit keeps some of the training examples and does not change the other sets.
    let limited = open(0, 30);
    let few = rows(&limited, &limited.train);
    assert_eq!(few.len(), 30);
    assert!(few.iter().all(|row| parts[0].contains(row)));
    assert_eq!(rows(&limited, &limited.test), parts[2]);
    for class in 0..3 {
        assert_eq!(labels(&limited.train).iter().filter(|label| **label == class).count(), 10);
    }
}

#[test]
fn tables_are_read_plain_and_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let text = "a, target ,b\n1, 10 ,4\n2,20,5\n3,30,6\n4,40,7\n5,50,8\n6,60,9\n7,70,10\n8,80,11\n9,90,12\n10,100,13\n";
    let (plain, packed) = (folder.path().join("t.csv"), folder.path().join("t.CSV.gz"));
    fs::write(&plain, text).unwrap();
    gzip(&packed, text.as_bytes());
    let regression = |path: &Path| DataConfig { kind: Kind::Regression, target: "target".into(), ..config(path) };
    let data = Data::open(&regression(&plain)).unwrap();
    assert_eq!((data.train.shape.as_slice(), data.train.outputs(), data.train.len()), (&[2][..], 1, 6));
    assert_eq!(Data::open(&regression(&packed)).unwrap().train, data.train);
    let Targets::Values(values) = &data.train.targets else { panic!("not numbers") };
    let back = |value: f32| value * data.normalization.target_std + data.normalization.target_mean;
    for (row, value) in data.train.inputs.chunks(2).zip(values) {
        let a = row[0] * data.normalization.std[0] + data.normalization.mean[0];
        assert!((back(*value) - 10.0 * a).abs() < 1e-3);
    }
}

#[test]
fn tables_that_cannot_be_used_say_where_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        config(path)
    };
    refused(&written("ragged.csv", "a,b\n1,x\n2,y,3\n"), &["ragged.csv', line 3: 3 cells", "2 columns"]);
    refused(&written("word.csv", "a,b\n1,x\noops,y\n"), &["line 3, column 'a': 'oops' is not a finite number"]);
    refused(&written("empty.csv", "a,b\n,x\nNA,y\n"), &["the column 'a' has no value at all", "'ignore'"]);
    refused(&written("target.csv", "a,b\n1,x\n2,NA\n3,y\n"), &["line 3, column 'b': the target is missing ('NA')"]);
    refused(&written("infinite.csv", "a,b\n1,x\ninf,y\n"), &["'inf' is not a finite number"]);
    refused(&written("single.csv", "a,b\n1,x\n2,x\n3,x\n"), &["a single class, 'x'"]);
    refused(&written("few.csv", "a,b\n1,x\n2,y\n"), &["2 rows, too few"]);
    refused(&written("empty.csv", ""), &["at least two columns"]);
    refused(&written("headless.csv", "1,2\n3,4\n"), &["must name the columns"]);
    refused(&written("semicolon.csv", "a;b\n1;2\n"), &["separated by commas"]);
    let unknown = DataConfig { target: "c".into(), ..written("known.csv", "a,b\n1,2\n") };
    refused(&unknown, &["no column 'c'", "'target'", "columns: a, b"]);
    refused(
        &DataConfig { size: 4, ..written("small.csv", "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n") },
        &["no images to resize"],
    );
    refused(&config(folder.path().join("missing.csv")), &["there are no data", "digits"]);
    refused(&config("mnist"), &["there are no data 'mnist'"]);
    refused(&DataConfig { kind: Kind::Regression, ..config("digits") }, &["has classes", "regression"]);
    refused(&DataConfig { target: "x".into(), ..config("digits") }, &["'target' is for tables"]);
    let known = written("known.csv", "a,b,c\n1,2,x\n3,4,y\n");
    refused(&DataConfig { ignore: vec!["d".into()], ..known.clone() }, &["no column 'd', which 'ignore' names"]);
    refused(&DataConfig { categories: vec!["c".into()], ..known.clone() }, &["'categories' names 'c'", "the target"]);
    refused(&DataConfig { ignore: vec!["a".into(), "b".into()], ..known }, &["'ignore' leaves no feature"]);
    let value = DataConfig { kind: Kind::Regression, ..written("value.csv", "a,b\n1,2\n3,x\n") };
    refused(&value, &["line 3, column 'b': 'x' is not a finite number"]);
}

fn idx(magic: u32, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let words = std::iter::once(magic).chain(sizes.iter().copied());
    words.flat_map(u32::to_be_bytes).chain(bytes.iter().copied()).collect()
}

/// Writes 3×2 images of two classes, dark and bright.
fn write_idx(folder: &Path, train: u32, test: u32) {
    for (part, count) in [("train", train), ("t10k", test)] {
        let labels: Vec<u8> = (0..count).map(|image| (image % 2) as u8).collect();
        let pixels: Vec<u8> = labels.iter().flat_map(|label| [label * 200 + 10; 6]).collect();
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), idx(0x803, &[count, 3, 2], &pixels)).unwrap();
        gzip(&folder.join(format!("{part}-labels-idx1-ubyte.gz")), &idx(0x801, &[count], &labels));
    }
}

#[test]
fn folders_of_idx_files_keep_their_test_set() {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), 50, 20);
    let data = Data::open(&config(folder.path())).unwrap();
    assert_eq!([&data.train, &data.validation, &data.test].map(Examples::len), [40, 10, 20]);
    assert_eq!((&data.train.shape[..], data.train.outputs()), (&[1, 3, 2][..], 2));
    for (image, label) in data.test.inputs.chunks(6).zip(labels(&data.test)) {
        assert_eq!(image[0] > 0.0, *label == 1);
    }
    let resized = Data::open(&DataConfig { size: 8, ..config(folder.path()) }).unwrap();
    assert_eq!(resized.test.shape, [1, 8, 8]);
}

#[test]
fn idx_files_that_cannot_be_used_say_which_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let damaged = |name: &str, bytes: Vec<u8>, parts: &[&str]| {
        write_idx(folder.path(), 50, 20);
        let _ = fs::remove_file(path(&format!("{name}.gz")));
        fs::write(path(name), bytes).unwrap();
        refused(&config(folder.path()), parts);
        fs::remove_file(path(name)).unwrap();
    };
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    damaged(images, idx(0x801, &[50], &[0; 50]), &[images, "0x00000801, not 0x00000803"]);
    damaged(labels, idx(0x803, &[1, 1, 1], &[0]), &[labels, "0x00000803, not 0x00000801"]);
    damaged(images, idx(0x803, &[50, 3, 2], &[0; 299]), &[images, "should hold 312 bytes", "holds 311"]);
    damaged(images, idx(0x803, &[u32::MAX; 3], &[0; 6]), &[images, "should hold"]);
    damaged(images, vec![0, 0], &[images]);
    damaged(images, idx(0x803, &[0, 3, 2], &[]), &["holds nothing"]);
    damaged(labels, idx(0x801, &[49], &[0; 49]), &["50 images", "49 labels", "do not belong together"]);
    damaged("t10k-images-idx3-ubyte", idx(0x803, &[20, 2, 2], &[0; 80]), &["do not belong together", "[1, 2, 2]"]);
    let alien = (0..20).map(|image| image as u8).collect::<Vec<_>>();
    damaged("t10k-labels-idx1-ubyte", idx(0x801, &[20], &alien), &["label 19 occurs only in the test set"]);
    write_idx(folder.path(), 50, 20);
    fs::write(path("train-labels-idx1-ubyte.gz"), "no gzip").unwrap();
    refused(&config(folder.path()), &["cannot read", "train-labels-idx1-ubyte.gz"]);
    fs::remove_file(path("train-labels-idx1-ubyte.gz")).unwrap();
    refused(&config(folder.path()), &["neither 'train-labels-idx1-ubyte' nor"]);
}

#[test]
fn fashion_mnist() {
    let Some(source) = test_data("fashion-mnist") else { return };
    let data = Data::open(&DataConfig { train_limit: 2000, validation_limit: 500, ..config(source) }).unwrap();
    assert_eq!([&data.train, &data.validation, &data.test].map(Examples::len), [2000, 500, 10_000]);
    assert_eq!((&data.train.shape[..], data.train.outputs()), (&[1, 28, 28][..], 10));
    for class in 0..10 {
        assert_eq!(labels(&data.train).iter().filter(|label| **label == class).count(), 200);
        assert_eq!(labels(&data.test).iter().filter(|label| **label == class).count(), 1000);
    }
}

fn text(folder: &Path, content: impl AsRef<[u8]>) -> DataConfig {
    let path = folder.join("a.txt");
    fs::write(&path, content).unwrap();
    DataConfig { kind: Kind::Language, ..config(path) }
}

#[test]
fn a_text_becomes_windows_that_do_not_overlap_between_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    // The text has 100 characters of 4 kinds, one of which has two bytes.
    let content: String = "abcé".chars().cycle().take(100).collect();
    let data = Data::open(&text(folder.path(), &content)).unwrap();
    assert_eq!(data.vocabulary, "abcé");
    assert_eq!((&data.train.shape[..], data.train.outputs()), (&[8][..], 4));
    // The parts have 60, 20 and 20 characters, and each window needs the character after it.
    assert_eq!([&data.train, &data.validation, &data.test].map(Examples::len), [7, 2, 2]);
    let Targets::Tokens { labels, positions, lengths } = &data.train.targets else { panic!("no tokens") };
    assert_eq!((*positions, &lengths[..]), (8, &[1, 1, 1, 2][..]));
    let inputs: Vec<u32> = data.train.inputs.iter().map(|&token| token as u32).collect();
    assert_eq!(inputs[..5], [0, 1, 2, 3, 0]);
    assert_eq!(labels[..5], [1, 2, 3, 0, 1]);
    // The token after the last position of a window is the first token of the next window.
    assert_eq!(labels[7], inputs[8]);
    assert_eq!(data.train.tokens_of(&[2, 0]), [&labels[16..24], &labels[..8]].concat());
    let both = data.train.and(&data.validation);
    assert_eq!((both.len(), both.tokens_of(&[7])), (9, data.validation.tokens_of(&[0])));
}

#[test]
fn a_limit_draws_windows_of_the_training_part() {
    let folder = tempfile::tempdir().unwrap();
    let content: String = (0..1000_u32).map(|i| char::from_u32(0x4e00 + i).unwrap()).collect();
    let all = text(folder.path(), content);
    let limited = |seed| Data::open(&DataConfig { train_limit: 5, split_seed: seed, ..all.clone() }).unwrap().train;
    let (one, other) = (limited(0), limited(1));
    assert_eq!([one.len(), other.len()], [5, 5]);
    assert_ne!(one, other);
    assert_eq!(one, limited(0));
    // Each character occurs once, so a token says where it was in the text.
    assert!(one.inputs.iter().all(|&token| token < 600.0));
}

#[test]
fn unusable_texts_are_refused_with_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let long: String = "ab".repeat(200);
    refused(&text(folder.path(), [b"abc", &[0xff; 3][..]].concat()), &["a.txt", "not UTF-8 from byte 3 on"]);
    refused(&text(folder.path(), "aaaa".repeat(100)), &["a.txt", "no character but 'a'"]);
    refused(&text(folder.path(), "ab".repeat(20)), &["40 tokens", "smallest", " 8: ", "lower 'context'"]);
    refused(&text(folder.path(), ""), &["no characters"]);
    let fine = text(folder.path(), long);
    refused(&DataConfig { kind: Kind::Regression, ..fine.clone() }, &["is a text", "'task'"]);
    refused(&DataConfig { target: "x".into(), ..fine.clone() }, &["no columns"]);
    refused(&DataConfig { size: 8, ..fine }, &["no images"]);
    refused(&DataConfig { kind: Kind::Language, ..config("digits") }, &["is not a text", ".txt"]);
}

/// Writes records of `labels` bytes and an image. The class of a record is its number modulo `classes`.
fn cifar(path: &Path, records: usize, labels: usize, classes: usize) {
    let record = |number: usize| {
        let mut bytes = vec![99; labels];
        bytes[labels - 1] = (number % classes) as u8;
        // The planes are red, green and blue.
        bytes.extend([10, 20, 30].iter().flat_map(|&value| vec![value + number as u8; 32 * 32]));
        bytes
    };
    fs::write(path, (0..records).flat_map(record).collect::<Vec<u8>>()).unwrap();
}

#[test]
fn folders_of_cifar_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for batch in 1..=5 {
        cifar(&file(&format!("data_batch_{batch}.bin")), 20, 1, 10);
    }
    cifar(&file("test_batch.bin"), 10, 1, 10);
    let data = Data::open(&config(folder.path())).unwrap();
    assert_eq!([&data.train, &data.validation, &data.test].map(Examples::len), [80, 20, 10]);
    assert_eq!((&data.train.shape[..], data.train.outputs()), (&[3, 32, 32][..], 10));
    assert_eq!(labels(&data.test), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let scaled = |plane: usize, number: f32| {
        (10.0 * (plane + 1) as f32 + number - data.normalization.mean[plane]) / data.normalization.std[plane]
    };
    for (number, image) in data.test.inputs.chunks(3072).enumerate() {
        for plane in 0..3 {
            assert!((image[plane * 1024 + 7] - scaled(plane, number as f32)).abs() < 1e-5);
        }
    }

    fs::remove_file(file("data_batch_3.bin")).unwrap();
    refused(&config(folder.path()), &["data_batch_3.bin", "cannot read"]);
    fs::write(file("data_batch_3.bin"), vec![0; 3072]).unwrap();
    refused(&config(folder.path()), &["data_batch_3.bin", "3072 bytes", "3073"]);
    cifar(&file("data_batch_3.bin"), 12, 1, 12);
    refused(&config(folder.path()), &["data_batch_3.bin", "record 10 has the class 10"]);
}

#[test]
fn fine_classes_of_cifar_100_are_learnt() {
    let folder = tempfile::tempdir().unwrap();
    cifar(&folder.path().join("train.bin"), 200, 2, 100);
    cifar(&folder.path().join("test.bin"), 5, 2, 100);
    let data = Data::open(&config(folder.path())).unwrap();
    assert_eq!((data.train.outputs(), labels(&data.test)), (100, &[0, 1, 2, 3, 4][..]));
}
